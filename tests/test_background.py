"""Nobody waits for it, and none of it outlives its owner."""

import asyncio

from triptych.background import Background
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
