"""A fork server as its agent holds it: starts it, asks it for job processes, hears of their ends, starts it again when it died."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

import triptych
from triptych.agent.forkserver import MAX_PACKET_BYTES, Fork, Forked, Gone, Kill, Ready, Warm, pack, read_news
from triptych.contracts import Clock
from triptych.errors import StartFailed, Unavailable
from triptych.model import Place

_DESCRIPTORS = 1
_AT_ONCE = 8
_CLOSE_BOUND_S = 2.0
_PAUSES = (timedelta(milliseconds=100), timedelta(seconds=1), timedelta(seconds=5))
_SOUND_AFTER = timedelta(seconds=30)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Born:
    """A new job process: `left` is done when nothing of its tree is left, with its exit code or minus a signal, None if nobody knows."""

    pid: int
    line: socket.socket
    left: "asyncio.Future[int | None]"


class Forks:
    """The job processes of one fork server, which imports `modules` ahead and has `env` on top of this process's environment.

    One that `retires` can be left with its job processes. `rehearsal` is a `module:function` that it calls before it forks.
    """

    def __init__(
        self,
        place: Place,
        clock: Clock,
        *,
        modules: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        retires: bool = False,
        rehearsal: str = "",
    ) -> None:
        self.pid = 0
        self.missing: Mapping[str, str] = {}
        self._warm = Warm(modules=tuple(modules), place=place, retires=retires, rehearsal=rehearsal)
        self._clock = clock
        self._env = env or {}
        self._ready = asyncio.Event()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._control: socket.socket | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._number = 0
        self._asked: dict[int, asyncio.Future[Born]] = {}
        self._living: dict[int, asyncio.Future[int | None]] = {}

    def start(self) -> None:
        """Start the fork server, and again after a pause whenever it dies, until `close`."""
        self._keeper = asyncio.create_task(self._keep())

    @property
    def ready(self) -> bool:
        """Whether it has imported its modules, so that it forks at once."""
        return self._ready.is_set()

    async def fork(self, entry: str, tier: str = "") -> Born:
        """Return a new job process that runs `entry`, born as `tier` needs it.

        Raises `StartFailed` with the kernel's reason, `Unavailable` once closed.
        """
        async with self._gate:
            while True:
                await self._ready.wait()
                with suppress(_Died):
                    return await self._ask(entry, tier)

    def kill(self, pid: int) -> None:
        """End a job process by force, if this fork server still has it."""
        if self._control is not None and pid in self._living:
            with suppress(ConnectionError):
                self._control.send(pack(Kill(pid=pid)))

    async def close(self, *, wait: bool = True) -> None:
        """End the fork server with everything below it; after 2 s, or at once without `wait`, leave it to itself."""
        self._closing.set()
        self._ready.set()
        if self._control is not None:
            self._control.shutdown(socket.SHUT_RDWR)
        if self._keeper is not None:
            await asyncio.wait({self._keeper}, timeout=_CLOSE_BOUND_S if wait else 0)
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _ask(self, entry: str, tier: str) -> Born:
        if self._closing.is_set() or self._control is None:
            raise Unavailable("the worker is closing", code="worker_not_connected")
        self._number += 1
        born: asyncio.Future[Born] = asyncio.get_running_loop().create_future()
        self._asked[self._number] = born
        with suppress(ConnectionError):
            self._control.send(pack(Fork(number=self._number, entry=entry, tier=tier)))
        return await born

    async def _keep(self) -> None:
        failures = 0
        while not self._closing.is_set():
            began = self._clock.monotonic()
            await self._run_once()
            if self._closing.is_set():
                return
            failures = 0 if self._clock.monotonic() - began > _SOUND_AFTER else failures + 1
            log.error("fork server died and is started again", pid=self.pid)
            await self._clock.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])

    async def _run_once(self) -> None:
        """Start the fork server and serve it until it has ended."""
        loop = asyncio.get_running_loop()
        closed: asyncio.Future[None] = loop.create_future()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            ours.setblocking(False)
            with theirs:
                server = self._launch(theirs.fileno())
            self.pid, self._control = server.pid, ours
            loop.add_reader(ours.fileno(), self._hear, ours, closed)
            try:
                ours.send(pack(self._warm))
                await closed
            finally:
                loop.remove_reader(ours.fileno())
                self._forget()
        await _until_ended(server)

    def _launch(self, descriptor: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours
            [sys.executable, "-m", "triptych.agent.forkserver", str(descriptor)],
            env={**os.environ, **self._env, "PYTHONPATH": _import_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[descriptor],
            start_new_session=True,
        )

    def _hear(self, control: socket.socket, closed: "asyncio.Future[None]") -> None:
        try:
            packet, descriptors, _, _ = socket.recv_fds(control, MAX_PACKET_BYTES, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except ConnectionError:
            packet = b""
        if packet:
            self._take(packet, descriptors)
        elif not closed.done():
            closed.set_result(None)

    def _take(self, packet: bytes, descriptors: Sequence[int]) -> None:
        match read_news(packet):
            case Ready() as news:
                self._greet(news)
            case Forked() as news:
                self._welcome(news, descriptors)
            case Gone() as news:
                self._living.pop(news.pid).set_result(news.status)

    def _greet(self, news: Ready) -> None:
        self.missing = news.missing
        if news.missing or news.threads != 1:
            log.warning("fork server is not as it should be", pid=self.pid, missing=news.missing, threads=news.threads)
        self._ready.set()

    def _welcome(self, news: Forked, descriptors: Sequence[int]) -> None:
        asked = self._asked.pop(news.number)
        if not news.pid:
            asked.set_exception(StartFailed(news.reason))
            return
        self._living[news.pid] = left = asyncio.get_running_loop().create_future()
        if not descriptors:
            # The kernel drops a line for which there is no descriptor here; the process behind it ends by itself.
            asked.set_exception(StartFailed("too many open files"))
            return
        line = socket.socket(fileno=descriptors[0])
        if asked.done():
            line.close()
        else:
            asked.set_result(Born(pid=news.pid, line=line, left=left))

    def _forget(self) -> None:
        """Let nobody wait for a fork server that is gone; its job processes live on with their lines."""
        if not self._closing.is_set():
            self._ready.clear()
        self._control = None
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(_Died)
        for left in self._living.values():
            left.set_result(None)
        self._asked.clear()
        self._living.clear()


class _Died(Exception):
    """The fork server died before it answered."""


def _import_path() -> str:
    """Return a PYTHONPATH from which this very package is imported."""
    own = str(Path(triptych.__file__).parent.parent)
    return os.pathsep.join(filter(None, (own, os.environ.get("PYTHONPATH"))))


async def _until_ended(server: "subprocess.Popen[bytes]") -> None:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    handle = os.pidfd_open(server.pid)
    loop.add_reader(handle, ended.cancel)
    try:
        await asyncio.wait({ended})
        server.wait()
    except asyncio.CancelledError:
        # It outlives this process, which its Popen would take for a fault.
        server.returncode = 0
        raise
    finally:
        loop.remove_reader(handle)
        os.close(handle)
