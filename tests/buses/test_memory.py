"""What only the bus of one process promises."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from triptych.buses.memory import MemoryBus
from triptych.errors import Unavailable
from triptych.messages import Answer, Output, Pause, Progress, Reply, Report, Request

LONG = timedelta(seconds=20)


def _report(seq: int, job_id: str = "a") -> Report:
    return Report(job_id=job_id, attempt=1, seq=seq, at_us=0, body=Progress(parts={"x": 1.0}))


def _output(seq: int, size_bytes: int) -> Report:
    return Report(job_id="a", attempt=1, seq=seq, at_us=0, body=Output(stream="stdout", offset=0, data=bytes(size_bytes)))


async def test_everything_queued_is_one_batch() -> None:
    bus = MemoryBus()
    batches: list[list[int]] = []
    for seq in (1, 2, 3):
        await bus.publish(_report(seq))

    async def take(reports: Sequence[Report]) -> None:
        batches.append([report.seq for report in reports])

    await bus.consume(take)
    await bus.close()
    assert batches == [[1, 2, 3]]


async def test_close_hands_over_what_was_published_before() -> None:
    bus = MemoryBus()
    taken: list[int] = []

    async def take(reports: Sequence[Report]) -> None:
        taken.extend(report.seq for report in reports)

    await bus.consume(take)
    await bus.publish(_report(1))
    await bus.close()
    assert taken == [1]


async def test_close_does_not_wait_for_a_consumer_that_hangs() -> None:
    bus = MemoryBus()

    async def hang(reports: Sequence[Report]) -> None:
        await asyncio.Event().wait()

    await bus.consume(hang)
    await bus.publish(_report(1))
    async with asyncio.timeout(10):
        await bus.close()


async def test_a_full_backlog_makes_the_publisher_wait_until_it_is_taken() -> None:
    bus = MemoryBus(backlog_bytes=4096)
    await bus.publish(_output(1, 4096))
    second = asyncio.create_task(bus.publish(_output(2, 1)))
    third = asyncio.create_task(bus.publish(_output(3, 1)))
    done, _ = await asyncio.wait({second, third}, timeout=0.05)
    assert not done
    taken: list[int] = []

    async def take(reports: Sequence[Report]) -> None:
        taken.extend(report.seq for report in reports)

    await bus.consume(take)
    await asyncio.gather(second, third)
    await bus.close()
    assert taken == [1, 2, 3]


async def test_close_lets_a_waiting_publisher_go() -> None:
    bus = MemoryBus(backlog_bytes=1)
    await bus.publish(_report(1))
    waiting = asyncio.create_task(bus.publish(_report(2)))
    await asyncio.sleep(0)
    await bus.close()
    with pytest.raises(Unavailable, match="bus is closed"):
        await waiting


async def test_a_request_that_close_interrupts_is_not_connected() -> None:
    bus = MemoryBus()
    asked = asyncio.Event()

    async def hang(request: Request) -> Reply:
        asked.set()
        await asyncio.Event().wait()
        return Answer()

    await bus.serve("w", hang)
    pending = asyncio.create_task(bus.request("w", Pause(job_id="a"), LONG))
    await asked.wait()
    await bus.close()
    with pytest.raises(Unavailable, match="worker not connected"):
        await pending
