"""A command shim of its own process, spoken to over its bare line."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from triptych.agent.channel import Enrol, FrameReader, Ping, Pong, decode_up, pack
from triptych.agent.tree import stat
from triptych.messages import Answered, Asked, Report, Request

T = TypeVar("T")
TOKEN = b"0123456789abcdef"

CODE = """
import socket, sys
from triptych.agent.channel import SocketChannel
from triptych.kinds.command import run
from triptych.model import Place
{before}
run(SocketChannel(socket.socket(fileno=int(sys.argv[1]))), Place(worker_id="w", data_dir=sys.argv[2], roots=(sys.argv[2],)))
"""


class Line:
    """The agent's end; `before` is code that the shim runs first."""

    def __init__(self, folder: Path, *, before: str = "") -> None:
        (folder / "work").mkdir()
        self._line, theirs = socket.socketpair()
        self._line.settimeout(60)
        with theirs:
            self.shim = subprocess.Popen(
                [sys.executable, "-c", CODE.format(before=before), str(theirs.fileno()), str(folder)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=[theirs.fileno()],
            )
        self._number = 0
        self._heard = self._listen()
        born = stat(self.shim.pid)
        assert born is not None
        identity = Enrol(
            folder=str(folder / "spool" / "one"),
            pid=self.shim.pid,
            start_ticks=born.start_ticks,
            boot_id="boot",
            token=TOKEN,
            cap_bytes=1 << 30,
        )
        self._line.sendall(pack(identity))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self._line.close()
        self.shim.wait()

    def close(self) -> None:
        self._line.close()

    def tell(self, message: Ping) -> None:
        self._line.sendall(pack(message))

    def ask(self, request: Request) -> None:
        self._number += 1
        self._line.sendall(pack(Asked(number=self._number, request=request)))

    def until(self, kind: type[T]) -> T:
        """The next report body or reply of this type."""
        for message in self._heard:
            if isinstance(message, kind):
                return message
        raise AssertionError(kind)

    def _listen(self) -> Iterator[object]:
        reader = FrameReader()
        while data := self._line.recv(1 << 16):
            for message in map(decode_up, reader.feed(data)):
                if isinstance(message, Pong):
                    continue
                assert isinstance(message, Report | Answered)
                yield message.body if isinstance(message, Report) else message.reply
