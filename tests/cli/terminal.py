"""A command on a terminal of 80 columns."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

COMMAND = (sys.executable, "-m", "triptych.cli")
BOUND_S = 100.0
COLUMNS, ROWS = 80, 40


class Terminal:
    """A process that believes that a person watches."""

    def __init__(self, *command: str, cwd: Path) -> None:
        self._command, self._cwd = command, cwd
        self._written = b""

    def __enter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        variables = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
        self._process = subprocess.Popen(
            self._command, cwd=self._cwd, env=variables, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    def until(self, words: str) -> str:
        """Read until `words` were written; return everything so far."""
        deadline = time.monotonic() + BOUND_S
        while words.encode() not in self._written:
            ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, self._written.decode(errors="replace")[-2000:]
            self._written += os.read(self._ours, 65536)
        return self._written.decode(errors="replace")

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def wait(self) -> int:
        return self._process.wait(timeout=20)


def seen(written: str) -> list[str]:
    """Return the lines that a person sees, colours left out."""
    return re.sub(r"\x1b\[[0-9;]*m", "", written).splitlines()
