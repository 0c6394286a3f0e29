"""The routes of the v1 view over a scripted worker; tests/conformance/test_google.py runs the official client on the real one."""

import base64
import json
from pathlib import Path

import pytest

from panels.door import request
from panels.system import System, running_system
from triptych.errors import Conflict, Invalid, Unavailable
from triptych.media.content import FOLDER
from triptych.messages import Ended, Progress
from triptych.model import End, EndReason, State, Submission
from triptych.panels.google import refuse
from triptych.tokens import Role
from triptych.wiring import PANELS

ANNOTATE = "/v1/videos:annotate"
SHOTS = {"inputUri": "a.mp4", "features": [2]}
MEDIA = b"\0\0\0\x18ftypmp42"
INT = "?$alt=json;enum-encoding=int"
LIST = "/v1/projects/triptych/locations/local/operations"


@pytest.fixture
async def system(tmp_path: Path):
    """A server with every panel, one file in its media root, and a worker with room for one job."""
    (tmp_path / "a.mp4").write_bytes(MEDIA)
    (tmp_path / "empty.mp4").touch()
    async with running_system(tmp_path, PANELS, media_roots=(tmp_path,)) as system:
        yield system


async def _asked(system: System, method: str, path: str, body: object = None, **headers: str):
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    reply = await system.door.ask(method, path, data, **headers)
    return reply.status, json.loads(reply.body) if reply.body else None


async def _made(system: System, body: object = SHOTS, query: str = "") -> dict:
    status, told = await _asked(system, "POST", ANNOTATE + query, body)
    assert status == 200, told
    return told


def _id(operation: dict) -> str:
    return operation["name"].rsplit("/", 1)[1]


async def _token(system: System, role: Role) -> str:
    return (await system.door.app.service.tokens.create(name="t", role=role, by="test"))[1]


async def test_an_operation_is_made_followed_and_done(system) -> None:
    """media 6: the percentage of each feature is that of its job."""
    made = await _made(system)
    name = _id(made)
    assert "done" not in made
    await system.job(name, State.RUNNING)
    await system.worker.report(name, Progress(parts={"SHOT_CHANGE_DETECTION": 41.7}))
    async for happening in system.engine.watch(after=0, job_id=name):
        if happening.note == "progress":
            break
    _, told = await _asked(system, "GET", f"/v1/{made['name']}")
    assert told["metadata"]["annotationProgress"][0]["progressPercent"] == 41
    await system.worker.report(name, Ended(end=End(reason=EndReason.DONE), result={"segment": {}, "shotAnnotations": []}))
    await system.job(name, State.ENDED)
    _, told = await _asked(system, "GET", f"/v1/{made['name']}")
    assert (told["done"], told["response"]["annotationResults"][0]["shotAnnotations"]) == (True, [])


async def test_enums_are_numbers_where_that_is_asked_for(system) -> None:
    """media V2: plain and percent-encoded; otherwise names."""
    for query, feature in (
        (INT, 2),
        ("?%24alt=json%3Benum-encoding%3Dint", 2),
        ("?$alt=json", "SHOT_CHANGE_DETECTION"),
        ("", "SHOT_CHANGE_DETECTION"),
    ):
        made = await _made(system, query=query)
        shown = (await _asked(system, "GET", f"/v1/{made['name']}{query}"))[1]
        listed = (await _asked(system, "GET", LIST + query))[1]["operations"][0]
        for told in (made, shown, listed):
            assert told["metadata"]["annotationProgress"][0]["feature"] == feature


async def test_an_operation_has_three_names_and_any_project_and_place_will_do(system) -> None:
    """media 6, V1."""
    made = await _made(system)
    for name in (
        made["name"],
        f"projects/1/locations/eu/operations/{_id(made)}",
        f"operations/{_id(made)}",
        f"operations/projects/1/locations/eu/operations/{_id(made)}",
    ):
        assert (await _asked(system, "GET", f"/v1/{name}/"))[1]["name"] == made["name"]
        assert (await _asked(system, "HEAD", f"/v1/{name}"))[0] == 200
        assert await _asked(system, "POST", f"/v1/{name}:cancel", b"", content_type="application/json") == (200, {})
        status, told = await _asked(system, "PUT", f"/v1/{name}")
        assert (status, told["error"]["status"]) == (405, "UNIMPLEMENTED")
    shown = (await _asked(system, "GET", f"/v1/{made['name']}"))[1]
    assert (shown["done"], shown["error"]["code"]) == (True, 1)


@pytest.mark.parametrize(
    "path", ["operations/{}", "projects/p/locations/l/operations/{}", "operations/projects/p/locations/l/operations/{}"]
)
async def test_a_deleted_operation_is_forgotten_here_and_its_job_goes_on(system, path) -> None:
    """media 6: no cancel, and `/api` keeps it."""
    name = _id(await _made(system))
    await system.job(name, State.RUNNING)
    assert await _asked(system, "DELETE", f"/v1/{path.format(name)}") == (200, {})
    for method in ("GET", "DELETE"):
        status, told = await _asked(system, method, f"/v1/{path.format(name)}")
        assert (status, told["error"]["status"], told["error"]["message"]) == (404, "NOT_FOUND", "operation not found")
    assert (await _asked(system, "GET", LIST))[1] == {"operations": []}
    assert (await _asked(system, "GET", f"/api/ai/jobs/{name}"))[1]["status"] == "running"
    assert (await system.engine.find(name)).state is State.RUNNING


async def test_the_list_is_filtered_by_whether_an_operation_is_done(system) -> None:
    """media 6: page parameters are ignored."""
    first, second = await _made(system), await _made(system)
    await _asked(system, "POST", f"/v1/{second['name']}:cancel")
    for query, names in (
        ("", [second, first]),
        ("?filter=done=true&pageSize=1&pageToken=x", [second]),
        ("?filter=done%3Dfalse", [first]),
        ("?filter=done%20=%20false", [first]),
    ):
        status, told = await _asked(system, "GET", LIST + query)
        assert (status, [item["name"] for item in told["operations"]]) == (200, [item["name"] for item in names])
    status, told = await _asked(system, "GET", f"{LIST}?filter=name=x")
    assert (status, told["error"]["message"]) == (400, "filter must be done=true or done=false")


async def test_jobs_of_other_features_and_kinds_are_no_operations(system) -> None:
    """media V1, G3."""
    other = await system.engine.submit(Submission(kind="annotate", spec={"input_uri": "a.mp4", "features": ["IN_BLACK"]}))
    command = await system.engine.submit(Submission(kind="command", spec={"argv": ["true"]}))
    for name in (other.id, command.id, "x", "64B1F0A2C3D4E5F601234567", "64b1f0a2c3d4e5f601234567"):
        assert (await _asked(system, "GET", f"/v1/operations/{name}"))[0] == 404
    same = await system.engine.submit(Submission(kind="annotate", spec={"input_uri": "a.mp4", "features": ["SHOT_CHANGE_DETECTION"]}))
    assert [_id(told) for told in (await _asked(system, "GET", LIST))[1]["operations"]] == [same.id]


@pytest.mark.parametrize(
    ("body", "code", "status", "field"),
    [
        (b"{", 400, "INVALID_ARGUMENT", None),
        ({**SHOTS, "features": ["IN_BLACK"]}, 400, "INVALID_ARGUMENT", "features[0]"),
        ({**SHOTS, "features": [9]}, 400, "INVALID_ARGUMENT", "features[0]"),
        ({**SHOTS, "inputUri": "gone.mp4"}, 404, "NOT_FOUND", "inputUri"),
        ({**SHOTS, "inputUri": "empty.mp4"}, 400, "INVALID_ARGUMENT", "inputUri"),
        ({**SHOTS, "outputUri": "gs://results/x.json"}, 400, "INVALID_ARGUMENT", "outputUri"),
    ],
)
async def test_every_fault_has_googles_body(system, body, code, status, field) -> None:
    """media V7: 422 becomes 400 here."""
    answered, told = await _asked(system, "POST", ANNOTATE, body)
    error = told["error"]
    assert (answered, error["code"], error["status"]) == (code, code, status)
    assert error["message"]
    if field is None:
        assert "details" not in error
        return
    (detail,) = error["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert [violation["field"] for violation in detail["fieldViolations"]] == [field]
    assert (await _asked(system, "GET", LIST))[1] == {"operations": []}


async def test_a_path_that_nobody_knows_is_refused_in_the_same_words(system) -> None:
    """media V7, G7."""
    for method, path, code in (("GET", "/v1/nothing", 404), ("GET", "/v1/operations/a/b", 404), ("GET", ANNOTATE, 405)):
        status, told = await _asked(system, method, path)
        assert (status, told["error"]["code"]) == (code, code)
    status, told = await _asked(system, "GET", LIST, origin="http://elsewhere.example")
    assert (status, told["error"]["status"]) == (403, "PERMISSION_DENIED")


async def test_a_body_is_read_with_any_type_and_with_a_byte_order_mark(system) -> None:
    """media G1 on /v1."""
    body = b"\xef\xbb\xbf" + json.dumps(SHOTS).encode()
    assert (await _asked(system, "POST", f"{ANNOTATE}/", body, content_type="text/plain"))[0] == 200


async def test_a_body_may_have_96_mib_and_no_more(system) -> None:
    """media G1 on /v1: refused by its length, before a byte of it."""
    async with system.door.line() as line:
        await line.send(request("POST", ANNOTATE, content_length=str(96 * 1024 * 1024 + 1)))
        reply = await line.reply()
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (413, 413)
    body = json.dumps(SHOTS).encode() + b" " * (9 * 1024 * 1024)
    assert (await _asked(system, "POST", ANNOTATE, body))[0] == 200


async def test_a_repeated_key_returns_the_same_operation_and_keeps_nothing_twice(system, tmp_path) -> None:
    """media G9 on /v1, V6."""
    body = {"inputContent": base64.b64encode(MEDIA).decode(), "features": [2]}
    first = await _asked(system, "POST", ANNOTATE, body, idempotency_key="one")
    assert (await _asked(system, "POST", ANNOTATE, body, idempotency_key="one"))[1]["name"] == first[1]["name"]
    assert len(list((tmp_path / FOLDER).iterdir())) == 1
    status, told = await _asked(system, "POST", ANNOTATE, SHOTS, idempotency_key="one")
    assert (status, told["error"]["status"]) == (409, "ALREADY_EXISTS")


async def test_content_lies_in_a_file_of_the_job_and_goes_with_it(system, tmp_path) -> None:
    """media V6: until `DELETE /api/ai/jobs/{name}`."""
    name = _id(await _made(system, {"inputContent": base64.b64encode(MEDIA).decode(), "features": [2]}))
    (path,) = (tmp_path / FOLDER).iterdir()
    assert path.read_bytes() == MEDIA
    assert (await system.engine.find(name)).spec["content"] == path.name
    shown = (await _asked(system, "GET", f"/api/ai/jobs/{name}"))[1]
    assert shown["metadata"]["annotationProgress"][0]["inputUri"] == "inputContent"
    assert path.name not in json.dumps(shown)
    await _asked(system, "DELETE", f"/api/ai/jobs/{name}")
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_content_of_a_job_that_could_not_be_made_is_taken_back(tmp_path) -> None:
    """media V6."""
    body = {"inputContent": base64.b64encode(MEDIA).decode(), "features": [2]}
    async with running_system(tmp_path, PANELS, most_queued=1, media_roots=(tmp_path,)) as system:
        await system.job(_id(await _made(system, body)), State.RUNNING)
        await _made(system, body)
        status, told = await _asked(system, "POST", ANNOTATE, body)
    assert (status, told["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


async def test_a_token_may_come_in_three_ways_here_and_in_one_elsewhere(system) -> None:
    """media V7, G2."""
    token = await _token(system, Role.VIEWER)
    for path, headers in ((LIST, {"authorization": f"Bearer {token}"}), (LIST, {"x_goog_api_key": token}), (f"{LIST}?key={token}", {})):
        assert (await _asked(system, "GET", path, **headers))[0] == 200
        status, told = await _asked(system, "POST", ANNOTATE + path.removeprefix(LIST), SHOTS, **headers)
        assert (status, told["error"]["status"]) == (403, "PERMISSION_DENIED")
    for path, headers in (
        (LIST, {"authorization": "Bearer wrong"}),
        (LIST, {"x_goog_api_key": "wrong"}),
        (f"{LIST}?key=wrong", {}),
        (f"{LIST}?key={token}", {"authorization": "Bearer wrong"}),
    ):
        status, told = await _asked(system, "GET", path, **headers)
        assert (status, told["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert (await _asked(system, "GET", "/api/ai/jobs?key=wrong", x_goog_api_key="wrong"))[0] == 200


async def test_roles_hold_under_v1_alike(system) -> None:
    """media G10 on /v1: a viewer reads, an operator annotates, cancels and deletes."""
    made = await _made(system)
    viewer, operator = await _token(system, Role.VIEWER), await _token(system, Role.OPERATOR)
    for method, path, body in (
        ("POST", ANNOTATE, SHOTS),
        ("POST", f"/v1/{made['name']}:cancel", None),
        ("DELETE", f"/v1/{made['name']}", None),
    ):
        assert (await _asked(system, method, path, body, x_goog_api_key=viewer))[0] == 403
        assert (await _asked(system, method, path, body, x_goog_api_key=operator))[0] == 200
    assert (await _asked(system, "GET", LIST, x_goog_api_key=viewer))[0] == 200


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Unavailable("queue full", code="queue_full"), 429, "RESOURCE_EXHAUSTED"),
        (Unavailable("the store does not answer", code="store_unavailable"), 503, "UNAVAILABLE"),
        (Conflict("worker draining", code="worker_draining"), 503, "UNAVAILABLE"),
        (Invalid("input is empty", code="unprocessable", field="inputUri"), 400, "INVALID_ARGUMENT"),
    ],
)
def test_each_fault_has_its_word(fault, code, status) -> None:
    """media V7."""
    answer = refuse(fault, None)
    error = json.loads(answer.body)["error"]
    assert (answer.status_code, error["code"], error["status"], error["message"]) == (code, code, status, fault.message)
    assert ("retry-after" in answer.headers) is (code in {429, 503})
