"""A shim's line to whichever agent is there: what goes up it goes into the spool too, and a lost line waits for the next (workers K11)."""

import os
import select
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import msgspec

from triptych.agent.channel import READ_BYTES, Begins, Enrol, FrameReader, Here, Ping, Pong, decode_down, let_go_of_stderr, pack
from triptych.agent.ending import boot_s
from triptych.agent.spool import Position, Spool, door_of
from triptych.errors import ChannelClosed, Unavailable
from triptych.messages import Answered, Asked, Body, Ended, Key, Output, Reply, Report

KEEP_BYTES = 1 << 20
TOKEN_BYTES = 16
_SEND_BYTES = 1 << 18
_PATIENCE_S = 0.5
_KNOCKS = 8
_CREDENTIALS = struct.Struct("3i")


class Wire:
    """Never waits: what the agent does not take stays in the spool, and at most 1 MiB of it in memory.

    `here` says whose tree this shim holds. `renewed_s` is when the server was last heard of, in seconds after boot.
    """

    def __init__(self, line: socket.socket, poller: select.poll, here: Callable[[], Here]) -> None:
        self.renewed_s = boot_s()
        self._poller = poller
        self._here = here
        self._line: socket.socket | None = line
        self._listener: socket.socket | None = None
        self._identity: Enrol | None = None
        self._spool: Spool | None = None
        self._reader = FrameReader()
        self._begins = b""
        self._numbers: defaultdict[Key, int] = defaultdict(int)
        self._unsent = bytearray()
        self._answers = bytearray()
        self._cursor: Position | None = None
        self._pushing = False
        line.setblocking(False)
        poller.register(line, select.POLLIN)

    @property
    def connected(self) -> bool:
        """Whether an agent is there."""
        return self._line is not None

    @property
    def findable(self) -> bool:
        """Whether the next agent will find this shim."""
        return self._listener is not None

    @property
    def owes(self) -> bool:
        """Whether a state waits for room in the spool."""
        return self._spool is not None and bool(self._spool.owed)

    @property
    def deserted(self) -> bool:
        """Whether the other end of the line is closed, heard of or not."""
        if self._line is None:
            return True
        poller = select.poll()
        poller.register(self._line, select.POLLRDHUP)
        return bool(poller.poll(0))

    def owns(self, descriptor: int) -> bool:
        """Whether this descriptor is the line, or the door at which the next agent knocks."""
        return any(one is not None and one.fileno() == descriptor for one in (self._line, self._listener))

    def hear(self, event: int) -> list[Asked]:
        """Do what is due at a descriptor of this wire and return what was asked. A closed line is no fault: see `connected`."""
        if self._line is None:
            self._let_in()
            return []
        if not event & ~select.POLLOUT:
            return []
        asked = []
        for message in self._read(self._line):
            if isinstance(message, Asked):
                asked.append(message)
            elif isinstance(message, Ping):
                self.renewed_s = max(self.renewed_s, message.renewed_s)
                self._say(pack(Pong()))
            else:
                self._enrol(message)
        return asked

    def begin(self, job_id: str, attempt: int) -> None:
        """Write down that a program is about to be executed. Raises `Unavailable` when that cannot be kept: then it must not be."""
        if self._identity is not None and not self.findable:
            self._enrol(self._identity)
        if self._spool is not None and self._spool.spent:
            self._turn_page(self._spool)
        self._begins = begins = pack(Begins(job_id=job_id, attempt=attempt))
        if self._spool is None or not self.findable or not self._spool.begin(begins):
            raise Unavailable("store unavailable", code="store_unavailable")
        self.renewed_s = max(self.renewed_s, boot_s())

    def report(self, job_id: str, attempt: int, body: Body) -> None:
        """Say the next numbered report of an attempt, and keep it for whoever comes."""
        self._numbers[job_id, attempt] += 1
        report = Report(job_id=job_id, attempt=attempt, seq=self._numbers[job_id, attempt], at_us=time.time_ns() // 1000, body=body)
        if isinstance(body, Ended):
            del self._numbers[job_id, attempt]
        self._keep(pack(report), must=not isinstance(body, Output))

    def seq(self, job_id: str, attempt: int) -> int:
        """Return the number of an attempt's last report."""
        return self._numbers[job_id, attempt]

    def position(self) -> Position:
        """Return where in the spool the next report will lie."""
        return self._spool.position if self._spool is not None else (0, 0)

    def answer(self, number: int, reply: Reply) -> None:
        """Answer the request with this number, if who asked is still there."""
        self._say(pack(Answered(number=number, reply=reply)))

    def pay(self) -> None:
        """Write down what is owed, if there is room by now."""
        if self._spool is not None and self._spool.owed:
            self._spool.append(b"", must=True)

    def flush(self) -> None:
        """Send what waits, as far as the line takes it."""
        if self._line is None:
            return
        try:
            while self._unsent or self._refill():
                del self._unsent[: self._line.send(self._unsent[:_SEND_BYTES])]
        except BlockingIOError:
            pass
        except OSError:
            # What the agent still said can be read; the end of the line is heard after it.
            self._forget_unsent()
        self._push(wanted=bool(self._unsent))

    def close(self) -> None:
        """Close the line, the door and the spool."""
        for one in (self._line, self._listener, self._spool):
            if one is not None:
                one.close()

    def _keep(self, frame: bytes, *, must: bool) -> None:
        spool = self._spool
        if spool is not None and spool.overfull and self._turn_page(spool):
            # Earlier pages may be thrown away, and this one is to say by itself whose it is.
            spool.append(self._begins, must=True)
        before = self.position()
        kept = spool is not None and spool.append(frame, must=must)
        if self._line is None or self._cursor is not None:
            return
        if len(self._unsent) < KEEP_BYTES or (must and not kept):
            self._unsent += frame
        elif kept:
            self._cursor = before

    def _turn_page(self, spool: Spool) -> bool:
        frame = spool.turn()
        if frame is not None and self._line is not None and self._cursor is None:
            self._unsent += frame
        return frame is not None

    def _say(self, frame: bytes) -> None:
        if self._line is not None:
            (self._unsent if self._cursor is None else self._answers).extend(frame)

    def _refill(self) -> bool:
        """Take up the next frames that wait; False when there are none."""
        self._unsent += self._answers
        self._answers.clear()
        while not self._unsent and self._cursor is not None and self._spool is not None:
            if self._cursor == self._spool.position:
                self._unsent += self._spool.owed
                self._cursor = None
            else:
                data, self._cursor = self._spool.read(self._cursor)
                self._unsent += data
        return bool(self._unsent)

    def _push(self, *, wanted: bool) -> None:
        if self._line is not None and wanted is not self._pushing:
            self._poller.modify(self._line, select.POLLIN | select.POLLOUT if wanted else select.POLLIN)
            self._pushing = wanted

    def _read(self, line: socket.socket) -> list[Asked | Enrol | Ping]:
        try:
            data = line.recv(READ_BYTES)
            messages = [decode_down(frame) for frame in self._reader.feed(data)]
        except BlockingIOError:
            return []
        except (OSError, ChannelClosed, msgspec.DecodeError):
            data, messages = b"", []
        if not data:
            self._lose(line)
        return messages

    def _lose(self, line: socket.socket) -> None:
        self._poller.unregister(line)
        line.close()
        self._line = None
        self._forget_unsent()
        if self._listener is not None:
            self._poller.register(self._listener, select.POLLIN)
        let_go_of_stderr()

    def _forget_unsent(self) -> None:
        self._unsent.clear()
        self._answers.clear()
        self._cursor = None

    def _enrol(self, identity: Enrol) -> None:
        """Make the spool, and the door beside it. A full disk is tried again before the next job."""
        self._identity = identity
        with suppress(OSError):
            self._spool = self._spool or Spool(identity)
            self._listener = self._listener or _listen(self._spool.folder)

    def _let_in(self) -> None:
        """Let the next agent in, if it is one: of this user or root, and with the token."""
        if self._listener is None:
            return
        with suppress(OSError):
            line, _ = self._listener.accept()
            if not self._trusts(line):
                line.close()
                return
            self._poller.unregister(self._listener)
            line.setblocking(False)
            self._line, self._reader, self._pushing = line, FrameReader(), False
            self._poller.register(line, select.POLLIN)
            self._unsent += pack(self._here()) + (self._spool.owed if self._spool is not None else b"")

    def _trusts(self, line: socket.socket) -> bool:
        _, uid, _ = peer_of(line)
        line.settimeout(_PATIENCE_S)
        token = line.recv(TOKEN_BYTES, socket.MSG_WAITALL)
        return uid in {os.getuid(), 0} and self._identity is not None and token == self._identity.token


def peer_of(line: socket.socket) -> tuple[int, int, int]:
    """Return the pid, user and group of whoever opened the other end, as the kernel tells them."""
    pid, uid, gid = _CREDENTIALS.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return pid, uid, gid


def _listen(folder: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    handle, path = door_of(folder)
    try:
        listener.bind(path)
        listener.listen(_KNOCKS)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(handle)
    return listener
