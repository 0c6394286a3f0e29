"""`triptych up` as a process of its own, which ends with whoever started it."""

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from triptych.errors import Unavailable

READY_BOUND_S = 30.0
END_BOUND_S = 8.0
POLL_S = 0.02
SHOWN_LOG_LINES = 12
PR_SET_PDEATHSIG = 1


class Server:
    """A running system on a free port of loopback, ready between `async with` and its end; what it logs goes to `log`."""

    def __init__(self, data: Path, *, arguments: Sequence[str] = (), port: int | None = None) -> None:
        self.data = data
        self.log = data / "server.log"
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready_after_s = 0.0
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process of server, engine and agent."""
        return self._running.pid

    async def __aenter__(self) -> Self:
        begun = time.monotonic()
        try:
            self._start()
            await self._wait_ready(begun + READY_BOUND_S)
        except BaseException:
            self.kill()
            raise
        self.ready_after_s = time.monotonic() - begun
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self._running.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(self._running.wait, END_BOUND_S)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the process by force; nothing happens when it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise Unavailable("the server was not started")
        return self._process

    def _start(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "triptych.cli", "up", "--port", str(self.port), "--data", str(self.data), *self._arguments]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(_end_with, os.getpid()),  # noqa: PLW1509 - one call into libc; nothing else ends with a killed parent
            )

    async def _wait_ready(self, deadline: float) -> None:
        async with httpx.AsyncClient(base_url=self.url) as client:
            while not await _answers(client):
                if self._running.poll() is not None or time.monotonic() > deadline:
                    raise Unavailable(f"the server did not get ready; its log ends with:\n{self.log_tail()}")
                await asyncio.sleep(POLL_S)

    def log_tail(self) -> str:
        """Return the last lines that the server wrote."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-SHOWN_LOG_LINES:])


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _end_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGINT)
