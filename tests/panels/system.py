"""The engine over the store and bus in memory, with a worker that speaks the bus's protocol and does as the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from panels.door import Door, opened
from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock, to_us
from triptych.engine import Engine
from triptych.messages import Answer, Ask, Body, Ended, Output, Pause, Paused, Reply, Report, Request, Resume, Resumed, Running, Start, Stop
from triptych.model import End, EndReason, Job, State, Worker, WorkerState
from triptych.outputs import Outputs
from triptych.panels.http import Panel
from triptych.settings import Settings
from triptych.stores.memory import MemoryStore

WORKER_ID = "d5feef60-3029-11e9-b210-d663bd873d93"
SLOTS = {"command": 4, "annotate": 1, "camera": 1}


@dataclass(slots=True)
class ScriptedWorker:
    """A worker whose jobs stay where the test puts them. `on_start`, `on_stop` and `on_ask` replace its own answers."""

    bus: MemoryBus
    id: str = WORKER_ID
    seq: int = 0
    started: list[Start] = field(default_factory=list)
    on_start: Callable[[Start], Awaitable[Reply]] | None = None
    on_stop: Callable[[Stop], Awaitable[Reply]] | None = None
    on_ask: Callable[[Ask], Awaitable[Reply]] | None = None

    async def announce(self, state: WorkerState = WorkerState.READY, slots: dict[str, int] | None = None) -> None:
        """Say that the worker is there."""
        now = datetime.now(UTC)
        await self.bus.announce(Worker(id=self.id, state=state, boot_id="b", started_at=now, seen_at=now, slots=slots or SLOTS))

    async def report(self, job_id: str, body: Body) -> None:
        """Tell the engine something about a job."""
        self.seq += 1
        attempt = next(start.attempt for start in reversed(self.started) if start.job_id == job_id)
        await self.bus.publish(Report(job_id=job_id, attempt=attempt, seq=self.seq, at_us=to_us(datetime.now(UTC)), body=body))

    async def write(self, job_id: str, data: bytes, offset: int = 0) -> None:
        """Let a job write to its standard output."""
        await self.report(job_id, Output(stream="stdout", offset=offset, data=data))

    async def end(self, job_id: str, reason: EndReason = EndReason.EXITED, **how: object) -> None:
        """Let a job end."""
        await self.report(job_id, Ended(end=replace(End(reason=reason), **how)))  # type: ignore[arg-type]  # fields of End

    async def answer(self, request: Request) -> Reply:
        """Do as a worker does."""
        match request:
            case Start():
                self.started.append(request)
                if self.on_start is not None:
                    return await self.on_start(request)
                await self.report(request.job_id, Running(pid=4711))
            case Pause():
                await self.report(request.job_id, Paused())
            case Resume():
                await self.report(request.job_id, Resumed())
            case Stop():
                if self.on_stop is not None:
                    return await self.on_stop(request)
                await self.end(request.job_id, request.reason, signal=15)
            case Ask():
                if self.on_ask is not None:
                    return await self.on_ask(request)
        return Answer()


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A running server with an engine behind it."""

    door: Door
    engine: Engine
    worker: ScriptedWorker

    async def job(self, job_id: str, state: State) -> Job:
        """Wait until a job is in `state`."""
        async with asyncio.timeout(10):
            async for happening in self.engine.watch(after=0, job_id=job_id):
                if happening.state is state:
                    return await self.engine.find(job_id)
        raise AssertionError

    async def written(self, job_id: str, end: int) -> None:
        """Wait until the engine has kept a job's standard output up to `end`."""
        while (await self.engine.output(job_id, "stdout", offset=end - 1, limit=1, attempt=None)).next_offset < end:
            await asyncio.sleep(0)

    async def knows(self, worker_id: str, state: WorkerState) -> None:
        """Wait until the engine has taken an announcement."""
        async with asyncio.timeout(10):
            while not any(worker.id == worker_id and worker.state is state for worker in await self.engine.workers()):
                await asyncio.sleep(0)


@asynccontextmanager
async def running_system(folder: Path, panels: tuple[Panel, ...], *, most_queued: int = 100_000, **settings: Any) -> AsyncIterator[System]:
    """Bring it all up and down."""
    bus = MemoryBus()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(MemoryStore())
        outputs = await stack.enter_async_context(Outputs(folder / "output"))
        engine = await stack.enter_async_context(
            Engine(store=store, bus=bus, outputs=outputs, clock=SystemClock(), most_queued=most_queued)
        )
        stack.push_async_callback(bus.close)
        door = await stack.enter_async_context(opened(panels, Settings(data_dir=folder, port=0, **settings), engine))
        worker = ScriptedWorker(bus)
        await bus.serve(worker.id, worker.answer)
        await worker.announce()
        system = System(door=door, engine=engine, worker=worker)
        await system.knows(worker.id, WorkerState.READY)
        yield system
