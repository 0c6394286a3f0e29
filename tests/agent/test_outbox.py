"""What is reported reaches the bus in order, and never faster than it takes it."""

import asyncio
from datetime import timedelta

import msgspec

from triptych.agent.outbox import Outbox
from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock
from triptych.errors import Invalid, Unavailable
from triptych.messages import Ended, Finding, Output, Paused, Progress, Report, Running, Shown
from triptych.model import End, EndReason


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


class NarrowBus(MemoryBus):
    """A bus that takes no report that packs into more than 4 KiB."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Report] = []

    async def publish(self, report: Report) -> None:
        if len(msgspec.msgpack.encode(report)) > 4096:
            raise Invalid("report is larger than the bus takes", code="report_too_large")
        self.taken.append(report)


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


async def test_what_is_too_large_for_the_bus_is_said_shorter_and_holds_nothing_up() -> None:
    bus, held = NarrowBus(), Held()
    box = held.box(bus)
    long = {"text": "x" * 10_000}
    bodies = (
        Running(pid=7, facts=long),
        Output(stream="stdout", offset=0, data=bytes(10_000)),
        Progress(parts={"a": 50.0}, facts=long),
        Finding(note="finding", data=long),
        Paused(),
        Ended(end=End(reason=EndReason.EXITED, exit_code=3), facts=long),
    )
    for seq, body in enumerate(bodies, 1):
        box.put(Report(job_id="j", attempt=1, seq=seq, at_us=0, body=body))
    await box.empty()
    assert [(report.seq, report.body) for report in bus.taken[:-1]] == [
        (1, Running(pid=7)),
        (3, Progress(parts={"a": 50.0})),
        (4, Finding(note="finding", data={})),
        (5, Paused()),
    ]
    end = bus.taken[-1].body
    assert isinstance(end, Ended)
    assert (end.end.reason, end.end.exit_code) == (EndReason.EXITED, 3)
    assert end.end.fault is not None
    assert end.end.fault.code == "report_too_large"


async def test_a_result_that_is_too_large_for_the_bus_is_a_failure() -> None:
    """A job whose result nobody will ever see is not done."""
    bus = NarrowBus()
    box = Held().box(bus)
    body = Ended(end=End(reason=EndReason.DONE), result={"text": "x" * 10_000})
    box.put(Report(job_id="j", attempt=1, seq=1, at_us=0, body=body))
    await box.empty()
    end = bus.taken[0].body
    assert isinstance(end, Ended)
    assert end.result is None
    assert end.end.reason is EndReason.FAILED
