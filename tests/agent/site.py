"""A worker under test: a real agent with real processes on the memory bus, and the reports that a server would get."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from triptych.agent.agent import Agent
from triptych.agent.tree import stat
from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock
from triptych.kinds import KINDS, KindEntry
from triptych.messages import Ended, Output, Refused, Reply, Report, Request, Start, Stop
from triptych.model import Place, Worker

WORKER = "worker-1"
COMMAND = {"command": KINDS["command"]}
PATIENCE = timedelta(seconds=60)


class Site:
    """One worker; `do` asks it, `until` waits for what it reports."""

    def __init__(self, folder: Path, *, kinds: Mapping[str, KindEntry] = COMMAND, **place: object) -> None:
        self.folder = folder
        self.kinds = kinds
        self.bus = MemoryBus()
        self.place = Place(worker_id=WORKER, data_dir=str(folder / "data"), **place)  # type: ignore[arg-type]
        self.agent: Agent | None = None
        self.reports: list[Report] = []
        self.workers: list[Worker | None] = []
        self._news = asyncio.Condition()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._stack.push_async_callback(self.bus.close)
        await self.bus.consume(self._note)
        await self.bus.watch(self._meet)
        self.agent = Agent(bus=self.bus, place=self.place, slots=dict.fromkeys(self.kinds, 256), clock=SystemClock(), kinds=self.kinds)
        await self._stack.enter_async_context(self.agent)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        assert self.agent is not None
        await self.agent.close(stop_jobs=True)
        await self._stack.aclose()

    async def do_nothing(self) -> None:
        """Let the others do something."""
        await asyncio.sleep(0.01)

    def patience(self) -> asyncio.Timeout:
        return asyncio.timeout(PATIENCE.total_seconds())

    async def do(self, request: Request) -> Reply:
        return await self.bus.request(WORKER, request, PATIENCE)

    async def run(self, *argv: str, attempt: int = 1, job_id: str | None = None, **spec: object) -> tuple[str, Reply]:
        """Start a command; its id and the reply."""
        job_id = job_id or str(uuid.uuid4())
        start = Start(job_id=job_id, kind="command", attempt=attempt, process=job_id, spec={"argv": argv, **spec})
        return job_id, await self.do(start)

    async def stop(self, job_id: str, grace_s: float = 5.0) -> Reply:
        return await self.do(Stop(job_id=job_id, by="test", grace_s=grace_s))

    async def ended(self, job_id: str, attempt: int = 1) -> Ended:
        report = await self.until(job_id, Ended, attempt)
        assert isinstance(report.body, Ended)
        return report.body

    async def until(self, job_id: str, kind: type, attempt: int = 1) -> Report:
        """Wait for the first report of this type."""
        async with asyncio.timeout(PATIENCE.total_seconds()), self._news:
            while True:
                for report in self.of(job_id, attempt):
                    if isinstance(report.body, kind):
                        return report
                await self._news.wait()

    async def written(self, job_id: str, size: int, stream: str = "stdout") -> bytes:
        """Wait until a job has written `size` bytes."""
        async with asyncio.timeout(PATIENCE.total_seconds()), self._news:
            while len(data := self.output(job_id, stream)) < size:
                await self._news.wait()
        return data

    def of(self, job_id: str, attempt: int = 1) -> Sequence[Report]:
        return [report for report in self.reports if report.job_id == job_id and report.attempt == attempt]

    def output(self, job_id: str, stream: str = "stdout", attempt: int = 1) -> bytes:
        """What a job wrote so far; every offset must be the number of bytes before it."""
        data = b""
        for report in self.of(job_id, attempt):
            if isinstance(report.body, Output) and report.body.stream == stream:
                assert report.body.offset == len(data)
                data += report.body.data
        return data

    async def _note(self, reports: Sequence[Report]) -> None:
        async with self._news:
            self.reports += reports
            self._news.notify_all()

    async def _meet(self, worker_id: str, worker: Worker | None) -> None:
        assert worker_id == WORKER
        self.workers.append(worker)


def refusal(reply: Reply) -> str:
    assert isinstance(reply, Refused), reply
    return reply.message


async def gone(pid: int) -> None:
    """Wait until there is no such process."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while stat(pid) is not None:
            await asyncio.sleep(0.005)


def marked(mark: str) -> list[int]:
    """The pids of every process whose environment holds this text."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and mark.encode() in _environment(entry)]


def _environment(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""
