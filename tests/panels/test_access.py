"""Workers 9: tokens and the audit chain as an administrator meets them."""

import asyncio
import json

import pytest

from panels.door import Door, request
from panels.system import WORKER_ID, System
from triptych.model import State
from triptych.panels.http import Route
from triptych.tokens import Role
from triptych.wiring import PANELS

EVERY = [route for panel in PANELS for route in panel.routes if not route.open]
REFUSALS = (b"not authorised", b"not allowed")


async def token(system: System, role: Role = Role.OPERATOR, **bounds: tuple[str, ...]) -> str:
    """Make a token and return the header that carries it."""
    _, spelled = await system.door.app.service.tokens.create(name="t", role=role, by="test", **bounds)
    return f"Bearer {spelled}"


async def asked(door: Door, method: str, path: str, body: object = None, **headers: str):
    data = b"" if body is None else json.dumps(body).encode()
    reply = await door.ask(method, path, data, **headers)
    return reply.status, json.loads(reply.body) if reply.body else None


async def is_refused(door: Door, route: Route, **headers: str) -> bool:
    """Say whether a call is refused; endless answers are not read to their end."""
    path = route.path.replace(":path}", "}").replace("{id}", "none").replace("{name}", "5fd029158c82e7313614426f")
    async with door.line() as line:
        await line.send(request(route.method, path, **headers))
        head = await line.reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 200") and b"application/json" not in head:
            return False
        size = next((int(field.split(b":")[1]) for field in head.lower().split(b"\r\n") if field.startswith(b"content-length")), 0)
        body = await line.reader.readexactly(size)
    return any(refusal in body for refusal in REFUSALS)


@pytest.mark.parametrize("role", list(Role))
async def test_every_route_lets_in_whose_role_covers_its_own(system: System, role: Role) -> None:
    """Workers 9, stolen user token: matrix role by route."""
    headers = {"authorization": await token(system, role)}
    wrong = [
        f"{route.method} {route.path}" for route in EVERY if await is_refused(system.door, route, **headers) is role.covers(route.role)
    ]
    assert wrong == []


async def test_no_route_lets_a_wrong_token_in(system: System) -> None:
    for credential in ("Bearer nonsense", "Bearer ", "bearer triptych_" + "A" * 43):
        open_routes = [route.path for route in EVERY if not await is_refused(system.door, route, authorization=credential)]
        assert open_routes == []


async def test_each_panel_refuses_a_wrong_token_in_its_own_words(system: System) -> None:
    """Workers W3, 7; media G2; camera S4."""
    wrong = {"authorization": "Bearer nonsense"}
    native = await system.door.ask("GET", "/api/v1/jobs", **wrong)
    problem = json.loads(native.body)
    assert (native.status, problem["code"], problem["detail"]) == (401, "not_authenticated", "not authorised")
    assert native.headers["www-authenticate"] == "Bearer"
    legacy = await system.door.ask("POST", "/start", **wrong)
    assert (legacy.status, legacy.body) == (500, b'{"error":"not authorised"}\n')
    assert legacy.headers["triptych-error"] == "not_authenticated"
    assert (await asked(system.door, "GET", "/api/ai/jobs", **wrong))[0] == 401
    assert await asked(system.door, "GET", "/api/job", **wrong) == (200, {"status": "ERROR", "message": "not allowed"})


async def test_credentials_are_looked_at_before_the_body(system: System) -> None:
    """Workers W4: host and origin, credentials, body."""
    for path in ("/start", "/api/v1/jobs"):
        assert b"not authorised" in (await system.door.ask("POST", path, b"{", authorization="Bearer nonsense")).body
        assert b"host not allowed" in (await system.door.ask("POST", path, b"{", authorization="Bearer nonsense", host="evil")).body


async def test_a_token_is_made_shown_once_used_listed_and_revoked(system: System) -> None:
    """Workers 9: shown once, instant revocation."""
    status, made = await asked(system.door, "POST", "/api/v1/tokens", {"name": "ci", "role": "viewer", "expires_in_s": 60})
    assert status == 201
    credential = {"authorization": f"Bearer {made.pop('token')}"}
    assert (made["name"], made["role"], made["workers"], made["used_at"]) == ("ci", "viewer", None, None)
    assert made["expires_at"] > made["created_at"]
    assert (await asked(system.door, "GET", "/api/v1/jobs", **credential))[0] == 200
    status, listed = await asked(system.door, "GET", "/api/v1/tokens")
    assert (status, listed) == (200, {"tokens": [made | {"used_at": listed["tokens"][0]["used_at"]}]})
    assert listed["tokens"][0]["used_at"] is not None
    gone = await system.door.ask("DELETE", f"/api/v1/tokens/{made['id']}")
    assert (gone.status, gone.body) == (204, b"")
    assert (await asked(system.door, "GET", "/api/v1/jobs", **credential))[0] == 401
    assert (await asked(system.door, "DELETE", f"/api/v1/tokens/{made['id']}"))[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "viewer"}, "name"),
        ({"name": "x", "role": "root"}, "role"),
        ({"name": "x\n", "role": "viewer"}, "name"),
        ({"name": "x", "role": "admin", "workers": ["w"]}, "role"),
        ({"name": "x", "role": "operator", "commands": []}, "commands"),
        ({"name": "x", "role": "operator", "expires_in_s": 0}, "expires_in_s"),
        ({"name": "x", "role": "operator", "worker": "w"}, "worker"),
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(system: System, body: dict[str, object], field: str) -> None:
    status, problem = await asked(system.door, "POST", "/api/v1/tokens", body)
    assert (status, problem["field"]) == (422, field)


async def test_an_open_answer_ends_with_its_token(system: System) -> None:
    """Workers 9: instant revocation; not one event more is told."""
    made, spelled = await system.door.app.service.tokens.create(name="t", role=Role.VIEWER, by="test")
    async with system.door.line() as line:
        await line.send(request("GET", "/api/v1/events", authorization=f"Bearer {spelled}"))
        await line.reader.readuntil(b"retry: 1000\n\n")
        await system.door.app.service.tokens.revoke(made.id)
        await asked(system.door, "POST", "/start", {"worker_id": WORKER_ID, "command": "sh", "path": ""})
        async with asyncio.timeout(10):
            assert b"data:" not in await line.reader.readuntil(b"0\r\n\r\n")


async def start(system: System, credential: str, worker_id: str = WORKER_ID, command: str = "sh") -> tuple[int, str]:
    body = {"worker_id": worker_id, "command": command, "path": ""}
    status, answer = await asked(system.door, "POST", "/start", body, authorization=credential)
    return status, answer.get("job_id") or answer["error"]


async def test_a_bound_token_starts_on_its_workers_with_its_commands_only(system: System) -> None:
    """Workers 9: an operator token may be bound to workers and commands, on `/start` and on the native route."""
    bound = await token(system, workers=(WORKER_ID,), commands=("sh",))
    assert (await start(system, bound))[0] == 201
    assert await start(system, bound, command="bash") == (500, "not authorised")
    assert await start(system, bound, worker_id="elsewhere") == (500, "not authorised")
    for body, status in (
        ({"command": "sh", "worker_id": WORKER_ID}, 201),
        ({"command": "bash", "worker_id": WORKER_ID}, 403),
        ({"command": "sh", "worker_id": "elsewhere"}, 403),
        ({"command": "sh", "labels": {}}, 403),
    ):
        assert (await asked(system.door, "POST", "/api/v1/jobs", body, authorization=bound))[0] == status


async def test_a_bound_token_neither_stops_reads_nor_lists_what_is_not_its_own(system: System) -> None:
    """Workers 9: jobs of other workers and commands, on every route that names a job."""
    whole = await token(system)
    _, job_id = await start(system, whole, command="bash")
    await system.job(job_id, State.RUNNING)
    own, other = await token(system, commands=("bash",)), await token(system, commands=("sh",))
    away = await token(system, workers=("elsewhere",))
    for stranger in (other, away):
        for path in ("/stop", "/query"):
            body = {"worker_id": WORKER_ID, "job_id": job_id}
            assert await asked(system.door, "POST", path, body, authorization=stranger) == (500, {"error": "not authorised"})
        for method, more in (
            ("GET", ""),
            ("GET", "?wait_s=1"),
            ("GET", "/output"),
            ("GET", "/events"),
            ("POST", "/stop"),
            ("POST", "/pause"),
        ):
            status, _ = await asked(system.door, method, f"/api/v1/jobs/{job_id}{more}", authorization=stranger)
            assert (more, status) == (more, 403)
        assert (await asked(system.door, "GET", "/api/v1/jobs", authorization=stranger))[1]["jobs"] == []
    assert (await asked(system.door, "GET", "/api/v1/workers", authorization=away))[1]["workers"] == []
    assert (await asked(system.door, "GET", f"/api/v1/workers/{WORKER_ID}", authorization=away))[0] == 403
    assert (await system.engine.find(job_id)).state is State.RUNNING
    listed = (await asked(system.door, "GET", "/api/v1/jobs", authorization=own))[1]["jobs"]
    assert [job["id"] for job in listed] == [job_id]
    body = {"worker_id": WORKER_ID, "job_id": job_id}
    assert await asked(system.door, "POST", "/stop", body, authorization=own) == (200, {"success": True})


async def test_a_bound_token_has_nothing_of_the_other_panels(system: System) -> None:
    bound = await token(system, workers=(WORKER_ID,))
    refused = (200, {"status": "ERROR", "message": "not allowed"})
    assert await asked(system.door, "PUT", "/api/job?cause=track", authorization=bound) == refused


async def deeds(system: System) -> list[tuple[str, str]]:
    _, page = await asked(system.door, "GET", "/api/v1/audit?limit=500")
    return [(entry["who"], entry["deed"]) for entry in reversed(page["entries"])]


async def test_who_did_what_is_told(system: System) -> None:
    """Workers 9: who started, stopped, paused, made and revoked, and was denied."""
    _, made = await asked(system.door, "POST", "/api/v1/tokens", {"name": "ci", "role": "operator"})
    bearer, who = f"Bearer {made['token']}", f"token:{made['id']}"
    _, job_id = await start(system, bearer)
    await system.job(job_id, State.RUNNING)
    for verb in ("pause", "resume", "stop"):
        await asked(system.door, "POST", f"/api/v1/jobs/{job_id}/{verb}", authorization=bearer)
    await asked(system.door, "GET", "/api/v1/tokens", authorization=bearer)
    await asked(system.door, "GET", "/api/v1/jobs", authorization="Bearer wrong")
    await asked(system.door, "DELETE", f"/api/v1/tokens/{made['id']}")
    (admin, first), *rest, (last_admin, last) = await deeds(system)
    assert (admin, first, last) == (last_admin, "token.create", "token.revoke")
    assert admin.startswith("uid:")
    assert rest == [*((who, f"job.{verb}") for verb in ("start", "pause", "resume", "stop")), (who, "denied"), ("nobody", "denied")]
    _, page = await asked(system.door, "GET", "/api/v1/audit?limit=500")
    begun = next(entry["what"] for entry in page["entries"] if entry["deed"] == "job.start")
    assert begun == {"job": job_id, "kind": "command", "worker": WORKER_ID, "command": "sh"}
    assert made["token"] not in json.dumps(page)


async def test_the_chain_is_paged_and_verified_over_http(system: System) -> None:
    for _ in range(3):
        await asked(system.door, "POST", "/api/v1/tokens", {"name": "ci", "role": "viewer"})
    _, page = await asked(system.door, "GET", "/api/v1/audit?limit=2")
    _, rest = await asked(system.door, "GET", f"/api/v1/audit?limit=2&cursor={page['cursor']}")
    assert [entry["number"] for entry in (*page["entries"], *rest["entries"])] == [3, 2, 1]
    assert rest["cursor"] is None
    assert await asked(system.door, "GET", "/api/v1/audit/verify") == (200, {"intact": True, "entries": 3, "fault": None})
    file = system.door.app.service.settings.data_dir / "audit.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"name":"ci"', b'"name":"no"', 1))
    _, verdict = await asked(system.door, "GET", "/api/v1/audit/verify")
    assert verdict == {"intact": False, "entries": 1, "fault": "entry 1 was changed"}
