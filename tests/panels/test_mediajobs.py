"""The handlers of jobs over a scripted worker; tests/conformance/test_media.py runs the real one."""

import json

import pytest

from panels.system import running_system
from triptych.messages import Answer, Ask, Ended, Progress, Refused
from triptych.model import End, EndReason, State, Submission
from triptych.wiring import PANELS

SPEC = {"input_uri": "a.mp4", "features": ["AUDIO_FORMAT"]}


async def _submitted(system, **more) -> str:
    return (await system.engine.submit(Submission(kind="annotate", spec=SPEC, **more))).id


async def _asked(system, method, path, body=b""):
    reply = await system.door.ask(method, path, body)
    return reply.status, json.loads(reply.body)


async def test_progress_is_seen_while_a_job_runs(system) -> None:
    name = await _submitted(system)
    await system.job(name, State.RUNNING)
    await system.worker.report(name, Progress(parts={"AUDIO_FORMAT": 41.7}))
    async for happening in system.engine.watch(after=0, job_id=name):
        if happening.note == "progress":
            break
    _, told = await _asked(system, "GET", f"/api/ai/jobs/{name}")
    assert told["metadata"]["annotationProgress"][0]["progressPercent"] == 41
    assert "done" not in told


async def test_a_job_waits_while_the_only_core_works(system) -> None:
    first, second = await _submitted(system), await _submitted(system)
    await system.job(first, State.RUNNING)
    assert (await _asked(system, "GET", f"/api/ai/jobs/{second}"))[1]["status"] == "queued"
    assert (await _asked(system, "POST", f"/api/ai/jobs/{second}:cancel"))[1] == {"name": second, "status": "cancelled"}
    assert [item["status"] for item in (await _asked(system, "GET", "/api/ai/jobs"))[1]] == ["cancelled", "running"]
    assert [item["_id"] for item in (await _asked(system, "GET", "/api/ai/jobs?status=running"))[1]] == [first]


async def test_a_finished_job_is_not_changed_by_a_cancel(system) -> None:
    name = await _submitted(system)
    await system.job(name, State.RUNNING)
    await system.worker.report(name, Ended(end=End(reason=EndReason.DONE), result={"segment": {}}))
    await system.job(name, State.ENDED)
    assert (await _asked(system, "POST", f"/api/ai/jobs/{name}/cancel"))[1]["status"] == "done"


async def test_an_identifier_of_another_shape_or_kind_is_unknown(system) -> None:
    """media G3."""
    command = await system.engine.submit(Submission(kind="command", spec={"argv": ["true"]}))
    for name in ("x", "64B1F0A2C3D4E5F601234567", "64b1f0a2c3d4e5f601234567", command.id):
        assert (await _asked(system, "GET", f"/api/ai/jobs/{name}"))[0] == 404


async def test_a_live_job_is_cancelled_by_its_delete(system) -> None:
    name = await _submitted(system)
    await system.job(name, State.RUNNING)
    assert await _asked(system, "DELETE", f"/api/ai/jobs/{name}") == (200, {})
    assert (await _asked(system, "GET", f"/api/ai/jobs/{name}"))[0] == 404


async def test_bodies_that_are_no_json_say_why(system) -> None:
    for body, reason in (
        (b"", "unexpected end of JSON input"),
        (b"{} x", "data after the JSON object"),
        (b"{NaN}", "syntax error or too deep"),
    ):
        status, told = await _asked(system, "POST", "/api/ai/jobs", body)
        assert (status, told["error"]["message"]) == (400, f"body is not valid JSON: {reason}")


async def test_without_a_media_root_everything_is_outside(system) -> None:
    body = json.dumps({"inputUri": "/etc/passwd", "features": ["AUDIO_FORMAT"]}).encode()
    status, told = await _asked(system, "POST", "/api/ai/jobs", b"\xef\xbb\xbf" + body)
    assert (status, told["error"]["message"]) == (400, "inputUri is outside the media roots")


async def test_a_job_more_than_the_queue_holds_is_told_to_come_again(tmp_path) -> None:
    """media 2.5: 429 with Retry-After."""
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    body = json.dumps({"inputUri": "a.mp4", "features": ["AUDIO_FORMAT"]}).encode()
    async with running_system(tmp_path, PANELS, most_queued=1, media_roots=(tmp_path,)) as system:
        running = await _asked(system, "POST", "/api/ai/jobs", body)
        await system.job(running[1]["name"], State.RUNNING)
        queued = await _asked(system, "POST", "/api/ai/jobs", body)
        full = await system.door.ask("POST", "/api/ai/jobs", body)
    assert (running[0], queued[0], full.status) == (200, 200, 429)
    assert json.loads(full.body)["error"] == {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "queue full", "details": []}
    assert full.headers["retry-after"] == "5"


def _body(**more) -> bytes:
    return json.dumps({"inputUri": "a.mp4", "features": ["AUDIO_FORMAT"], **more}).encode()


@pytest.fixture
async def media(tmp_path):
    """A system with a clip in its media root, at least by its name."""
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    async with running_system(tmp_path, PANELS, media_roots=(tmp_path,)) as system:
        yield system


async def test_a_validation_asks_a_worker_and_stores_nothing(media) -> None:
    """media 2.2: same body as create."""
    asked: list[Ask] = []

    async def look(ask: Ask):
        asked.append(ask)
        return Answer(data={"duration": "12.520000s", "warnings": ["IN_BLACK: input has no video"]})

    media.worker.on_ask = look
    body = _body(features=["AUDIO_FORMAT", "IN_BLACK"], colour=1)
    assert await _asked(media, "POST", "/api/ai/jobs:validate", body) == (
        200,
        {
            "valid": True,
            "features": ["AUDIO_FORMAT", "IN_BLACK"],
            "duration": "12.520000s",
            "warnings": ["colour is not known and was ignored", "IN_BLACK: input has no video"],
        },
    )
    assert [(ask.kind, ask.verb, ask.spec["input_uri"]) for ask in asked] == [("annotate", "probe", "a.mp4")]
    assert await _asked(media, "GET", "/api/ai/jobs") == (200, [])


@pytest.mark.parametrize(("code", "status"), [("bad_media", 422), ("limits", 422), ("segment_outside", 400), ("input_not_found", 404)])
async def test_a_validation_says_what_the_job_would_fail_with(media, code, status) -> None:
    """media U0."""

    async def look(ask: Ask):
        return Refused(code=code, message="why")

    media.worker.on_ask = look
    found, told = await _asked(media, "POST", "/api/ai/jobs:validate", _body())
    assert (found, told["error"]["code"], told["error"]["message"]) == (status, status, "why")


async def test_what_the_body_shows_to_be_wrong_is_told_before_the_input_is_probed(media) -> None:
    status, told = await _asked(media, "POST", "/api/ai/jobs:validate", _body(TTL=0))
    assert (status, told["error"]["message"]) == (400, "TTL must be a whole number of days between 1 and 3650")


async def test_details_hold_the_faults_of_the_body_and_of_the_input(media) -> None:
    """media G8."""
    status, told = await _asked(media, "POST", "/api/ai/jobs", _body(TTL=0, inputUri="gone.mp4"))
    assert (status, told["error"]["message"]) == (400, "TTL must be a whole number of days between 1 and 3650")
    assert told["error"]["details"][1] == {"field": "inputUri", "reason": "input not found"}


async def test_a_running_job_reads_running_until_it_has_stopped(media) -> None:
    """media J6: also to the cancel itself, where the worker does not confirm it."""
    name = await _submitted(media)
    await media.job(name, State.RUNNING)

    async def stop(_stop):
        return Refused(code="stop_not_confirmed", message="not yet")

    media.worker.on_stop = stop
    assert await _asked(media, "POST", f"/api/ai/jobs/{name}:cancel") == (200, {"name": name, "status": "running"})
    await media.worker.end(name, EndReason.CANCELLED)
    await media.job(name, State.ENDED)
    _, told = await _asked(media, "GET", f"/api/ai/jobs/{name}")
    assert (told["status"], told["done"], told["error"]["code"]) == ("cancelled", True, 1)


async def test_a_server_that_goes_down_takes_no_job(media) -> None:
    """media 2.5: draining, 503."""
    media.door.app.service.closing.set()
    reply = await media.door.ask("POST", "/api/ai/jobs", _body())
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")


async def test_a_trailing_slash_changes_nothing_and_head_answers_like_get(media) -> None:
    """media G1, G7."""
    name = await _submitted(media)
    assert (await _asked(media, "GET", f"/api/ai/jobs/{name}/"))[1]["name"] == name
    assert (await media.door.ask("HEAD", f"/api/ai/jobs/{name}")).status == 200
    for path, allow in (("/api/ai/jobs:validate", "OPTIONS, POST"), (f"/api/ai/jobs/{name}:cancel/", "OPTIONS, POST")):
        reply = await media.door.ask("GET", path)
        assert (reply.status, reply.headers["allow"]) == (405, allow)


async def test_every_post_is_done_once_for_its_key(media) -> None:
    """media G9: jobs, validate and cancel alike."""
    first = await media.door.ask("POST", "/api/ai/jobs", _body(colour=1), idempotency_key="k")
    again = await media.door.ask("POST", "/api/ai/jobs/", _body(colour=1), idempotency_key="k")
    assert (again.status, again.body, len((await _asked(media, "GET", "/api/ai/jobs"))[1])) == (200, first.body, 1)
    other = await media.door.ask("POST", "/api/ai/jobs", _body(), idempotency_key="k")
    assert (other.status, json.loads(other.body)["error"]["status"]) == (409, "ALREADY_EXISTS")
    name = json.loads(first.body)["name"]
    cancelled = await media.door.ask("POST", f"/api/ai/jobs/{name}:cancel", idempotency_key="k")
    assert json.loads(cancelled.body) == {"name": name, "status": "cancelled"}
    bad = await media.door.ask("POST", "/api/ai/jobs", _body(), idempotency_key="k" * 201)
    assert (bad.status, json.loads(bad.body)["error"]["details"][0]["field"]) == (400, "Idempotency-Key")
