"""What happens to one media job, as server-sent events: `progress`, `finding`, `alarm`, `end` (media 2.2)."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.clock import to_text
from triptych.engine import Engine
from triptych.errors import Invalid, NotFound
from triptych.model import Happening, State
from triptych.panels.annotations import ALMOST_DONE, fault_of, find_job, status
from triptych.panels.http import Parameter, ServerSentEvent, event_stream, service

SETTLE_BOUND = timedelta(seconds=5)
LOOK_S = 0.5
"""How long a silent job is waited for before it is looked at whether anything can still come of it."""

LAST_EVENT = Parameter(name="Last-Event-ID", place="header", type=int, summary="The last event that was seen; those after it follow.")
TOLD = frozenset({"finding", "alarm", "warning"})


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event. `annotationProgress` comes with progress, `status` and `error` with the end, other fields with findings and alarms."""

    name: str
    updateTime: str  # noqa: N815 - as documented
    status: str | None = None
    annotationProgress: tuple[dict[str, Any], ...] = ()  # noqa: N815 - as documented
    error: dict[str, Any] | None = None


async def follow(request: Request) -> Response:
    """Send what happened and happens to a job, from its beginning or from where the client left off; ends with the job."""
    job = await find_job(request)
    return event_stream(_events(service(request).engine, job.id, _last_event(request)))


async def _events(engine: Engine, name: str, after: int) -> AsyncGenerator[ServerSentEvent]:
    async for happening in _until_over(engine, name, after):
        told = await _told(engine, happening)
        if told is not None:
            event, data = told
            yield ServerSentEvent(data=data, event=event, id=str(happening.number))


async def _until_over(engine: Engine, name: str, after: int) -> AsyncGenerator[Happening]:
    """Yield what happens up to the job's end, also if its log was read to the end before, or goes with the job meanwhile."""
    happenings = engine.watch(after=after, job_id=name)
    upcoming = _next(happenings)
    try:
        while True:
            await asyncio.wait({upcoming}, timeout=LOOK_S)
            if upcoming.done():
                yield upcoming.result()
                if upcoming.result().state is State.ENDED:
                    return
                upcoming = _next(happenings)
            elif await _is_over(engine, name):
                return
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        if isinstance(happenings, AsyncGenerator):
            await happenings.aclose()


def _next(happenings: AsyncIterator[Happening]) -> "asyncio.Task[Happening]":
    async def step() -> Happening:
        return await anext(happenings)

    return asyncio.create_task(step())


async def _is_over(engine: Engine, name: str) -> bool:
    try:
        return (await engine.find(name)).state is State.ENDED
    except NotFound:
        return True


async def _told(engine: Engine, happening: Happening) -> tuple[str, object] | None:
    """Return the event of a happening and its data; None for what is no event here."""
    name, at = happening.job_id, to_text(happening.at)
    if happening.note == "progress" and happening.data:
        return "progress", Event(name, at, "running", annotationProgress=_parts(happening.data))
    if happening.note in TOLD:
        return happening.note, {"name": name, "updateTime": at, **happening.data}
    if happening.note == "state" and happening.state is State.ENDED:
        return "end", await _end(engine, name, at)
    return None


async def _end(engine: Engine, name: str, at: str) -> Event:
    """Return the end of a job; one that was deleted since tells no more than that."""
    try:
        # The log is committed a moment before the engine knows it; who has seen the end must find the job ended.
        job = await engine.wait(name, SETTLE_BOUND)
    except NotFound:
        return Event(name, at)
    word = status(job)
    return Event(name, at, word, error=None if word == "done" else fault_of(job))


def _parts(data: Mapping[str, object]) -> tuple[dict[str, Any], ...]:
    percents = ((feature, value) for feature, value in data.items() if isinstance(value, int | float))
    return tuple({"feature": feature, "progressPercent": min(ALMOST_DONE, int(value))} for feature, value in percents)


def _last_event(request: Request) -> int:
    text = request.headers.get("last-event-id") or "0"
    if not re.fullmatch("[0-9]{1,16}", text):
        raise Invalid("Last-Event-ID must be the number of an event", field="Last-Event-ID")
    return int(text)
