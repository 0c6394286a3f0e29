"""The line between an agent and a job process: length-prefixed MessagePack frames over one socket."""

import os
import select
import socket
import struct
import time
from _thread import allocate_lock
from collections import defaultdict
from datetime import timedelta

import msgspec

from triptych.errors import ChannelClosed
from triptych.messages import Answered, Asked, Body, Ended, Message, Reply, Report, Shown

HEADER = struct.Struct("<I")
MAX_FRAME_BYTES = 64 * 1024 * 1024
READ_BYTES = 1 << 16
_STDERR_FD = 2


class Enrol(Message, frozen=True, kw_only=True):
    """The first thing that a shim hears: where its spool is to lie, who it is to whoever finds that, and how large all spools may grow."""

    folder: str
    pid: int
    start_ticks: int
    boot_id: str
    token: bytes
    cap_bytes: int


class Ping(Message, frozen=True, kw_only=True):
    """Say that you are there. The server was last heard of `renewed_s` seconds after boot (workers L4, K13)."""

    renewed_s: float


class Pong(Message, frozen=True, kw_only=True):
    """I am there."""


class Begins(Message, frozen=True, kw_only=True):
    """This attempt's program is about to be executed: in the spool before it is (workers K11)."""

    job_id: str
    attempt: int


class Page(Message, frozen=True, kw_only=True):
    """What follows lies in this page of the spool, and what came before in earlier ones."""

    number: int


class Here(Message, frozen=True, kw_only=True):
    """The first word to an agent that found this shim: whose tree it holds, and where in its spool this line goes on.

    `state` is `running`, `paused` or `stopping`; `seq` the number of the attempt's last report; `page` and `offset` the place after it.
    `pid` is 0 for an attempt that never got a process, and whose end waits for room in the spool.
    """

    job_id: str
    attempt: int
    pid: int
    state: str
    seq: int
    page: int
    offset: int


Down = Asked | Enrol | Ping
"""What goes down a line; only shims are enrolled and pinged."""

Up = Report | Answered | Shown | Pong | Begins | Page | Here
"""What goes up a line; only shims say the last four."""

_encode = msgspec.msgpack.Encoder().encode
_decode_asked = msgspec.msgpack.Decoder(Asked).decode
decode_down = msgspec.msgpack.Decoder(Down).decode
decode_up = msgspec.msgpack.Decoder(Up).decode


def pack(message: Down | Up) -> bytes:
    """Return `message` as one frame."""
    body = _encode(message)
    return HEADER.pack(len(body)) + body


class FrameReader:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what arrived and return every whole frame body; over 64 MiB raises `ChannelClosed`, as the line is not trusted then."""
        self._pending += data
        frames = []
        while (frame := self._cut()) is not None:
            frames.append(frame)
        return frames

    def _cut(self) -> bytes | None:
        if len(self._pending) < HEADER.size:
            return None
        (size,) = HEADER.unpack_from(self._pending)
        if size > MAX_FRAME_BYTES:
            raise ChannelClosed
        if len(self._pending) < HEADER.size + size:
            return None
        frame = bytes(self._pending[HEADER.size : HEADER.size + size])
        del self._pending[: HEADER.size + size]
        return frame


class SocketChannel:
    """The job process's end of the line (contracts.Channel)."""

    def __init__(self, line: socket.socket) -> None:
        line.setblocking(False)
        self._line = line
        self._reader = FrameReader()
        self._arrived: list[Asked] = []
        self._sending = allocate_lock()
        self._numbers: defaultdict[tuple[str, int], int] = defaultdict(int)

    def fileno(self) -> int:
        """Return the socket, for a selector."""
        return self._line.fileno()

    def receive(self, timeout: timedelta | None = None) -> Asked | None:
        """Return the next request, or None after `timeout`. Raises `ChannelClosed` when the agent is gone."""
        deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        while not self._arrived:
            remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not _ready(self._line, select.POLLIN, remaining):
                return None
            self._read()
        return self._arrived.pop(0)

    def detach(self) -> socket.socket:
        """Return the bare line, which is its new owner's alone."""
        return self._line

    def answer(self, number: int, reply: Reply) -> None:
        """Answer the request with this number."""
        self._send(pack(Answered(number=number, reply=reply)))

    def report(self, job_id: str, attempt: int, body: Body) -> None:
        """Send the next numbered report of a job's attempt."""
        with self._sending:
            self._numbers[job_id, attempt] += 1
            seq = self._numbers[job_id, attempt]
            at_us = time.time_ns() // 1000
            self._write(pack(Report(job_id=job_id, attempt=attempt, seq=seq, at_us=at_us, body=body)))
            if isinstance(body, Ended):
                del self._numbers[job_id, attempt]

    def show(self, topic: str, picture: bytes) -> bool:
        """Send a picture; False when it was dropped, because the line is full."""
        free = _ready(self._line, select.POLLOUT, 0.0)
        if free:
            self._send(pack(Shown(topic=topic, picture=picture)))
        return free

    def _send(self, frame: bytes) -> None:
        with self._sending:
            self._write(frame)

    def _write(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            try:
                view = view[self._line.send(view) :]
            except BlockingIOError:
                _ready(self._line, select.POLLOUT, None)
            except OSError as fault:
                raise ChannelClosed from fault

    def _read(self) -> None:
        try:
            data = self._line.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as fault:
            raise ChannelClosed from fault
        if not data:
            raise ChannelClosed
        self._arrived += [_decode_asked(frame) for frame in self._reader.feed(data)]


def let_go_of_stderr() -> None:
    """Write no more to where an agent that is gone told its log, so that whoever reads that sees its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, _STDERR_FD)
    os.close(null)


def _ready(line: socket.socket, event: int, timeout_s: float | None) -> bool:
    poller = select.poll()
    poller.register(line, event)
    return bool(poller.poll(None if timeout_s is None else timeout_s * 1000))
