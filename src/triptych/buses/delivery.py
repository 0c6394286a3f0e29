"""What every bus does the same way: answer a request, deliver until it is taken, keep the newest picture, own its tasks."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog

from triptych.errors import TriptychError
from triptych.messages import Refused, Reply, Report, Request
from triptych.model import Worker

RequestHandler = Callable[[Request], Awaitable[Reply]]
ReportHandler = Callable[[Sequence[Report]], Awaitable[None]]
PresenceHandler = Callable[[str, Worker | None], Awaitable[None]]

T = TypeVar("T")

RETRY_PAUSE = timedelta(milliseconds=200)

log = structlog.get_logger()


class Tasks:
    """The tasks that a bus owns; none outlives it."""

    def __init__(self) -> None:
        self._live: set[asyncio.Task[object]] = set()

    def start(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Run `work` in a task of its own."""
        task = asyncio.create_task(work)
        self._live.add(task)
        task.add_done_callback(self._live.discard)
        return task

    async def wait(self, bound: timedelta) -> None:
        """Give every task until `bound` to end by itself."""
        if self._live:
            await asyncio.wait(self._live, timeout=bound.total_seconds())

    async def cancel(self) -> None:
        """End every task but the caller's own and wait until they have."""
        others = self._live - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Slot:
    """Room for one picture: a new one takes the place of one nobody has fetched."""

    def __init__(self) -> None:
        self._picture: bytes | None = None
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, picture: bytes) -> None:
        """Take a picture; never waits."""
        self._picture = picture
        self._changed.set()

    def close(self) -> None:
        """Let the reader end."""
        self._closed = True
        self._changed.set()

    async def fetch(self) -> bytes | None:
        """Wait for a picture and take it out; None once the slot is closed."""
        await self._changed.wait()
        if self._closed:
            return None
        self._changed.clear()
        return self._picture


async def answer(handler: RequestHandler, request: Request) -> Reply:
    """Return the handler's reply, or what it raised as a refusal."""
    try:
        return await handler(request)
    except TriptychError as fault:
        return Refused(code=fault.code, message=fault.message)
    except Exception:
        subject = getattr(request, "job_id", None) or getattr(request, "process", None)
        log.exception("request failed", request=type(request).__name__.lower(), job_id=subject)
        return Refused(code="internal", message="internal fault")


async def deliver(handler: ReportHandler, batch: Sequence[Report]) -> bool:
    """Hand a batch to its consumer; False when it raised and the batch must be delivered again."""
    try:
        await handler(batch)
    except Exception:
        log.exception("reports not taken", job_ids=sorted({report.job_id for report in batch}), reports=len(batch))
        return False
    return True


async def tell(handler: PresenceHandler, worker_id: str, worker: Worker | None) -> None:
    """Tell a watcher about a worker; its fault is logged and costs only this one telling."""
    try:
        await handler(worker_id, worker)
    except Exception:
        log.exception("presence not taken", worker_id=worker_id)
