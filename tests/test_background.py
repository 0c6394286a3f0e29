"""Nobody waits for it, and none of it outlives its owner."""

import asyncio
import threading

import pytest

from triptych.background import Background, in_thread
from triptych.errors import Unavailable


async def test_what_fails_is_logged_and_fails_nobody_else(capsys):
    background = Background()
    done = asyncio.Event()

    async def refused():
        raise Unavailable("worker not connected", code="worker_not_connected")

    async def faulty():
        raise RuntimeError("oops")

    async def fine():
        done.set()

    for work in (refused, faulty, fine):
        background.spawn(work)
    await done.wait()
    await background.close()
    said = capsys.readouterr().out
    assert "worker_not_connected" in said
    assert "oops" in said


async def test_closing_ends_what_runs():
    background = Background()
    ended = []

    async def long():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    background.spawn(long)
    await asyncio.sleep(0)
    await background.close()
    assert ended == [True]


async def test_work_in_a_thread_gives_what_it_returns_and_raises():
    names: list[str] = []

    def work():
        names.append(threading.current_thread().name)
        return 5

    assert await in_thread(work) == 5
    assert names != [threading.current_thread().name]
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 / 0)


async def test_nobody_waits_for_a_thread_that_is_given_up():
    begun, over = threading.Event(), threading.Event()

    def work():
        begun.set()
        over.wait(30)

    waiting = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait, 30)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not over.is_set()
    over.set()
