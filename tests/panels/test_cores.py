"""Cores over HTTP: media 3.2 and the rows of 2.5 about cores."""

import json

import pytest

from panels.system import WORKER_ID, running_system
from triptych.model import State, Submission
from triptych.tokens import Role
from triptych.wiring import PANELS

FIELDS = ["index", "_id", "name", "slug", "coreNumber", "type", "source", "__v"]
POLL = {"type": "dir_poll", "directory": "in", "workflow": "evening"}
LIVE = {"type": "live", "inputType": "ip", "url": "rtsp://studio/1", "workflow": "evening", "sessionLength": 600}
ABSENT = "live analysis is not available in this version"


@pytest.fixture
async def system(tmp_path):
    (tmp_path / "media" / "in").mkdir(parents=True)
    async with running_system(tmp_path, PANELS, media_roots=(tmp_path / "media",)) as system:
        context = {"audioFormatConfig": {"enabled": True}}
        await system.door.ask("POST", "/api/ai/workflows", json.dumps({"name": "evening", "videoContext": context}).encode())
        yield system


async def _call(system, method, name="", body=None, path="/api/ai/cores"):
    reply = await system.door.ask(method, path + (f"/{name}" if name else ""), b"" if body is None else json.dumps(body).encode())
    return reply.status, json.loads(reply.body)


async def _edited(system, core, /, **body):
    status, told = await _call(system, "PUT", core, body)
    assert status == 200, told
    return told


async def _refusal(system, core, /, **body):
    status, told = await _call(system, "PUT", core, body)
    return status, told["error"]["status"], told["error"]["message"]


async def test_a_default_install_has_four_cores_told_alike_in_three_places(system) -> None:
    """media 3.2."""
    status, cores = await _call(system, "GET")
    assert (status, [core["name"] for core in cores]) == (200, ["core-1", "core-2", "core-3", "core-4"])
    assert [list(core)[: len(FIELDS)] for core in cores] == [FIELDS] * 4
    assert [(core["coreNumber"], core["type"], core["source"]) for core in cores][:2] == [
        (1, "file_once", "clipPlayer-1"),
        (2, "file_once", "clipPlayer-2"),
    ]
    for path in ("/api/ai/cores", "/api/config/cores", "/api/cores", "/api/cores/"):
        assert await _call(system, "GET", path=path) == (200, cores)
    for path in ("/api/ai/cores", "/api/config/cores", "/api/cores"):
        assert await _call(system, "GET", "core-3", path=path) == (200, cores[2])


@pytest.mark.parametrize("path", ["/api/ai/cores", "/api/config/cores", "/api/cores"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_core_is_edited_by_put_or_post_there(system, method, path) -> None:
    """media 3.2, C1: `__v` counts edits, and what the server sets is ignored."""
    before = (await _call(system, "GET", "core-2"))[1]
    ignored = {"source": "x", "_id": "x", "coreNumber": 9, "__v": 99, "colour": "red"}
    status, told = await _call(system, method, "core-2", {"index": 12, "slug": "Studio 2", **ignored}, path)
    assert (status, told) == (200, {**before, "index": 12, "slug": "Studio 2", "__v": 1})
    assert (await _call(system, method, "core-2", told, path))[1] == {**told, "__v": 2}
    assert await _call(system, "GET", "core-2") == (200, {**told, "__v": 2})


async def test_a_slug_is_the_name_unless_it_is_told(system) -> None:
    """media C1: `slug` defaults to `name`."""
    assert (await _edited(system, "core-1", name="news"))["slug"] == "news"
    assert (await _edited(system, "news", slug="n"))["name"] == "news"
    assert (await _edited(system, "news", name="sport"))["slug"] == "n"
    assert await _refusal(system, "news", index=1) == (404, "NOT_FOUND", "core not found")


async def test_names_and_indexes_are_unique(system) -> None:
    """media 2.5."""
    assert await _refusal(system, "core-1", name="core-2") == (409, "ALREADY_EXISTS", "core name 'core-2' is in use")
    assert await _refusal(system, "core-1", index=2) == (409, "ALREADY_EXISTS", "index 2 is in use")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": ""}, "name must be 1 to 128 printable characters without /"),
        ({"name": "a/b"}, "name must be 1 to 128 printable characters without /"),
        ({"name": "a\n"}, "name must be 1 to 128 printable characters without /"),
        ({"slug": 5}, "slug must be 1 to 128 printable characters without /"),
        ({"index": True}, "index must be a whole number, 0 or more"),
        ({"index": -1}, "index must be a whole number, 0 or more"),
        ({"type": "tape"}, "type must be file_once, dir_poll or live"),
        ({"type": None}, "type must be file_once, dir_poll or live"),
        ({"type": "dir_poll"}, "directory must be a path of a directory in a media root"),
        (POLL | {"directory": ""}, "directory must be a path of a directory in a media root"),
        (POLL | {"directory": "http://x"}, "directory must be a path of a directory in a media root"),
        (POLL | {"directory": "away"}, "directory not found"),
        (POLL | {"directory": "../.."}, "directory is outside the media roots"),
        (POLL | {"workflow": "morning"}, "unknown workflow 'morning'"),
        (POLL | {"pattern": "a/*"}, "pattern must be a file name pattern without /"),
        (POLL | {"recursive": 1}, "recursive must be true or false"),
        (POLL | {"pollSeconds": 0}, "pollSeconds must be a whole number of seconds between 1 and 86400"),
        ({"type": "live"}, "inputType must be ip, sdi, asi or 10g"),
        (LIVE | {"inputType": "sdi"}, "no capture driver for 'sdi'"),
        ({"type": "live", "inputType": "10g"}, "no capture driver for '10g'"),
        (LIVE | {"url": "http://x"}, "url must be an address that begins with rtsp, rtsps, udp, rtp, srt, rtmp"),
        ({**LIVE, "url": ""}, "url must be an address that begins with rtsp, rtsps, udp, rtp, srt, rtmp"),
        ({key: LIVE[key] for key in LIVE if key != "sessionLength"}, "sessionLength must be a number of seconds above 0"),
        ({key: LIVE[key] for key in LIVE if key != "workflow"}, "workflow must be the name of a workflow"),
        (LIVE | {"workflow": "morning"}, "unknown workflow 'morning'"),
        (LIVE | {"channel": 0}, "channel must be a channel number, 1 or more"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value)[:60],
)
async def test_what_does_not_fit_is_refused_and_changes_nothing(system, body, message) -> None:
    """media 2.5, 3.2."""
    before = await _call(system, "GET", "core-1")
    assert await _refusal(system, "core-1", **body) == (400, "INVALID_ARGUMENT", message)
    assert await _call(system, "GET", "core-1") == before


async def test_every_fault_of_a_body_is_told(system) -> None:
    """media G8."""
    _, told = await _call(system, "PUT", "core-1", {"name": 1, "index": "x"})
    assert [detail["field"] for detail in told["error"]["details"]] == ["index", "name"]


async def test_a_body_is_a_json_object(system) -> None:
    """media 2.5."""
    assert (await _call(system, "PUT", "core-1", [1]))[1]["error"]["message"] == "body must be a JSON object"
    assert (await system.door.ask("POST", "/api/cores/core-1", b"{")).status == 400


async def test_cores_are_neither_added_nor_deleted(system) -> None:
    """media 2.5: add or delete a core."""
    for method, path, allow in (
        ("POST", "/api/ai/cores", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/cores/core-1", "GET, HEAD, OPTIONS, POST, PUT"),
        ("DELETE", "/api/config/cores/core-1", "GET, HEAD, OPTIONS, POST, PUT"),
    ):
        reply = await system.door.ask(method, path, b"{}")
        error = json.loads(reply.body)["error"]
        assert (reply.status, reply.headers["allow"]) == (405, allow)
        assert (error["status"], error["message"]) == ("METHOD_NOT_ALLOWED", "cores are set in the server configuration")


async def test_a_dir_poll_core_has_its_defaults_and_loses_them_with_its_type(system) -> None:
    """media 3.2."""
    told = await _edited(system, "core-2", **POLL)
    assert told["source"] == "in"
    settings = {"directory": "in", "workflow": "evening", "pattern": "*", "recursive": False, "pollSeconds": 5}
    assert dict(list(told.items())[len(FIELDS) : -1]) == settings
    assert told["state"] == "idle"
    assert (await _edited(system, "core-2", pattern="*.mxf"))["directory"] == "in"
    assert list(await _edited(system, "core-2", type="file_once")) == [*FIELDS, "state"]


async def test_a_live_core_is_stored_and_says_that_it_does_nothing(system) -> None:
    """media 3.2: `source` `<inputType>-<device>:<channel>`; `ip` adds `url` and lets device 0, channel 1 default."""
    told = await _edited(system, "core-3", **LIVE)
    assert (told["source"], told["device"], told["channel"], told["url"]) == ("ip-0:1", 0, 1, "rtsp://studio/1")
    assert (told["state"], told["error"]) == ("error", ABSENT)
    assert (await _edited(system, "core-3", channel=4))["source"] == "ip-0:4"


async def test_a_workflow_without_its_model_puts_the_core_in_error(system) -> None:
    """media K5."""
    context = {"labelDetectionConfig": {"enabled": True}}
    await system.door.ask("POST", "/api/ai/workflows", json.dumps({"name": "labels", "videoContext": context}).encode())
    told = await _edited(system, "core-2", **{**POLL, "workflow": "labels"})
    assert told["state"] == "error"
    assert told["error"] == "feature LABEL_DETECTION needs model 'label', which is not installed on this server"


async def test_a_directory_that_went_away_is_told_and_forbids_no_other_edit(system, tmp_path) -> None:
    """media C1: name, index and slug may change at any time."""
    await _edited(system, "core-2", **POLL)
    (tmp_path / "media" / "in").rmdir()
    told = await _edited(system, "core-2", name="inbox")
    assert (told["name"], told["state"], told["error"]) == ("inbox", "error", "directory not found")


async def test_a_busy_core_keeps_its_type_and_may_be_renamed(system) -> None:
    """media C1, C2."""
    spec = {"input_uri": "a.mp4", "features": ["AUDIO_FORMAT"]}
    job = await system.engine.submit(Submission(kind="annotate", spec=spec))
    await system.job(job.id, State.RUNNING)
    expected = (409, "FAILED_PRECONDITION", f"core 'core-1' is running job {job.id}")
    assert await _refusal(system, "core-1", **POLL) == expected
    told = await _edited(system, "core-1", name="one")
    assert (told["state"], told["job"]) == ("running", job.id)
    assert json.loads((await system.door.ask("GET", f"/api/v1/jobs/{job.id}")).body)["core"] == 1
    await system.engine.stop(job.id, by="test")
    assert (await _edited(system, "one", **POLL))["type"] == "dir_poll"


async def test_a_job_names_a_core_that_takes_jobs(system, tmp_path) -> None:
    """media 2.5: target."""
    (tmp_path / "media" / "a.mp4").write_bytes(b"\0")
    await _edited(system, "core-2", **POLL)
    await _edited(system, "core-3", **LIVE)
    body = {"inputUri": "a.mp4", "features": ["AUDIO_FORMAT"]}
    for target, message in (
        (0, "target must be a core number between 1 and 4"),
        (5, "target must be a core number between 1 and 4"),
        (True, "target must be a core number between 1 and 4"),
        (2, "core 2 does not take jobs"),
        (3, "core 3 does not take jobs"),
    ):
        reply = await system.door.ask("POST", "/api/ai/jobs", json.dumps({**body, "target": target}).encode())
        assert (reply.status, json.loads(reply.body)["error"]["message"]) == (400, message)
    reply = await system.door.ask("POST", "/api/ai/jobs", json.dumps({**body, "target": 4}).encode())
    assert list(json.loads(reply.body)) == ["name"]
    assert (await system.job(json.loads(reply.body)["name"], State.RUNNING)).berth == 4


async def test_an_edit_is_told_in_the_audit_chain(system) -> None:
    await _edited(system, "core-1", name="news")
    entries = (await system.door.ask("GET", "/api/v1/audit")).body
    assert b'"core.edit"' in entries
    assert b'"news"' in entries


@pytest.mark.parametrize(
    ("role", "bounds", "reads", "changes"),
    [
        (Role.VIEWER, {}, 200, 403),
        (Role.OPERATOR, {}, 200, 403),
        (Role.ADMIN, {}, 200, 200),
        (Role.OPERATOR, {"workers": (WORKER_ID,)}, 403, 403),
    ],
    ids=["viewer", "operator", "admin", "bound"],
)
async def test_everybody_sees_cores_and_admins_edit_them(system, role, bounds, reads, changes) -> None:
    """media G10; a token that is bound to workers sees none."""
    _, spelled = await system.door.app.service.tokens.create(name="t", role=role, by="test", **bounds)
    headers = {"authorization": f"Bearer {spelled}"}
    for path in ("/api/ai/cores", "/api/cores/core-1"):
        assert (await system.door.ask("GET", path, **headers)).status == reads
    for method in ("PUT", "POST"):
        assert (await system.door.ask(method, "/api/config/cores/core-1", b'{"index":9}', **headers)).status == changes


async def test_a_repeat_with_the_same_key_is_one_edit(system) -> None:
    """media G9."""
    headers = {"idempotency-key": "k1"}
    answers = [await system.door.ask("POST", "/api/cores/core-1", b'{"index":9}', **headers) for _ in range(2)]
    assert answers[0].body == answers[1].body
    assert json.loads(answers[1].body)["__v"] == 1
