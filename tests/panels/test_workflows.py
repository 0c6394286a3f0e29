"""Workflows over HTTP: media 3.1."""

import json
import re

import pytest

from panels.system import running_system
from triptych.wiring import PANELS

BLACK = {"inBlackConfig": {"enabled": True, "delay": 2}}


async def _call(system, method, name="", body=None, **headers):
    path = "/api/ai/workflows" + (f"/{name}" if name else "")
    reply = await system.door.ask(method, path, b"" if body is None else json.dumps(body).encode(), **headers)
    return reply.status, json.loads(reply.body)


async def _made(system, name, **more):
    return (await _call(system, "POST", body={"name": name, "videoContext": BLACK, **more}))[1]


async def _refusal(system, method, path, **body):
    status, told = await _call(system, method, path, body)
    return status, told["error"]["status"], told["error"]["message"]


async def test_a_workflow_is_stored_and_returned_as_four_fields(system) -> None:
    """media 3.1."""
    made = await _made(system, "evening")
    assert list(made) == ["index", "_id", "name", "videoContext"]
    assert (made["index"], made["name"], made["videoContext"]) == (0, "evening", BLACK)
    assert re.fullmatch("[0-9a-f]{24}", made["_id"])
    assert await _call(system, "GET", "evening") == (200, made)
    assert await _call(system, "GET") == (200, [made])


async def test_an_index_is_read_from_both_places_and_else_the_next_free_one(system) -> None:
    """media W1."""
    assert (await _made(system, "c", index=7))["index"] == 7
    inside = await _made(system, "a", videoContext={**BLACK, "index": 3})
    assert (inside["index"], inside["videoContext"]) == (3, BLACK)
    assert (await _made(system, "b"))["index"] == 8
    assert [workflow["name"] for workflow in (await _call(system, "GET"))[1]] == ["a", "c", "b"]


async def test_names_and_indexes_are_unique(system) -> None:
    """media W1, 2.5."""
    await _made(system, "a", index=1)
    await _made(system, "b", index=2)
    status, told = await _call(system, "POST", body={"name": "a", "videoContext": BLACK, "index": 9})
    assert (status, told["error"]["status"], told["error"]["message"]) == (409, "ALREADY_EXISTS", "workflow name 'a' is in use")
    status, told = await _call(system, "POST", body={"name": "c", "videoContext": BLACK, "index": 2})
    assert (status, told["error"]["message"]) == (409, "index 2 is in use")
    assert await _refusal(system, "PUT", "b", videoContext=BLACK, index=1) == (409, "ALREADY_EXISTS", "index 1 is in use")


@pytest.mark.parametrize("name", ["a/b", "a\n", "x" * 129, 5, None])
async def test_a_name_is_printable_and_has_no_slash(system, name) -> None:
    """media W1."""
    status, told = await _call(system, "POST", body={"name": name, "videoContext": BLACK})
    assert (status, told["error"]["details"][0]["field"]) == (400, "name")


@pytest.mark.parametrize("index", [-1, True, 1.5, "1"])
async def test_an_index_is_a_whole_number(system, index) -> None:
    """media W1."""
    status, told = await _call(system, "POST", body={"name": "a", "videoContext": {**BLACK, "index": index}})
    assert (status, told["error"]["message"]) == (400, "index must be a whole number between 0 and 999999999")


async def test_a_put_replaces_the_context_whole(system) -> None:
    """media W2."""
    made = await _made(system, "ä b")
    sound = {"audioFormatConfig": {"enabled": True}, "priority": 3}
    status, told = await _call(system, "PUT", "%C3%A4%20b/", {"name": "ä b", "videoContext": sound})
    assert (status, told) == (200, {**made, "videoContext": sound})
    assert await _call(system, "GET", "%C3%A4%20b") == (200, told)
    assert await _refusal(system, "PUT", "%C3%A4%20b", name="x") == (400, "INVALID_ARGUMENT", "name must be 'ä b', as in the path")
    assert await _refusal(system, "PUT", "none", videoContext=BLACK) == (404, "NOT_FOUND", "workflow not found")


async def test_a_workflow_is_checked_in_full_when_it_is_saved(system) -> None:
    """media W4: by the same rules as a job."""
    context = {
        "inBlackConfig": {"enabled": False, "delay": -1},
        "priority": 140,
        "segments": [{"startTimeOffset": 2, "endTimeOffset": 1}],
    }
    status, told = await _call(system, "POST", body={"name": "a", "videoContext": context})
    assert status == 400
    assert [detail["reason"] for detail in told["error"]["details"]] == [
        "priority must be between 0 and 139",
        "inBlackConfig.delay must be a number of seconds, 0 or more",
        "segments[0]: startTimeOffset must be before endTimeOffset",
    ]
    assert await _call(system, "GET") == (200, [])


async def test_what_is_missing_or_ignored_is_a_warning_at_save(system) -> None:
    """media W4."""
    context = {"objectTrackingConfig": {"enabled": True}, "zoom": 1}
    made = await _made(system, "a", videoContext=context, colour=1)
    assert made["warnings"] == [
        "videoContext.zoom is not known and was ignored",
        "feature OBJECT_TRACKING needs model 'object', which is not installed on this server",
        "colour is not known and was ignored",
    ]
    assert (await _call(system, "GET", "a"))[1] == {key: made[key] for key in ("index", "_id", "name", "videoContext")}
    empty = await _made(system, "b", videoContext={"inBlackConfig": {}})
    assert empty["warnings"] == ["workflow 'b' enables no feature"]


async def test_a_workflow_that_a_core_works_by_is_not_deleted(system) -> None:
    """media 2.5."""
    await _made(system, "a")
    live = {"type": "live", "inputType": "ip", "url": "srt://studio", "workflow": "a", "sessionLength": 60}
    await system.door.ask("PUT", "/api/ai/cores/core-3", json.dumps({"name": "studio", **live}).encode())
    assert await _refusal(system, "DELETE", "a") == (409, "FAILED_PRECONDITION", "workflow 'a' is used by core 'studio'")
    await system.door.ask("PUT", "/api/ai/cores/studio", b'{"type":"file_once"}')
    assert await _call(system, "DELETE", "a") == (200, {})
    assert await _refusal(system, "DELETE", "a") == (404, "NOT_FOUND", "workflow not found")


async def test_later_edits_do_not_reach_a_job_that_was_submitted(tmp_path) -> None:
    """media 2.3: the `videoContext` is copied into the job."""
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    async with running_system(tmp_path, PANELS, media_roots=(tmp_path,)) as system:
        await _made(system, "a")
        body = json.dumps({"inputUri": "a.mp4", "workflow": "a", "pri": 4}).encode()
        name = json.loads((await system.door.ask("POST", "/api/ai/jobs", body)).body)["name"]
        await _call(system, "PUT", "a", {"videoContext": {"audioFormatConfig": {"enabled": True}}})
        await _call(system, "DELETE", "a")
        job = await system.engine.find(name)
    assert (job.spec["features"], job.spec["config"], job.spec["workflow"], job.priority) == (
        ["IN_BLACK"],
        {"inBlackConfig": {"enabled": True, "delay": 2.0}},
        "a",
        4,
    )


async def test_a_kept_answer_makes_no_second_workflow(system) -> None:
    """media G9."""
    body = {"name": "a", "videoContext": BLACK}
    first = await _call(system, "POST", "", body, idempotency_key="k")
    assert await _call(system, "POST", "", body, idempotency_key="k") == first


async def test_who_saved_and_deleted_a_workflow_is_in_the_audit_chain(system) -> None:
    """workers 9: every change by whoever may make it."""
    await _made(system, "a")
    await _call(system, "DELETE", "a")
    entries, _ = await system.door.app.service.audit.page(None, 2)
    assert [(entry.deed, entry.what) for entry in entries] == [("workflow.delete", {"workflow": "a"}), ("workflow.save", {"workflow": "a"})]
