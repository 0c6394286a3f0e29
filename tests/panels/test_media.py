"""The handlers of the media panel over a scripted worker; tests/conformance/test_media.py runs the real one."""

import json

import pytest

from panels.system import running_system
from triptych.errors import Conflict, TriptychError, Unavailable
from triptych.messages import Ended, Progress
from triptych.model import End, EndReason, State, Submission
from triptych.panels.media import refuse
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
    """G3."""
    command = await system.engine.submit(Submission(kind="command", spec={"argv": ["true"]}))
    for name in ("x", "64B1F0A2C3D4E5F601234567", "64b1f0a2c3d4e5f601234567", command.id):
        assert (await _asked(system, "GET", f"/api/ai/jobs/{name}"))[0] == 404


async def test_a_live_job_is_cancelled_by_its_delete(system) -> None:
    name = await _submitted(system)
    await system.job(name, State.RUNNING)
    assert await _asked(system, "DELETE", f"/api/ai/jobs/{name}") == (200, {})
    assert (await _asked(system, "GET", f"/api/ai/jobs/{name}"))[0] == 404


async def test_lists_are_filtered(system) -> None:
    await _submitted(system, origin="dashboard")
    await _submitted(system)
    assert [item["origin"] for item in (await _asked(system, "GET", "/api/ai/jobs?origin=dashboard"))[1]] == ["dashboard"]
    assert (await _asked(system, "GET", "/api/ai/jobs?workflow=none"))[1] == []
    assert (await _asked(system, "GET", "/api/ai/jobs?limit=0"))[0] == 400


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


async def test_features_say_why_they_are_missing(system) -> None:
    _, told = await _asked(system, "GET", "/api/ai/features")
    by_name = {feature["name"]: feature for feature in told}
    assert by_name["IN_BLACK"] == {
        "name": "IN_BLACK",
        "available": True,
        "needsModel": False,
        "configKey": "inBlackConfig",
        "resultKey": "blackAnnotations",
        "alarmable": True,
    }
    assert by_name["CONFORMANCE"]["reason"] == "feature CONFORMANCE is not available yet"
    assert by_name["FACE_DETECTION"]["model"]["name"] == "face"


async def test_a_job_more_than_the_queue_holds_is_told_to_come_again(tmp_path) -> None:
    """Media 2.5: 429 with Retry-After."""
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


@pytest.mark.parametrize(
    "fault",
    [
        Conflict("worker draining", code="worker_draining"),
        Unavailable("the store does not answer", code="store_unavailable"),
        Unavailable("worker not connected", code="worker_not_connected"),
    ],
)
def test_what_passes_is_503_with_a_time_to_come_again(fault: TriptychError) -> None:
    """Media 2.5, G8."""
    answer = refuse(fault, None)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert json.loads(answer.body)["error"]["status"] == "UNAVAILABLE"
