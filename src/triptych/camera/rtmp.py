"""The client's side of RTMP (Adobe's specification 1.0): a line that publishes one stream.

FFmpeg speaks it too, but keeps the interpreter to itself while it connects, and a camera must not stand still for a far end.
"""

import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from triptych.camera.amf import Value, decode, encode
from triptych.camera.sites import Address
from triptych.errors import Unavailable

ANSWER_S = 4.0
SEND_S = 10.0
VIDEO, AUDIO, DATA = 9, 8, 18
_HANDSHAKE_BYTES = 1536
_VERSION = 3
_CHUNK_BYTES = 65536
_DEFAULT_CHUNK_BYTES = 128
_MOST_BYTES = 1 << 20
_LONG_TIME = 0xFFFFFF
_SET_CHUNK, _ABORT, _ACKNOWLEDGE, _CONTROL, _WINDOW, _COMMAND = 1, 2, 3, 4, 5, 20
_PING, _PONG = 6, 7
_COMMANDS, _MEDIA = 3, {VIDEO: 6, AUDIO: 4, DATA: 5}
_PROGRAM = "FMLE/3.0 (compatible; Triptych)"
_HEADER_BYTES = (11, 7, 3, 0)


@dataclass(slots=True)
class _Inbound:
    """A message of one chunk stream while it arrives."""

    size: int = 0
    kind: int = 0
    long_time: bool = False
    data: bytearray = field(default_factory=bytearray)


class RtmpLine:
    """A connection to a server. Every failure is an `OSError`, or `Unavailable` where the server said no; neither tells the key."""

    def __init__(self, where: Address, *, secure: bool) -> None:
        self._where, self._secure = where, secure
        self._line: socket.socket = socket.create_connection((where.host, where.port), ANSWER_S)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bare = self._line
        self._chunk_in, self._received, self._told, self._window = _DEFAULT_CHUNK_BYTES, 0, 0, 0
        self._inbound: dict[int, _Inbound] = {}
        self._stream = self._transaction = 0
        self._key = ""

    def publish(self, key: str) -> None:
        """Become the publisher of the stream `key`."""
        self._key = key
        self._greet()
        self._send(_COMMANDS, _SET_CHUNK, struct.pack(">I", _CHUNK_BYTES))
        application = {"app": self._where.path, "type": "nonprivate", "flashVer": _PROGRAM, "tcUrl": self._url()}
        self._command("connect", application)
        self._answer()
        for name in ("releaseStream", "FCPublish"):
            self._command(name, None, key)
        self._command("createStream", None)
        stream = self._answer()
        self._stream = int(stream) if isinstance(stream, float) else 1
        self._command("publish", None, key, "live", stream=self._stream)
        self._await_publish()
        self._line.settimeout(SEND_S)

    def send(self, kind: int, at_ms: int, body: bytes) -> None:
        """Send a piece of media: `kind` VIDEO, AUDIO or DATA, `body` as in a tag of FLV, `at_ms` since the begin of the stream."""
        self._heed()
        self._send(_MEDIA[kind], kind, body, at_ms=at_ms, stream=self._stream)

    def finish(self) -> None:
        """Say that the stream is over."""
        self._command("FCUnpublish", None, self._key)
        self._command("deleteStream", None, float(self._stream))

    def close(self) -> None:
        """Hang up, from any thread."""
        for line in (self._bare, self._line):
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._line.close()

    def _url(self) -> str:
        host = f"[{self._where.host}]" if ":" in self._where.host else self._where.host
        return f"{'rtmps' if self._secure else 'rtmp'}://{host}:{self._where.port}/{self._where.path}"

    def _greet(self) -> None:
        """Shake hands, over TLS where it is asked for."""
        self._line.settimeout(ANSWER_S)
        if self._secure:
            self._line = ssl.create_default_context().wrap_socket(self._line, server_hostname=self._where.host)
        self._line.sendall(bytes([_VERSION]) + struct.pack(">II", 0, 0) + os.urandom(_HANDSHAKE_BYTES - 8))
        if self._take(1)[0] != _VERSION:
            raise ConnectionError("not an RTMP server")
        theirs = self._take(_HANDSHAKE_BYTES)
        self._take(_HANDSHAKE_BYTES)
        self._line.sendall(theirs)

    def _command(self, name: str, *values: Value, stream: int = 0) -> None:
        self._transaction += 1
        self._send(_COMMANDS, _COMMAND, encode(name, float(self._transaction), *values), stream=stream)

    def _answer(self) -> Value:
        """Return the last value of the answer to the last command."""
        while True:
            name, number, *values = self._next_command()
            if number == self._transaction and name in {"_result", "_error"}:
                if name == "_error":
                    raise Unavailable("The far end refused the connection.", code="live_refused")
                return values[-1] if values else None

    def _await_publish(self) -> None:
        while True:
            name, _, *values = self._next_command()
            told = values[-1] if values else None
            if name == "_error" or (name == "onStatus" and isinstance(told, dict) and told.get("level") == "error"):
                raise Unavailable("The far end refused the stream.", code="live_refused")
            if name == "onStatus":
                return

    def _next_command(self) -> Sequence[Value]:
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            values = self._receive()
            if values is not None:
                return values
        raise TimeoutError("no answer")

    def _heed(self) -> None:
        """Take what the server says meanwhile; a line that it closed is found out here."""
        while self._readable():
            values = self._receive()
            told = values[-1] if values else None
            if isinstance(told, dict) and told.get("level") == "error":
                raise Unavailable("The far end ended the stream.", code="live_refused")

    def _readable(self) -> bool:
        if self._line.fileno() < 0:
            raise ConnectionAbortedError("hung up")
        if isinstance(self._line, ssl.SSLSocket) and self._line.pending():
            return True
        poller = select.poll()
        poller.register(self._line, select.POLLIN)
        return bool(poller.poll(0))

    def _receive(self) -> Sequence[Value] | None:
        """Take one chunk; return the command that it completes, if it does."""
        first = self._take(1)[0]
        number = first & 0x3F
        if number == 0:
            number = 64 + self._take(1)[0]
        elif number == 1:
            number = 64 + int.from_bytes(self._take(2), "little")
        message = self._inbound.setdefault(number, _Inbound())
        self._head(message, _HEADER_BYTES[first >> 6])
        message.data += self._take(min(self._chunk_in, message.size - len(message.data)))
        if len(message.data) < message.size:
            return None
        body, message.data = bytes(message.data), bytearray()
        return self._understand(message.kind, body)

    def _head(self, message: _Inbound, size: int) -> None:
        head = self._take(size)
        if size:
            message.long_time = int.from_bytes(head[:3], "big") == _LONG_TIME
        if size > _HEADER_BYTES[2]:
            message.size, message.kind = int.from_bytes(head[3:6], "big"), head[6]
        if message.size > _MOST_BYTES:
            raise ConnectionError("the server's message is too long")
        if message.long_time:
            self._take(4)

    def _understand(self, kind: int, body: bytes) -> Sequence[Value] | None:
        if kind == _SET_CHUNK and len(body) == 4:  # noqa: PLR2004 - a number of 32 bits
            self._chunk_in = max(1, int.from_bytes(body, "big"))
        elif kind == _WINDOW and len(body) == 4:  # noqa: PLR2004 - the same
            self._window = int.from_bytes(body, "big")
        elif kind == _CONTROL and int.from_bytes(body[:2], "big") == _PING:
            self._send(2, _CONTROL, struct.pack(">H", _PONG) + body[2:])
        elif kind == _COMMAND:
            return self._read_command(body)
        return None

    def _read_command(self, body: bytes) -> Sequence[Value] | None:
        try:
            values = decode(body)
        except ValueError as fault:
            raise ConnectionError("the server's answer cannot be read") from fault
        return values if len(values) > 1 else None

    def _take(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            some = self._line.recv(size - len(data))
            if not some:
                raise ConnectionResetError("the far end hung up")
            data += some
        self._received += size
        if self._window and self._received - self._told >= self._window:
            self._told = self._received
            self._send(2, _ACKNOWLEDGE, struct.pack(">I", self._received & 0xFFFFFFFF))
        return bytes(data)

    def _send(self, channel: int, kind: int, body: bytes, *, at_ms: int = 0, stream: int = 0) -> None:
        time_field = min(at_ms, _LONG_TIME)
        long_time = struct.pack(">I", at_ms & 0xFFFFFFFF) if time_field == _LONG_TIME else b""
        head = bytes([channel]) + time_field.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind]) + struct.pack("<I", stream)
        chunk = _CHUNK_BYTES if kind != _SET_CHUNK else _DEFAULT_CHUNK_BYTES
        pieces = [head, long_time, body[:chunk]]
        for begin in range(chunk, len(body), chunk):
            pieces += [bytes([0xC0 | channel]), long_time, body[begin : begin + chunk]]
        self._line.sendall(b"".join(pieces))
