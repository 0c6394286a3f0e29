"""The engine's line to its workers: asks them, and waits a moment for a link that is down."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from triptych.contracts import Bus
from triptych.errors import TriptychError, Unavailable
from triptych.messages import Answer, Reply, Request
from triptych.model import Json, Worker, WorkerState
from triptych.roster import Roster

PATIENCE = timedelta(seconds=2)
"""How long a call waits for a link to come back before it says that there is none (workers L9)."""


class Line:
    """Requests to workers that were met; a worker whose link is down is asked nothing before it has been met again."""

    def __init__(self, bus: Bus, roster: Roster, patience: timedelta = PATIENCE) -> None:
        self._bus = bus
        self._roster = roster
        self._patience = patience

    async def reach(self, worker_id: str) -> Worker:
        """Return the worker once its link is up, or as it is when the time is up. Raises `NotFound`."""
        await self._until(lambda: self._roster.find(worker_id).state is not WorkerState.LOST)
        return self._roster.find(worker_id)

    async def attend(self, worker_id: str) -> None:
        """Wait until a worker was met that nobody need know yet, or until the time is up."""
        await self._until(lambda: any(worker.id == worker_id for worker in self._roster.connected()))

    async def any_ready(self) -> Worker:
        """Return the first ready worker. Raises `Unavailable` when there is none in time."""
        await self._until(lambda: any(worker.state is WorkerState.READY for worker in self._roster))
        for worker in self._roster:
            if worker.state is WorkerState.READY:
                return worker
        raise not_connected()

    async def ask(self, worker_id: str, request: Request, timeout: timedelta) -> Reply:
        """Ask a worker. Raises `Unavailable` when it is not connected or does not answer in time."""
        for is_last in (False, True):
            if (await self.reach(worker_id)).state is WorkerState.LOST:
                break
            try:
                return await self._bus.request(worker_id, request, timeout)
            except Unavailable as fault:
                if fault.code != "worker_not_connected":
                    raise
                self._roster.unlink(worker_id)
                if is_last:
                    break
        raise not_connected()

    def doubt(self, worker_id: str) -> None:
        """Take a link for down, so that the worker is met again when it next announces itself."""
        self._roster.unlink(worker_id)

    async def _until(self, holds: Callable[[], bool]) -> None:
        if holds():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.total_seconds()):
                while not holds():
                    await self._roster.changed()


def not_connected() -> Unavailable:
    """Return what a caller is told of a worker whose link is down."""
    return Unavailable("worker not connected", code="worker_not_connected")


def answered(reply: Reply) -> Json:
    """Return what a worker answered. Raises what it refused with."""
    if isinstance(reply, Answer):
        return reply.data
    raise TriptychError(reply.message, code=reply.code)
