"""How the media panel has an input looked at without a job: by a process of a worker, whose decoder is caged (media 2.2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import msgspec

from triptych.errors import Unavailable
from triptych.kinds import AnnotateSpec
from triptych.messages import Ask
from triptych.model import WorkerState
from triptych.panels.http import Service
from triptych.panels.submissions import KIND

BOUND = timedelta(seconds=45)
"""A little more than a probe gives itself."""
PATIENCE_S = 10.0


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker saw of an input: its duration as an offset, and what of the request it cannot serve."""

    duration: str
    warnings: tuple[str, ...] = ()


async def probe(parts: Service, spec: AnnotateSpec) -> Probed:
    """Have a worker look at the input. Raises with the code and text that a job would fail with, or `Unavailable`."""
    ask = Ask(process=f"probe:{uuid4()}", kind=KIND, spec=msgspec.to_builtins(spec), verb="probe")
    async with _turn(parts):
        return msgspec.convert(await parts.engine.probe(await _able(parts), ask, BOUND), Probed)


@asynccontextmanager
async def _turn(parts: Service) -> AsyncIterator[None]:
    """Wait until few enough inputs are being looked at. Raises `Unavailable` when that takes too long."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await parts.probes.acquire()
    except TimeoutError:
        raise Unavailable("too many inputs are being looked at", code="unavailable") from None
    try:
        yield
    finally:
        parts.probes.release()


async def _able(parts: Service) -> str | None:
    """Return a worker that measures media, None where there is none now."""
    ready = (worker for worker in await parts.engine.workers() if worker.state is WorkerState.READY)
    return next((worker.id for worker in ready if worker.slots.get(KIND)), None)
