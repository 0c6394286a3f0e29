"""What is reported reaches the bus in order, and never faster than it takes it."""

import asyncio
from datetime import timedelta

from triptych.agent.outbox import Outbox
from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock
from triptych.errors import Unavailable
from triptych.messages import Output, Paused, Report, Shown


class FlakyBus(MemoryBus):
    """A bus that is away for its first `refusals` reports, and holds others up until `gate` is set."""

    def __init__(self, refusals: int = 0) -> None:
        super().__init__()
        self.refusals = refusals
        self.gate = asyncio.Event()
        self.gate.set()
        self.taken: list[int] = []
        self.shown: list[tuple[str, bytes]] = []

    async def publish(self, report: Report) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("bus is away")
        await self.gate.wait()
        self.taken.append(report.seq)

    async def show(self, topic: str, picture: bytes) -> None:
        self.shown.append((topic, picture))


class HastyClock(SystemClock):
    """A clock whose pauses are short."""

    async def sleep(self, pause: timedelta) -> None:
        del pause
        await asyncio.sleep(0)


class Held:
    """Counts how often the process was held back."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def box(self, bus: MemoryBus) -> Outbox:
        return Outbox(bus, HastyClock(), lambda: self.calls.append("hush"), lambda: self.calls.append("listen"))


def report(seq: int, data: bytes = b"") -> Report:
    return Report(job_id="j", attempt=1, seq=seq, at_us=0, body=Output(stream="stdout", offset=0, data=data) if data else Paused())


async def test_reports_are_taken_in_order() -> None:
    bus = FlakyBus()
    box = Held().box(bus)
    for seq in range(100):
        box.put(report(seq))
    await box.empty()
    assert bus.taken == list(range(100))


async def test_a_bus_that_is_away_loses_nothing() -> None:
    bus = FlakyBus(refusals=5)
    box = Held().box(bus)
    for seq in range(3):
        box.put(report(seq))
    await box.empty()
    assert bus.taken == [0, 1, 2]


async def test_too_much_holds_the_process_back_until_there_is_room() -> None:
    bus, held = FlakyBus(), Held()
    bus.gate.clear()
    box = held.box(bus)
    for seq in range(100):
        box.put(report(seq, bytes(64 * 1024)))
    assert held.calls == ["hush"]
    bus.gate.set()
    await box.empty()
    assert held.calls == ["hush", "listen"]
    assert bus.taken == list(range(100))


async def test_of_pictures_the_newest_wins() -> None:
    bus = FlakyBus()
    box = Held().box(bus)
    for number in range(3):
        box.put(Shown(topic="a", picture=bytes([number])))
    box.put(Shown(topic="b", picture=b"b"))
    await box.empty()
    assert sorted(bus.shown) == [("a", b"\x02"), ("b", b"b")]


async def test_a_closed_box_sends_no_more() -> None:
    bus = FlakyBus()
    bus.gate.clear()
    box = Held().box(bus)
    box.put(report(1))
    await asyncio.sleep(0)
    box.close()
    bus.gate.set()
    await box.empty()
    assert not bus.taken


async def test_who_reads_from_elsewhere_waits_for_room() -> None:
    bus = FlakyBus()
    bus.gate.clear()
    box = Held().box(bus)
    await box.room()
    for seq in range(100):
        box.put(report(seq, bytes(64 * 1024)))
    waiting = asyncio.create_task(box.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    bus.gate.set()
    await waiting
    await box.empty()
