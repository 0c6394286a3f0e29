import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock
from triptych.panels.happenings import KEPT, Happenings, Telling, Told, Unseen, topic


def told(number, note="state", at="2026-01-01T00:00:00.000000Z"):
    return Told(number, note, at, {"n": number})


def numbers(events):
    return [event.number for event in events]


def telling(*numbers_, at="t"):
    return json.dumps({"events": [{"number": n, "note": "state", "at": at, "data": {}} for n in numbers_]}).encode()


def test_what_was_told_before_is_not_new():
    unseen = Unseen()
    assert numbers(unseen.take(Telling((told(4), told(5))))) == [4, 5]
    assert numbers(unseen.take(Telling((told(4), told(5), told(6))))) == [6]
    assert numbers(unseen.take(Telling((told(5), told(6))))) == []
    assert numbers(unseen.take(Telling((told(9), told(10))))) == [9, 10]
    assert numbers(unseen.take(Telling(()))) == []


def test_a_process_that_begins_to_count_again_is_heard():
    """A clock that was set back between two processes makes numbers fall."""
    unseen = Unseen()
    unseen.take(Telling((told(7, at="a"),)))
    assert numbers(unseen.take(Telling((told(1, at="b"), told(2, at="c"))))) == [1, 2]
    assert numbers(unseen.take(Telling((told(1, at="b"), told(2, at="c"), told(3, at="d"))))) == [3]


async def take(happenings, after, camera, count):
    found = []
    async with asyncio.timeout(5):
        async for happened in happenings.follow(after, camera):
            found.append(happened)
            if len(found) == count:
                return found
    raise AssertionError


async def test_followers_get_what_comes_and_what_is_kept():
    """camera 6: the last 1,000 are replayed."""
    happenings = Happenings()
    for number in range(KEPT + 5):
        happenings.note("a" if number % 2 else "b", told(number))
    replayed = await take(happenings, 0, None, KEPT)
    assert (replayed[0].data, replayed[-1].data) == ({"n": 5}, {"n": KEPT + 4})
    live = asyncio.create_task(take(happenings, happenings.newest, "a", 1))
    await asyncio.sleep(0)
    happenings.note("b", told(1))
    happenings.note("a", told(2))
    assert [(one.camera, one.data) for one in await live] == [("a", {"n": 2})]


def test_an_id_says_where_to_go_on_and_one_of_another_server_that_all_was_missed():
    happenings = Happenings(lambda _bytes: "ee")
    happenings.note("a", told(1))
    assert [happenings.place(last) for last in (None, "ee-1", "ee-0")] == [1, 1, 0]
    assert [happenings.place(last) for last in ("ff-1", "ee-2", "ee-", "ee-x", "", "ee-²")] == [0] * 6


def test_the_newest_state_of_each_camera_is_at_hand():
    happenings = Happenings()
    for camera, note, number in (("a", "state", 1), ("a", "alarm", 2), ("b", "state", 3), ("a", "state", 4)):
        happenings.note(camera, told(number, note))
    assert {camera: one.data for camera, one in happenings.states.items()} == {"a": {"n": 4}, "b": {"n": 3}}


@asynccontextmanager
async def reading():
    """Give a bus and happenings that read it."""
    bus, happenings = MemoryBus(), Happenings()
    running = asyncio.create_task(happenings.run(bus.pictures, SystemClock()))
    try:
        yield bus, happenings
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await bus.close()


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_camera_is_read_from_when_it_is_expected_on():
    async with reading() as (bus, happenings):
        happenings.expect("a")
        happenings.expect("a")
        await until(lambda: bus._slots.get(topic("a")))
        happenings.expect("b")
        await until(lambda: bus._slots.get(topic("b")))
        await bus.show(topic("a"), telling(1, 2))
        await bus.show(topic("c"), telling(1))
        await until(lambda: happenings.newest == 2)
        assert len(bus._slots[topic("a")]) == 1
    assert not bus._slots.get(topic("a"))


async def test_nonsense_is_logged_and_reading_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("triptych.panels.happenings.RETRY_PAUSE", timedelta(0))
    with capture_logs() as logs:
        async with reading() as (bus, happenings):
            happenings.expect("a")
            await until(lambda: bus._slots.get(topic("a")))
            await bus.show(topic("a"), b"{")
            await until(lambda: logs and bus._slots.get(topic("a")))
            await bus.show(topic("a"), telling(1))
            await until(lambda: happenings.newest == 1)
    assert logs[0]["event"] == "events not read"
