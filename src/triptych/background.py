"""Work that nobody waits for: owned, logged when it fails, and ended with whoever owns it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

import structlog

from triptych.errors import TriptychError

log = structlog.get_logger()

Result = TypeVar("Result")


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


async def in_thread(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, run in a thread that is nobody else's and that no end of this process waits for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, fault: BaseException | None) -> None:
        if done.done():
            return
        if fault is not None:
            done.set_exception(fault)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # without a fault there is a result

    def run() -> None:
        result, fault = None, None
        try:
            result = work()
        except Exception as raised:  # noqa: BLE001 - it is raised where it is waited for
            fault = raised
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, fault)

    Thread(target=run, daemon=True).start()
    return await done
