"""`triptych up` as a process of its own, which ends with whoever started it."""

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
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
    """A running system on loopback (port 0: a free one), ready between `async with` and its end; it logs to `server.log` in `data`.

    `variables` are added to the environment.
    """

    def __init__(self, data: Path, *, arguments: Sequence[str] = (), port: int = 0, variables: Mapping[str, str] | None = None) -> None:
        self.data = data
        self._variables = variables or {}
        self.url = ""
        self.worker_id = ""
        self.ready_after_s = 0.0
        self._log = data / "server.log"
        self._command = [sys.executable, "-m", "triptych.cli", "up", "--json", "--port", str(port), "--data", str(data), *arguments]
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The process of server, engine and agent."""
        return self._running.pid

    @property
    def port(self) -> int:
        """The port it listens on."""
        return httpx.URL(self.url).port or 0

    async def __aenter__(self) -> Self:
        begun = time.monotonic()
        try:
            self._start()
            async with asyncio.timeout(READY_BOUND_S):
                await self._wait_ready()
        except TimeoutError:
            self.kill()
            raise Unavailable(f"the server was not ready after {READY_BOUND_S:.0f} s; its log ends with:\n{self._tail()}") from None
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
            if self._process.stdout is not None:
                self._process.stdout.close()

    @property
    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise Unavailable("the server was not started")
        return self._process

    def _start(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                self._command,
                env=os.environ | self._variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                preexec_fn=partial(_end_with, os.getpid()),  # noqa: PLW1509 - one call into libc; nothing else ends with a killed parent
            )

    async def _wait_ready(self) -> None:
        told = await asyncio.to_thread(self._first_line)
        if not told:
            raise Unavailable(f"the server did not start; its log ends with:\n{self._tail()}")
        facts = json.loads(told)
        self.url, self.worker_id = facts["url"], facts["worker_id"]
        async with httpx.AsyncClient(base_url=self.url) as client:
            while (await client.get("/readyz")).status_code != httpx.codes.OK:  # noqa: ASYNC110 - another process gets ready
                await asyncio.sleep(POLL_S)

    def _first_line(self) -> str:
        stdout = self._running.stdout
        return stdout.readline() if stdout else ""

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-SHOWN_LOG_LINES:])


def _end_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGINT)
