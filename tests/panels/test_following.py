"""The events of a job, read as a client reads them."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from panels.door import request
from triptych.messages import Ended, Finding, Progress
from triptych.model import End, EndReason, Fault, State, Submission

SPEC = {"input_uri": "a.mp4", "features": ["AUDIO_FORMAT"]}


@pytest.fixture
async def name(system) -> str:
    name = (await system.engine.submit(Submission(kind="annotate", spec=SPEC))).id
    await system.job(name, State.RUNNING)
    return name


@asynccontextmanager
async def _following(system, name, **headers):
    async with asyncio.timeout(20), system.door.line() as line:
        await line.send(request("GET", f"/api/ai/jobs/{name}/events", **headers))
        head = await line.reply(head=True)
        assert (head.status, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        yield _events(line)


async def _events(line):
    while chunk := await line.chunk():
        fields = dict(part.split(": ", 1) for part in chunk.decode().strip().split("\n"))
        if "data" in fields:
            yield fields["event"], int(fields["id"]), json.loads(fields["data"])


async def _tell(system, name):
    await system.worker.report(name, Progress(parts={"AUDIO_FORMAT": 41.7}))
    await system.worker.report(name, Progress(parts={}, facts={"sandbox": "full"}))
    await system.worker.report(name, Finding(note="finding", data={"feature": "AUDIO_FORMAT", "startTimeOffset": "1.000000s"}))
    await system.worker.report(name, Finding(note="alarm", data={"feature": "AUDIO_FORMAT", "open": True}))
    await system.worker.report(name, Ended(end=End(reason=EndReason.DONE), result={"segment": {}}))


async def test_a_job_is_followed_from_its_beginning_to_its_end(system, name) -> None:
    """media 2.2: SSE `progress`, `finding`, `alarm`, `end`."""
    async with _following(system, name) as events:
        await _tell(system, name)
        told = [event async for event in events]
    assert [event for event, _, _ in told] == ["progress", "finding", "alarm", "end"]
    assert all(data.pop("updateTime") and data["name"] == name for _, _, data in told)
    assert told[0][2] == {"name": name, "status": "running", "annotationProgress": [{"feature": "AUDIO_FORMAT", "progressPercent": 41}]}
    assert told[1][2] == {"name": name, "feature": "AUDIO_FORMAT", "startTimeOffset": "1.000000s"}
    assert told[3][2] == {"name": name, "status": "done"}


async def test_a_client_that_comes_back_gets_what_follows_without_gap_or_repeat(system, name) -> None:
    """media 2.2: `Last-Event-ID`."""
    await _tell(system, name)
    await system.job(name, State.ENDED)
    async with _following(system, name) as events:
        whole = [event async for event in events]
    for seen in range(len(whole) + 1):
        last = whole[seen - 1][1] if seen else 0
        async with _following(system, name, last_event_id=str(last)) as events:
            assert [event async for event in events] == whole[seen:]


async def test_the_end_of_a_failed_job_says_why(system, name) -> None:
    await system.worker.end(name, EndReason.FAILED, fault=Fault(code="bad_media", message="why"))
    async with _following(system, name) as events:
        ((event, _, data),) = [event async for event in events]
    assert (event, data["status"], data["error"]) == ("end", "failed", {"code": 3, "message": "why"})


async def test_a_stream_ends_when_its_job_is_deleted(system, name) -> None:
    async with _following(system, name) as events:
        await system.door.ask("DELETE", f"/api/ai/jobs/{name}")
        assert [event async for event, _, _ in events] in ([], ["end"])


async def test_what_is_no_number_of_an_event_is_refused(system, name) -> None:
    reply = await system.door.ask("GET", f"/api/ai/jobs/{name}/events", last_event_id="x")
    assert (reply.status, json.loads(reply.body)["error"]["message"]) == (400, "Last-Event-ID must be the number of an event")
