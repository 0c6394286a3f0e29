"""Workers K10: idle processes ahead of need."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from triptych.agent.forks import Born
from triptych.agent.pool import Pool
from triptych.agent.process import Process
from triptych.errors import StartFailed


class Nursery:
    """Makes processes that are no more than their line; `fault` makes it refuse."""

    def __init__(self) -> None:
        self.made: list[Process] = []
        self.lost: list[Process] = []
        self.others: list[socket.socket] = []
        self.fault: str | None = None
        self._pids = itertools.count(1)

    async def fork(self) -> Process:
        await asyncio.sleep(0)
        if self.fault is not None:
            raise StartFailed(self.fault)
        ours, theirs = socket.socketpair()
        self.others.append(theirs)
        left: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        process = Process("", Born(pid=next(self._pids), line=ours, left=left), lambda *_: None, self.lost.append)
        self.made.append(process)
        return process


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    nursery = Nursery()
    yield nursery
    for process in nursery.made:
        process.close()
    for other in nursery.others:
        other.close()


@pytest.fixture
async def pool(nursery: Nursery) -> AsyncIterator[Pool]:
    pool = Pool(nursery.fork, 3)
    await pool.fill()
    yield pool
    await pool.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.001)


async def test_it_is_filled_ahead(pool: Pool, nursery: Nursery) -> None:
    assert (len(pool), len(nursery.made)) == (3, 3)


async def test_what_is_taken_is_replaced(pool: Pool, nursery: Nursery) -> None:
    await pool.take()
    await until(lambda: len(pool) == 3)
    assert len(nursery.made) == 4


async def test_what_comes_back_is_used_again(pool: Pool, nursery: Nursery) -> None:
    for _ in range(10):
        pool.put(await pool.take())
    assert len(nursery.made) == 3


async def test_a_dead_one_is_never_given_out(pool: Pool, nursery: Nursery) -> None:
    nursery.made[-1].close()
    assert not (await pool.take()).closed


async def test_more_than_it_holds_can_be_taken_at_once(pool: Pool) -> None:
    taken = await asyncio.gather(*(pool.take() for _ in range(20)))
    assert len(set(taken)) == 20


async def test_a_returned_one_serves_who_waits_longest(pool: Pool, nursery: Nursery) -> None:
    first = [await pool.take() for _ in range(3)]
    nursery.fault = "cannot allocate memory"
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    pool.put(first[0])
    assert await waiting is first[0]


async def test_who_stops_waiting_takes_nothing_along(pool: Pool, nursery: Nursery) -> None:
    taken = [await pool.take() for _ in range(3)]
    nursery.fault = "cannot allocate memory"
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    pool.put(taken[0])
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert len(pool) == 1


async def test_the_kernels_refusal_reaches_who_waits(pool: Pool, nursery: Nursery) -> None:
    nursery.fault = "resource temporarily unavailable"
    for _ in range(3):
        await pool.take()
    with pytest.raises(StartFailed, match="resource temporarily unavailable"):
        await pool.take()


async def test_a_surplus_goes_when_nobody_needed_it_for_a_while(pool: Pool, nursery: Nursery) -> None:
    taken = [await pool.take() for _ in range(10)]
    for process in taken:
        pool.put(process)
    pool.trim()
    assert len(pool) >= 10
    pool.trim()
    assert len(pool) == 3
    assert len(nursery.lost) == len(nursery.made) - 3


async def test_closing_lets_every_idle_one_go(nursery: Nursery) -> None:
    pool = Pool(nursery.fork, 3)
    await pool.fill()
    kept = await pool.take()
    await pool.close()
    pool.put(kept)
    assert all(process.closed for process in nursery.made)
