"""Work that nobody waits for: owned, logged when it fails, and ended with whoever owns it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from triptych.errors import TriptychError

log = structlog.get_logger()


class Background:
    """Tasks of one owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run `work` in a task of its own; what it raises is logged."""
        task = asyncio.create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _guarded(work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except TriptychError as fault:
        log.info("background verb refused", code=fault.code, reason=fault.message)
    except Exception:
        log.exception("background verb failed")
