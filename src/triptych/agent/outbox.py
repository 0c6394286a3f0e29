"""What a job process reported and the bus has not taken yet: in order, and bounded by holding the process back."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import timedelta

import structlog

from triptych.agent.verdicts import shortened
from triptych.contracts import Bus, Clock
from triptych.errors import Invalid, Unavailable
from triptych.messages import Output, Report, Shown

_FULL_BYTES = 4 * 1024 * 1024
_REPORT_BYTES = 1024
_RETRY_PAUSE = timedelta(milliseconds=500)

log = structlog.get_logger()


class Outbox:
    """Hands reports to the bus one after the other. `hush` is called when too much waits, `listen` when there is room again."""

    def __init__(self, bus: Bus, clock: Clock, hush: Callable[[], None], listen: Callable[[], None]) -> None:
        self._bus = bus
        self._clock = clock
        self._hush = hush
        self._listen = listen
        self._reports: deque[Report] = deque()
        self._pictures: dict[str, bytes] = {}
        self._weight_bytes = 0
        self._sender: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    def put(self, message: Report | Shown) -> None:
        """Take a report, or a picture in the place of one of its topic that nobody has fetched."""
        if isinstance(message, Shown):
            self._pictures[message.topic] = message.picture
        else:
            self._reports.append(message)
            self._weigh(+1, message)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    async def empty(self) -> None:
        """Wait until the bus has taken everything."""
        while self._sender is not None:
            await asyncio.wait({self._sender})

    async def room(self) -> None:
        """Wait until it is not full."""
        await self._room.wait()

    def close(self) -> None:
        """Send no more."""
        if self._sender is not None:
            self._sender.cancel()

    async def _send(self) -> None:
        try:
            while self._reports or self._pictures:
                while self._reports:
                    await self._publish(self._reports[0])
                    self._weigh(-1, self._reports.popleft())
                while self._pictures:
                    await self._bus.show(*self._pictures.popitem())
        finally:
            self._sender = None

    async def _publish(self, report: Report) -> None:
        """Hand one report over; one that no bus will ever take is said shorter, and then not at all."""
        saying: Report | None = report
        while saying is not None:
            try:
                await self._bus.publish(saying)
            except Invalid as fault:
                log.warning("report does not fit", job_id=report.job_id, seq=report.seq, reason=fault.message)
                saying = shortened(saying) if saying is report else None
            except Unavailable as fault:
                log.warning("report waits for the bus", job_id=report.job_id, reason=fault.message)
                await self._clock.sleep(_RETRY_PAUSE)
            else:
                return

    def _weigh(self, sign: int, report: Report) -> None:
        before = self._weight_bytes
        self._weight_bytes += sign * (_REPORT_BYTES + (len(report.body.data) if isinstance(report.body, Output) else 0))
        if before < _FULL_BYTES <= self._weight_bytes:
            self._room.clear()
            self._hush()
        elif self._weight_bytes < _FULL_BYTES <= before:
            self._room.set()
            self._listen()
