"""The line to a VISCA camera: bytes over TCP, or datagrams with the eight-byte header of VISCA over IP."""

import queue
import socket
import struct
import threading
import time
from contextlib import suppress
from types import MappingProxyType
from typing import Literal

from triptych.errors import Unavailable

PORTS = MappingProxyType({"udp": 52381, "tcp": 5678})
ANSWER_S = 0.1
"""A camera acknowledges within one picture; a datagram that was lost is sent again."""
TRIES = 3
CONNECT_S = 1.0
LISTEN_S = 0.1
"""How late a listener notices that its line was closed."""
COMMAND, INQUIRY, CONTROL = 0x0100, 0x0110, 0x0200
HEADER = struct.Struct(">HHI")
RESET = b"\x01"
END = 0xFF
SHORTEST_BYTES, LONGEST_BYTES = 2, 16
ACK, DATA, FAULT = 0x4, 0x5, 0x6
CANCELLED, BUFFER_FULL = 0x04, 0x03
FAULTS = MappingProxyType({0x01: "wrong length", 0x02: "unknown command", BUFFER_FULL: "buffer full", 0x41: "not possible now"})


class ViscaLine:
    """One camera. Several threads may speak, in turn; one of its own listens."""

    def __init__(self, transport: Literal["udp", "tcp"], host: str, port: int | None, device: int) -> None:
        self._udp, self._address = transport == "udp", (host, port or PORTS[transport])
        self._device = device
        self._number = 0
        self._socket: socket.socket | None = None
        self._listener: threading.Thread | None = None
        self._heard: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._turn = threading.Lock()

    def connect(self) -> None:
        """Open the line anew. Raises `Unavailable`."""
        self.close()
        with self._turn:
            self._heard, self._number = queue.SimpleQueue(), 0
            try:
                self._socket = line = self._dial()
                if self._udp:
                    line.sendall(HEADER.pack(CONTROL, len(RESET), 0) + RESET)
            except OSError as fault:
                raise _silent() from fault
            self._listener = threading.Thread(target=self._listen, args=(line, self._heard), name="visca", daemon=True)
            self._listener.start()

    def command(self, *parts: int) -> None:
        """Say a command until it is acknowledged. Raises `Unavailable` when nobody answers, or when the camera refuses it."""
        self._ask(COMMAND, bytes([0x01, *parts]), ACK)

    def inquire(self, *parts: int) -> bytes:
        """Return the answer to a question. Raises `Unavailable`."""
        return self._ask(INQUIRY, bytes([0x09, *parts]), DATA)

    def close(self) -> None:
        """Hang up."""
        line, self._socket = self._socket, None
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        if self._listener is not None:
            self._listener.join()
            self._listener = None
        if line is not None:
            line.close()

    def _dial(self) -> socket.socket:
        kind = socket.SOCK_DGRAM if self._udp else socket.SOCK_STREAM
        family, _, _, _, address = socket.getaddrinfo(*self._address, type=kind)[0]
        line = socket.socket(family, kind)
        line.settimeout(CONNECT_S)
        try:
            line.connect(address)
            if not self._udp:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.settimeout(LISTEN_S)
        except OSError:
            line.close()
            raise
        return line

    def _ask(self, kind: int, body: bytes, wanted: int) -> bytes:
        with self._turn:
            first = self._number
            for _ in range(TRIES):
                self._say(kind, body)
                answer = self._answer(first, wanted)
                if answer is not None:
                    return answer
        raise _silent()

    def _say(self, kind: int, body: bytes) -> None:
        packet = bytes([0x80 | self._device, *body, END])
        if self._udp:
            packet = HEADER.pack(kind, len(packet), self._number) + packet
        self._number = (self._number + 1) & 0xFFFFFFFF
        line = self._socket
        try:
            if line is None:
                raise _silent()
            line.sendall(packet)
        except OSError as fault:
            raise _silent() from fault

    def _answer(self, first: int, wanted: int) -> bytes | None:
        """Return the answer to what was said since number `first`; None when none came, or the camera was too busy to take it."""
        until_s = time.monotonic() + ANSWER_S
        while (left_s := until_s - time.monotonic()) > 0:
            with suppress(queue.Empty):
                heard = self._heard.get(timeout=left_s)
                if heard is None:
                    raise _silent()
                number, packet = heard
                if self._udp and number < first:
                    continue
                kind, rest = packet[1] >> 4, packet[2:]
                if kind == wanted and (kind == ACK or rest):
                    return rest
                if kind == FAULT and rest[:1] != bytes([CANCELLED]):
                    _mind(rest)
                    return None
        return None

    def _listen(self, line: socket.socket, heard: "queue.SimpleQueue[tuple[int, bytes] | None]") -> None:
        """Hand on whole packets, without their ends, until the line is closed or lost."""
        rest = b""
        while self._socket is line:
            try:
                got = line.recv(1500)
            except TimeoutError:
                continue
            except OSError:
                break
            if self._udp:
                self._take(got, heard)
                continue
            if not got:
                break
            *packets, rest = (rest + got).split(bytes([END]))
            rest = rest[-LONGEST_BYTES:]
            for packet in packets:
                _hand(heard, 0, packet)
        heard.put(None)

    def _take(self, datagram: bytes, heard: "queue.SimpleQueue[tuple[int, bytes] | None]") -> None:
        if len(datagram) < HEADER.size:
            return
        kind, length, number = HEADER.unpack_from(datagram)
        packet = datagram[HEADER.size : HEADER.size + length]
        if kind < CONTROL and packet.endswith(bytes([END])):
            _hand(heard, number, packet[:-1])


def _hand(heard: "queue.SimpleQueue[tuple[int, bytes] | None]", number: int, packet: bytes) -> None:
    if SHORTEST_BYTES <= len(packet) < LONGEST_BYTES:
        heard.put((number, packet))


def _mind(rest: bytes) -> None:
    """Raise `Unavailable` for a camera that refuses; one that is busy is asked again."""
    if rest[:1] != bytes([BUFFER_FULL]):
        why = FAULTS.get(rest[0] if rest else 0, "error")
        raise Unavailable(f"The VISCA camera refused a command: {why}.", code="head_refused")


def _silent() -> Unavailable:
    return Unavailable("The VISCA camera does not answer.", code="head_silent")
