"""Idle job processes kept ahead of need, so that a start waits for no fork (workers K10)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from triptych.agent.process import Process
from triptych.errors import TriptychError

_REFILL_PAUSE_S = 0.02

log = structlog.get_logger()


class Pool:
    """Keeps `size` idle processes that `fork` makes; more come back under load, and go again when they were idle for a while."""

    def __init__(self, fork: Callable[[], Awaitable[Process]], size: int) -> None:
        self._fork = fork
        self._size = size
        self._idle: list[Process] = []
        self._waiting: deque[asyncio.Future[Process]] = deque()
        self._forking = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._refill: asyncio.TimerHandle | None = None
        self._fewest = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._idle)

    async def fill(self) -> None:
        """Fork until `size` processes are idle. Raises `StartFailed` with the kernel's reason."""
        for process in await asyncio.gather(*(self._fork() for _ in range(self._size - len(self._idle)))):
            self.put(process)

    async def take(self) -> Process:
        """Return a process for one job, at once where one is idle. Raises `StartFailed` with the kernel's reason."""
        while self._idle:
            process = self._idle.pop()
            self._fewest = min(self._fewest, len(self._idle))
            if not process.closed:
                self._refill_later()
                return process
        waiting: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._fork_more()
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():
                self.put(waiting.result())
            raise

    def put(self, process: Process) -> None:
        """Take back a process whose tree was verified empty, or a new one."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(process)
                return
        if self._closed:
            process.close()
        else:
            self._idle.append(process)

    def trim(self) -> None:
        """Let go of the processes above `size` that nobody needed since the last call."""
        for _ in range(min(self._fewest, len(self._idle)) - self._size):
            self._idle.pop(0).close()
        self._fewest = len(self._idle)

    async def close(self) -> None:
        """Let go of every idle process and fork no more."""
        self._closed = True
        if self._refill is not None:
            self._refill.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in self._idle:
            process.close()
        self._idle.clear()

    def _refill_later(self) -> None:
        """Leave the processor to the job that was just started."""
        if self._refill is None and len(self._idle) < self._size:
            self._refill = asyncio.get_running_loop().call_later(_REFILL_PAUSE_S, self._fork_more)

    def _fork_more(self) -> None:
        if self._refill is not None:
            self._refill.cancel()
            self._refill = None
        lacking = self._size + len(self._waiting) - len(self._idle) - self._forking
        for _ in range(0 if self._closed else lacking):
            self._forking += 1
            task = asyncio.create_task(self._add())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _add(self) -> None:
        try:
            process = await self._fork()
        except TriptychError as fault:
            self._forking -= 1
            log.warning("no idle process", reason=fault.message)
            if self._waiting and not (waiting := self._waiting.popleft()).done():
                waiting.set_exception(fault)
        else:
            self._forking -= 1
            self.put(process)
