"""The bus inside one process: queues and tasks of one event loop, nothing on any wire."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import timedelta

import structlog

from triptych.buses.delivery import RETRY_PAUSE, PresenceHandler, ReportHandler, RequestHandler, Slot, Tasks, answer, deliver, tell
from triptych.errors import Unavailable
from triptych.messages import Output, Reply, Report, Request
from triptych.model import Worker

BACKLOG_BYTES = 64 * 1024 * 1024
REPORT_BYTES = 1024
CLOSE_BOUND = timedelta(seconds=1)

Presence = asyncio.Queue[tuple[str, Worker | None]]

log = structlog.get_logger()


class MemoryBus:
    """Carries between a server and workers of the same event loop (contracts.Bus)."""

    def __init__(self, *, backlog_bytes: int = BACKLOG_BYTES, retry_pause: timedelta = RETRY_PAUSE) -> None:
        self._retry_pause = retry_pause
        self._served: dict[str, RequestHandler] = {}
        self._backlog = Backlog(backlog_bytes)
        self._presence: list[Presence] = []
        self._slots: defaultdict[str, set[Slot]] = defaultdict(set)
        self._answers = Tasks()
        self._consumers = Tasks()
        self._watchers = Tasks()
        self._closed = False

    async def request(self, worker_id: str, request: Request, timeout: timedelta) -> Reply:
        """Ask a worker; when the time is up the work goes on and only its answer is given up. Raises `Unavailable`."""
        handler = self._served.get(worker_id)
        if handler is None:
            raise Unavailable("worker not connected", code="worker_not_connected")
        asked = self._answers.start(answer(handler, request))
        done, _ = await asyncio.wait({asked}, timeout=timeout.total_seconds())
        if not done:
            raise Unavailable("worker not answering", code="worker_not_answering")
        if asked.cancelled():
            raise Unavailable("worker not connected", code="worker_not_connected")
        return asked.result()

    async def serve(self, worker_id: str, handler: RequestHandler) -> None:
        """Answer requests to this worker from now on, each in a task of its own."""
        if not self._closed:
            self._served[worker_id] = handler

    async def publish(self, report: Report) -> None:
        """Queue a report; waits while 64 MiB of them wait for a consumer. Raises `Unavailable` with code `bus_closed`."""
        await self._backlog.put(report)

    async def consume(self, handler: ReportHandler) -> None:
        """Deliver queued reports from now on, all there are in one batch; again after a pause when `handler` raises."""
        self._consumers.start(self._deliver(handler))

    async def announce(self, worker: Worker) -> None:
        """Tell every watcher that this worker is there."""
        self._tell(worker.id, worker)

    async def leave(self, worker_id: str) -> None:
        """Stop serving the worker and tell every watcher that it goes."""
        self._served.pop(worker_id, None)
        self._tell(worker_id, None)

    async def watch(self, handler: PresenceHandler) -> None:
        """Call `handler` at every announcement and leave from now on, in order."""
        presence = Presence()
        self._presence.append(presence)
        self._watchers.start(_watch(presence, handler))

    async def show(self, topic: str, picture: bytes) -> None:
        """Put a picture into the slot of everyone who looks at `topic`."""
        for slot in self._slots.get(topic, ()):
            slot.put(picture)

    async def pictures(self, topic: str) -> AsyncIterator[bytes]:
        """Yield the newest picture of `topic` each time there is one, until the bus closes."""
        if self._closed:
            return
        slot = Slot()
        self._slots[topic].add(slot)
        try:
            while (picture := await slot.fetch()) is not None:
                yield picture
        finally:
            self._forget(topic, slot)

    async def close(self) -> None:
        """Give consumers one second to take what is queued, then stop serving, consuming and watching."""
        self._closed = True
        self._served.clear()
        self._backlog.close()
        await self._consumers.wait(CLOSE_BOUND)
        for tasks in (self._consumers, self._answers, self._watchers):
            await tasks.cancel()
        for slots in self._slots.values():
            for slot in slots:
                slot.close()
        self._presence.clear()

    async def _deliver(self, handler: ReportHandler) -> None:
        while batch := await self._backlog.take():
            while not await deliver(handler, batch):
                if self._closed:
                    log.error("reports lost at close", job_ids=sorted({report.job_id for report in batch}))
                    return
                await asyncio.sleep(self._retry_pause.total_seconds())

    def _tell(self, worker_id: str, worker: Worker | None) -> None:
        for presence in self._presence:
            presence.put_nowait((worker_id, worker))

    def _forget(self, topic: str, slot: Slot) -> None:
        self._slots[topic].discard(slot)
        if not self._slots[topic]:
            del self._slots[topic]


class Backlog:
    """Published reports in order, bounded by what they weigh: who publishes into a full one waits."""

    def __init__(self, bound_bytes: int) -> None:
        self._bound_bytes = bound_bytes
        self._reports: list[Report] = []
        self._weight_bytes = 0
        self._door = asyncio.Lock()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._closed = False

    async def put(self, report: Report) -> None:
        """Append a report, in the order of the calls. Raises `Unavailable` once closed."""
        async with self._door:
            while self._weight_bytes >= self._bound_bytes and not self._closed:
                self._emptied.clear()
                await self._emptied.wait()
            if self._closed:
                raise Unavailable("bus is closed", code="bus_closed")
            self._reports.append(report)
            self._weight_bytes += _weigh(report)
            self._filled.set()

    async def take(self) -> list[Report]:
        """Wait for reports and take all there are; none once closed and empty."""
        while not self._reports and not self._closed:
            self._filled.clear()
            await self._filled.wait()
        batch, self._reports = self._reports, []
        self._weight_bytes = 0
        self._emptied.set()
        return batch

    def close(self) -> None:
        """Take no more reports and let everyone who waits go on."""
        self._closed = True
        self._filled.set()
        self._emptied.set()


def _weigh(report: Report) -> int:
    return REPORT_BYTES + (len(report.body.data) if isinstance(report.body, Output) else 0)


async def _watch(presence: Presence, handler: PresenceHandler) -> None:
    while True:
        worker_id, worker = await presence.get()
        await tell(handler, worker_id, worker)
