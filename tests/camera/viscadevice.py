"""A VISCA camera on loopback: UDP with the header of VISCA over IP, or TCP without; it speaks the protocol of the data sheets."""

import socket
import struct
import threading
from contextlib import suppress

from camera.turret import Turret

HEADER = struct.Struct(">HHI")
FULL_DEG_S, COUNTS_PER_DEG = (100.0, 70.0), 14.4


class ViscaDevice:
    """`drop` datagrams are lost before the next is heard; `mute` says nothing; `refuses` is the code of its refusals."""

    def __init__(self, transport, pan_nibbles=4, at=(0.0, 0.0)):
        self.turret = Turret(at)
        self.packets, self.headers = [], []
        self.drop, self.mute, self.refuses = 0, False, None
        self._nibbles, self._udp = pan_nibbles, transport == "udp"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if self._udp else socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._lines = []
        self._open = True
        if not self._udp:
            self._socket.listen()
        self._threads = [threading.Thread(target=self._hear if self._udp else self._accept, daemon=True)]
        self._threads[0].start()

    def close(self):
        self._open = False
        self.hang_up()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._udp:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
                waker.sendto(b"", ("127.0.0.1", self.port))
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def hang_up(self):
        """Cut every TCP line."""
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while self._open:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self._lines.append(line)
            self._threads.append(threading.Thread(target=self._serve, args=(line,), daemon=True))
            self._threads[-1].start()

    def _serve(self, line):
        rest = b""
        with line, suppress(OSError):
            while got := line.recv(1500):
                *packets, rest = (rest + got).split(b"\xff")
                for packet in packets:
                    for answer in self._answer(packet):
                        line.sendall(answer)

    def _hear(self):
        while self._open:
            try:
                datagram, sender = self._socket.recvfrom(1500)
            except OSError:
                return
            if not datagram:
                continue
            if self.drop:
                self.drop -= 1
                continue
            kind, length, number = HEADER.unpack_from(datagram)
            self.headers.append((kind, number))
            body = datagram[HEADER.size :]
            assert len(body) == length
            if kind == 0x0200:
                assert body == b"\x01"
                self._socket.sendto(HEADER.pack(0x0201, 1, number) + b"\x01", sender)
                continue
            assert body[-1] == 0xFF
            assert kind == (0x0110 if body[1] == 0x09 else 0x0100)
            for answer in self._answer(body[:-1]):
                self._socket.sendto(HEADER.pack(0x0111, len(answer), number) + answer, sender)

    def _answer(self, packet):
        self.packets.append(packet)
        if self.mute:
            return []
        if self.refuses is not None and packet[1] == 0x01:
            return [bytes([0x90, 0x60, self.refuses, 0xFF])]
        match tuple(packet):
            case (0x81, 0x01, 0x06, 0x01, pan, tilt, pan_way, tilt_way):
                self._drive((pan, tilt), (pan_way, tilt_way))
            case (0x81, 0x01, 0x06, 0x02, pan, tilt, *nibbles) if len(nibbles) == self._nibbles + 4:
                self._go((pan, tilt), nibbles)
            case (0x81, 0x09, 0x06, 0x12):
                return [bytes([0x90, 0x50, *self._told(), 0xFF])]
            case _:
                return [b"\x90\x60\x02\xff"]
        return [b"\x90\x41\xff", b"\x90\x51\xff"]

    def _drive(self, speeds, ways):
        assert 1 <= speeds[0] <= 0x18
        assert 1 <= speeds[1] <= 0x14
        if ways == (3, 3):
            self.turret.halt()
            return
        signs = {1: -1, 2: 1, 3: 0}[ways[0]], {1: 1, 2: -1, 3: 0}[ways[1]]
        self.turret.run((signs[0] * speeds[0] / 0x18 * FULL_DEG_S[0], signs[1] * speeds[1] / 0x14 * FULL_DEG_S[1]))

    def _go(self, speeds, nibbles):
        goal = _signed(nibbles[: self._nibbles]) / COUNTS_PER_DEG, _signed(nibbles[self._nibbles :]) / COUNTS_PER_DEG
        at = self.turret.place()
        rates = speeds[0] / 0x18 * FULL_DEG_S[0], speeds[1] / 0x14 * FULL_DEG_S[1]
        self.turret.run(tuple(rate if end >= here else -rate for rate, end, here in zip(rates, goal, at, strict=True)), goal)

    def _told(self):
        pan, tilt = (round(angle * COUNTS_PER_DEG) for angle in self.turret.place())
        text = f"{pan & (1 << 4 * self._nibbles) - 1:0{self._nibbles}x}{tilt & 0xFFFF:04x}"
        return [int(digit, 16) for digit in text]


def _signed(nibbles):
    count = int("".join(f"{nibble:x}" for nibble in nibbles), 16)
    return count - 16 ** len(nibbles) if nibbles[0] >= 8 else count
