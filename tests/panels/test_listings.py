"""Which jobs a list holds, over the engine and a scripted worker."""

import json

import pytest

from triptych.messages import Ended
from triptych.model import End, EndReason, State, Submission

SPEC = {"input_uri": "a.mp4", "features": ["AUDIO_FORMAT"]}


async def _submitted(system, **more) -> str:
    spec = {**SPEC, **more.pop("spec", {})}
    return (await system.engine.submit(Submission(kind="annotate", spec=spec, **more))).id


async def _listed(system, query=""):
    reply = await system.door.ask("GET", f"/api/ai/jobs?{query}")
    return [item["_id"] for item in json.loads(reply.body)] if reply.status == 200 else json.loads(reply.body)["error"]["message"]


async def test_lists_are_filtered_by_state_origin_and_workflow(system) -> None:
    """media 2.2."""
    done = await _submitted(system, origin="dashboard")
    await system.job(done, State.RUNNING)
    await system.worker.report(done, Ended(end=End(reason=EndReason.DONE), result={"segment": {}}))
    await system.job(done, State.ENDED)
    running = await _submitted(system, spec={"workflow": "evening"})
    await system.job(running, State.RUNNING)
    queued, held = await _submitted(system), await _submitted(system)
    await system.engine.pause(held, by="test")
    gone = await _submitted(system)
    await system.engine.stop(gone, by="test")
    assert await _listed(system) == [gone, held, queued, running, done]
    for word, names in (("done", [done]), ("running", [running]), ("queued", [held, queued]), ("cancelled", [gone]), ("failed", [])):
        assert await _listed(system, f"status={word}") == names
    assert await _listed(system, "origin=dashboard") == [done]
    assert await _listed(system, "workflow=evening") == [running]
    assert await _listed(system, "workflow=none") == []
    assert await _listed(system, "colour=blue&limit=1") == [gone]


async def test_a_list_goes_on_after_a_job_and_stops_at_its_limit(system) -> None:
    """media 2.2."""
    names = [await _submitted(system) for _ in range(5)][::-1]
    assert await _listed(system, f"after={names[1]}") == names[2:]
    assert await _listed(system, f"after={names[1]}&limit=2") == names[2:4]
    assert await _listed(system, f"after={names[4]}") == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "limit must be a whole number between 1 and 1000000"),
        ("limit=1e3", "limit must be a whole number between 1 and 1000000"),
        ("limit=%D9%A1", "limit must be a whole number between 1 and 1000000"),
        ("status=over", "status must be queued, running, done, failed or cancelled"),
        ("after=64b1f0a2c3d4e5f601234567", "after must be the name of a stored job"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(system, query, message) -> None:
    assert await _listed(system, query) == message
