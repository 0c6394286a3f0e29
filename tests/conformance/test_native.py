"""The native API against `triptych up`: what each field of a submission does, and each row of the table of statuses (workers.md 7)."""

import json
from typing import Any

import httpx
import pytest

from conformance.up import DOCUMENTED_WORKER, UpServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECORD = {
    *("id", "state", "end_reason", "exit_code", "signal", "core_dumped", "attempt", "attempts", "worker_id", "labels", "pid"),
    *("created_at", "started_at", "ended_at", "stopped_by", "kill_tier", "limits_enforced", "usage", "leftovers_killed", "survivors"),
    *("output", "command", "args", "script", "env", "cwd", "stdin", "timeout_s", "grace_s", "queue_s", "retry", "priority", "limits"),
    *("strict_limits", "merge_output", "leftovers", "needs_setuid", "umask"),
}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
HERE = {"worker_id": DOCUMENTED_WORKER}


async def submitted(up: UpServer, *words: str, **fields: object) -> str:
    reply = await up.client.post("/api/v1/jobs", json=HERE | {"command": words[0], "args": words[1:]} | fields)
    assert reply.status_code == 201, reply.text
    return reply.json()["id"]


async def ended(up: UpServer, *words: str, **fields: object) -> Any:
    job_id = await submitted(up, *words, **fields)
    record = (await up.client.get(f"/api/v1/jobs/{job_id}", params={"wait_s": 30})).json()
    assert record["state"] == "ended"
    return record


async def written(up: UpServer, *words: str, stream: str = "stdout", **fields: object) -> str:
    record = await ended(up, *words, **fields)
    return (await up.client.get(f"/api/v1/jobs/{record['id']}/output", params={"stream": stream})).text


async def forbidden(up: UpServer, *words: str, **fields: object) -> str:
    """Return why the worker refused, which the caller hears at once and the history keeps."""
    reply = await up.client.post("/api/v1/jobs", json=HERE | {"command": words[0], "args": words[1:]} | fields)
    newest = (await up.client.get("/api/v1/jobs", params={"limit": 1})).json()["jobs"][0]
    assert (reply.status_code, newest["end_reason"]) == (403, "never_started")
    assert newest["error"]["message"] == reply.json()["detail"]
    return reply.json()["detail"]


async def stop(up: UpServer, job_id: str) -> None:
    assert (await up.client.post(f"/api/v1/jobs/{job_id}/stop", json={"grace_s": 0})).json()["state"] == "ended"


async def test_arguments_come_as_they_are_without_a_shell(up: UpServer) -> None:
    assert await written(up, "printf", "%s|", "a b", "$HOME", "", "*", "é") == "a b|$HOME||*|é|"


async def test_variables_of_the_job_are_added_and_go_first(up: UpServer) -> None:
    """workers S7."""
    told = await written(up, "env", env={"MINE": "x=y", "LANG": "C"})
    lines = told.splitlines()
    assert {"MINE=x=y", "LANG=C", f"TRIPTYCH_WORKER_ID={DOCUMENTED_WORKER}", "TRIPTYCH_ATTEMPT=1"} <= set(lines)


async def test_the_folder_is_a_fresh_one_the_root_or_one_beneath_it(up: UpServer) -> None:
    """workers S9."""
    root = up.data / "root"
    fresh = (await written(up, "pwd")).strip()
    assert fresh != str(root)
    assert (await written(up, "pwd", cwd="root")).strip() == str(root.resolve())
    assert (await written(up, "pwd", cwd="worker/scripts")).strip() == str((root / "worker" / "scripts").resolve())
    assert await forbidden(up, "pwd", cwd="../..") == "path outside the worker root"


async def test_a_script_becomes_the_first_argument_by_its_absolute_path(up: UpServer) -> None:
    """workers S2, 7."""
    path = up.data / "root" / "first.sh"
    path.write_text('echo "$0" "$1"')
    assert await written(up, "sh", "after", script="first.sh") == f"{path.resolve()} after\n"
    assert await forbidden(up, "sh", script="../../etc/passwd") == "path outside the worker root"


async def test_text_is_standard_input_and_nothing_is_the_null_device(up: UpServer) -> None:
    """workers S8."""
    assert await written(up, "cat", stdin="one\ntwo") == "one\ntwo"
    assert await written(up, "cat") == ""


async def test_files_get_the_mode_that_was_asked_for(up: UpServer) -> None:
    """workers S9."""
    show = ("sh", "-c", "umask")
    assert await written(up, *show) == "0077\n"
    assert await written(up, *show, umask="027") == "0027\n"


async def test_both_streams_can_be_one(up: UpServer) -> None:
    """workers O2."""
    script = ("sh", "-c", "echo a; echo b >&2; echo c")
    assert await written(up, *script, merge_output=True) == "a\nb\nc\n"
    assert await written(up, *script, stream="stderr") == "b\n"


async def test_a_job_whose_time_is_up_is_ended(up: UpServer) -> None:
    """workers K7."""
    record = await ended(up, "sleep", "300", timeout_s=0.2, grace_s=1)
    assert (record["end_reason"], record["timeout_s"], record["grace_s"]) == ("timed_out", 0.2, 1)


async def test_a_record_is_the_same_wherever_it_is_read(up: UpServer) -> None:
    """workers N0: at submission, alone, in a list and after a stop."""
    made = (await up.client.post("/api/v1/jobs", json=HERE | {"command": "sleep", "args": ["300"]})).json()
    read = (await up.client.get(f"/api/v1/jobs/{made['id']}")).json()
    listed = (await up.client.get("/api/v1/jobs", params={"limit": 1})).json()["jobs"][0]
    over = (await up.client.post(f"/api/v1/jobs/{made['id']}/stop", json={"grace_s": 1})).json()
    assert made.keys() == read.keys() == listed.keys() == over.keys()
    assert over.keys() >= RECORD
    assert (over["end_reason"], over["stopped_by"], over["output"]["complete"]) == ("stopped", "api", True)


async def test_jobs_are_found_by_label_and_by_text(up: UpServer) -> None:
    """workers 7."""
    ask = {"command": "needle-in-here", "labels": {"rack": "7", "gpu": "a=b"}}
    waiting = (await up.client.post("/api/v1/jobs", json=ask)).json()["id"]
    other = (await ended(up, "echo", "Another NEEDLE"))["id"]

    async def found(**query: str) -> set[str]:
        return {record["id"] for record in (await up.client.get("/api/v1/jobs", params=query)).json()["jobs"]}

    assert await found(label="rack=7") == await found(label="gpu=a=b") == await found(label="rack=7", text="in-here") == {waiting}
    assert await found(label="rack=8") == await found(label="rack=") == set()
    assert await found(text="needle") == {waiting, other}
    assert await found(text=other[:13]) == {other}
    assert await found(text="another needle", state="ended", end_reason="exited") == {other}
    await stop(up, waiting)


async def test_a_list_is_stable_while_rows_arrive(up: UpServer) -> None:
    """workers 7: an opaque cursor."""
    before = [(await ended(up, "true"))["id"] for _ in range(4)]
    first = (await up.client.get("/api/v1/jobs", params={"limit": 2})).json()
    newer = (await ended(up, "true"))["id"]
    second = (await up.client.get("/api/v1/jobs", params={"limit": 2, "cursor": first["cursor"]})).json()
    seen = [record["id"] for record in (*first["jobs"], *second["jobs"])]
    assert seen == before[::-1]
    assert newer not in seen


STATUSES = [
    ("POST", "jobs", {"command": "true"} | HERE, 201, None),
    ("GET", "jobs?limit=1", None, 200, None),
    ("GET", "jobs?state=nonesuch", None, 400, "invalid_parameter"),
    ("GET", "jobs?label=rack", None, 400, "invalid_parameter"),
    ("GET", "jobs?text=", None, 400, "invalid_parameter"),
    ("POST", "jobs", b"{", 400, "body_truncated"),
    ("GET", f"jobs/{UNKNOWN}", None, 404, "job_not_found"),
    ("POST", "jobs", {"command": "true", "worker_id": "nobody"}, 404, "worker_not_found"),
    ("GET", "workers/nobody", None, 404, "worker_not_found"),
    ("GET", "schedules", None, 404, "route_not_found"),
    ("POST", "schedules", {}, 404, "route_not_found"),
    ("GET", "fanouts", None, 404, "route_not_found"),
    ("PUT", "jobs", None, 405, "method_not_allowed"),
    ("POST", "jobs", b" " * (4 * 1024 * 1024 + 1), 413, "too_large"),
    ("POST", "jobs", {"command": "true", "surprise": 1} | HERE, 422, "invalid"),
    ("POST", "jobs", {"command": "true", "env": {"A": {"secret": "X"}}} | HERE, 422, "not_available_yet"),
]


@pytest.mark.parametrize("row", STATUSES, ids=lambda row: f"{row[3]} {row[0]} {row[1][:20]}")
async def test_a_status_says_what_became_of_a_request(up: UpServer, row: tuple[str, str, object, int, str | None]) -> None:
    """workers 7: the table of statuses, each fault as problem details with a stable code."""
    method, path, body, status, code = row
    content = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
    reply = await up.client.request(method, f"/api/v1/{path}", content=content)
    assert reply.status_code == status
    if code is not None:
        told = reply.json()
        assert reply.headers["content-type"] == "application/problem+json"
        assert (told["type"], told["status"], told["code"]) == ("about:blank", status, code)
        assert told["title"]
        assert told["detail"]


async def test_a_wrong_method_is_told_the_right_ones(up: UpServer) -> None:
    for path, allowed in (("jobs", "GET, HEAD, OPTIONS, POST"), (f"jobs/{UNKNOWN}/stop", "OPTIONS, POST")):
        reply = await up.client.put(f"/api/v1/{path}")
        assert (reply.status_code, reply.headers["allow"]) == (405, allowed)


async def test_a_large_answer_is_packed_and_output_never_is(up: UpServer) -> None:
    """engine.md 3: gzip above 1 KiB, not on raw output."""
    job_id = (await ended(up, "head", "-c", "5000", "/dev/zero"))["id"]
    packed = {"accept-encoding": "gzip"}
    listed = await up.client.get("/api/v1/jobs", headers=packed)
    assert listed.headers["content-encoding"] == "gzip"
    assert listed.json()["jobs"]
    raw = await up.client.get(f"/api/v1/jobs/{job_id}/output", headers=packed)
    assert (raw.headers.get("content-encoding"), raw.content) == (None, bytes(5000))
    small = await up.client.get("/healthz", headers=packed)
    assert "content-encoding" not in small.headers


async def test_a_paused_job_stands_still_and_goes_on(up: UpServer) -> None:
    """workers 7: the time-out clock stands still with it."""
    job_id = await submitted(up, "sleep", "300", timeout_s=2, grace_s=0)
    async with httpx.AsyncClient(base_url=up.client.base_url, timeout=30) as client:
        held = (await client.post(f"/api/v1/jobs/{job_id}/pause")).json()
        assert held["state"] == "paused"
        assert (await client.get(f"/api/v1/jobs/{job_id}", params={"wait_s": 2.5})).json()["state"] == "paused"
        assert (await client.post(f"/api/v1/jobs/{job_id}/resume")).json()["state"] == "running"
        over = (await client.get(f"/api/v1/jobs/{job_id}", params={"wait_s": 30})).json()
    assert over["end_reason"] == "timed_out"
