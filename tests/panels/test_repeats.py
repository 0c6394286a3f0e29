"""Kept answers, on a panel of one route that counts what it did."""

import asyncio
import json
from datetime import timedelta

import pytest
from starlette.requests import Request

from manualclock import ManualClock
from triptych.errors import Conflict, Invalid, Unavailable
from triptych.panels.http import CALLER_KEY, Caller, Role, Route, json_answer, read_body, repeat_key
from triptych.panels.repeats import KEEP, Repeats
from triptych.stores.memory import MemoryStore


class Doer:
    """A route that does something each time it is called, or raises what it is told to."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.names: set[str | None] = set()
        self.fault: Exception | None = None
        self.go = asyncio.Event()
        self.go.set()
        self.route = Route(method="POST", path="/do", handler=self, role=Role.OPERATOR, summary="Do it.", keyed_bytes=1000)

    async def __call__(self, request):
        self.names.add(repeat_key(request))
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        self.done.append((await read_body(request, 1000)).decode())
        return json_answer({"number": len(self.done)}, 201)


@pytest.fixture
def doer() -> Doer:
    return Doer()


@pytest.fixture
def repeats() -> Repeats:
    return Repeats(MemoryStore(), ManualClock())


async def _ask(repeats, doer, *, body="a", key="k", who="uid:1", path="/do"):
    async def receive():
        return {"type": "http.request", "body": body.encode(), "more_body": False}

    headers = [(b"idempotency-key", key.encode())]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b"", "server": ("h", 1), "scheme": "http"}
    scope[CALLER_KEY] = Caller(who=who, role=Role.OPERATOR)
    response = await repeats.answer(Request(scope, receive), doer.route)
    return response.status_code, json.loads(response.body)


async def test_the_same_key_and_body_get_the_first_answer(repeats, doer) -> None:
    """media G9."""
    assert [await _ask(repeats, doer) for _ in range(3)] == [(201, {"number": 1})] * 3
    assert doer.done == ["a"]


async def test_another_body_is_refused(repeats, doer) -> None:
    """media G9."""
    await _ask(repeats, doer)
    with pytest.raises(Conflict) as caught:
        await _ask(repeats, doer, body="b")
    assert (caught.value.code, doer.done) == ("key_reused", ["a"])


async def test_a_key_is_of_one_caller_and_one_path(repeats, doer) -> None:
    for number, other in enumerate(({}, {"who": "token:x"}, {"path": "/other"}, {"key": "j"}), 1):
        assert await _ask(repeats, doer, **other) == (201, {"number": number})


async def test_repeats_at_the_same_time_wait_for_the_first_one(repeats, doer) -> None:
    doer.go.clear()
    asks = [asyncio.create_task(_ask(repeats, doer)) for _ in range(4)]
    while not doer.names:
        await asyncio.sleep(0)
    doer.go.set()
    assert await asyncio.gather(*asks) == [(201, {"number": 1})] * 4


async def test_an_answer_outlives_the_server_that_gave_it(doer) -> None:
    """media G9: for 24 h."""
    store, clock = MemoryStore(), ManualClock()
    await _ask(Repeats(store, clock), doer)
    assert await _ask(Repeats(store, clock), doer) == (201, {"number": 1})
    clock.time += KEEP
    assert await _ask(Repeats(store, clock), doer) == (201, {"number": 2})


async def test_a_server_that_died_over_a_request_leaves_its_name_to_the_repeat(doer) -> None:
    """What can be done once by name, as a job is, is done once."""
    store, clock = MemoryStore(), ManualClock()
    doer.go.clear()
    dying = asyncio.create_task(_ask(Repeats(store, clock), doer))
    while not doer.names:
        await asyncio.sleep(0)
    dying.cancel()
    clock.time += timedelta(hours=1)
    doer.go.set()
    await _ask(Repeats(store, clock), doer)
    assert len(doer.names) == 1


async def test_what_was_refused_leaves_the_key_free(repeats, doer) -> None:
    doer.fault = Invalid("not so")
    with pytest.raises(Invalid):
        await _ask(repeats, doer)
    doer.fault = None
    assert await _ask(repeats, doer, body="b") == (201, {"number": 1})


async def test_what_could_not_be_done_now_keeps_its_name(repeats, doer) -> None:
    doer.fault = Unavailable("not now")
    with pytest.raises(Unavailable):
        await _ask(repeats, doer)
    doer.fault = None
    await _ask(repeats, doer)
    assert len(doer.names) == 1


async def test_old_answers_are_forgotten(doer) -> None:
    store, clock = MemoryStore(), ManualClock()
    repeats = Repeats(store, clock)
    await _ask(repeats, doer)
    clock.time += timedelta(hours=12)
    await _ask(repeats, doer, key="j")
    clock.time += timedelta(hours=12)
    await repeats.run_once()
    assert len(await store.keys("answers")) == 1


async def test_a_body_over_the_bound_is_refused(repeats, doer) -> None:
    with pytest.raises(Invalid) as caught:
        await _ask(repeats, doer, body="x" * 1001)
    assert caught.value.code == "too_large"
