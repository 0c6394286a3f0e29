"""A wall clock that jumps by a day: F11 of the workers panel."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from triptych.agent.agent import Agent
from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock
from triptych.engine import Engine
from triptych.model import EndReason, Job, Place, State, Submission, WorkerState
from triptych.outputs import Outputs
from triptych.stores.sql import SqlStore

DAY = timedelta(days=1)
TIMEOUT_S = 2.0
BOUND = timedelta(seconds=30)


class SetClock(SystemClock):
    """The machine's clock as somebody sets it: only the wall clock moves."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    engine: Engine
    clock: SetClock


@asynccontextmanager
async def _site(folder: Path) -> AsyncIterator[Site]:
    clock, bus = SetClock(), MemoryBus()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqlStore(f"sqlite:///{folder}/triptych.db"))
        outputs = await stack.enter_async_context(Outputs(folder / "output"))
        stack.push_async_callback(bus.close)
        engine = await stack.enter_async_context(Engine(store=store, bus=bus, outputs=outputs, clock=clock))
        place = Place(worker_id="w-1", data_dir=str(folder))
        agent = await stack.enter_async_context(Agent(bus=bus, place=place, slots={"command": 8}, clock=clock))
        await _until(lambda: _is_ready(engine))
        yield Site(engine=engine, clock=clock)
        await agent.close(stop_jobs=True)


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(BOUND.total_seconds()):
        while not await holds():
            await asyncio.sleep(0.01)


async def _is_ready(engine: Engine) -> bool:
    return [worker.state for worker in await engine.workers()] == [WorkerState.READY]


async def _is_running(engine: Engine, job_id: str) -> bool:
    return (await engine.find(job_id)).state is State.RUNNING


async def _run(site: Site, *argv: str, **spec: object) -> Job:
    ask = Submission(kind="command", origin="/start", spec={"argv": argv, "cwd": "root", **spec}, worker_id="w-1", queue=False)
    return await site.engine.submit(ask)


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["a day ahead", "a day back"])
async def test_a_jump_of_the_wall_clock_moves_no_lease(tmp_path: Path, jump: timedelta) -> None:
    """workers F11, I3: the worker is no more silent than before, and its jobs stay running."""
    async with _site(tmp_path) as site:
        job = await _run(site, "sleep", "600")
        site.clock.ahead = jump
        await site.engine.sweep()
        assert await _is_ready(site.engine)
        await _until(lambda: _is_running(site.engine, job.id))
        stopped = await site.engine.stop(job.id, by="test")
        assert stopped.end is not None
        assert stopped.end.reason is EndReason.STOPPED


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["a day ahead", "a day back"])
async def test_a_jump_of_the_wall_clock_moves_no_timeout(tmp_path: Path, jump: timedelta) -> None:
    """workers K7 (F11): it runs on a boot-time clock, neither at once nor a day later."""
    async with _site(tmp_path) as site:
        began = site.clock.monotonic()
        job = await _run(site, "sleep", "600", timeout_s=TIMEOUT_S, grace_s=0.0)
        site.clock.ahead = jump
        ended = await site.engine.wait(job.id, BOUND)
        assert site.clock.monotonic() - began >= timedelta(seconds=TIMEOUT_S)
        assert ended.end is not None
        assert ended.end.reason is EndReason.TIMED_OUT
