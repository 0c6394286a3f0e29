"""Cameras on loopback that speak as real ones do: a multipart of JPEGs by HTTP, and H.264 with sound by RTSP over TCP."""

import hashlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Self

import av
import cv2
import numpy as np

SIZE = (320, 240)
FPS = 25.0
USER, PASSWORD = "anna", "s3cret"
TONE_HZ = 440
_RATE = 48000
_REALM = 'realm="cam", nonce="f00d"'


def picture(number):
    """A bar that walks over a gradient; (240, 320, 3) uint8 BGR."""
    image = np.repeat(np.linspace(30, 220, SIZE[0], dtype=np.uint8)[None, :, None], SIZE[1], axis=0).repeat(3, axis=2).copy()
    image[:, number * 5 % (SIZE[0] - 20) :][:, :20] = (40, 60, 230)
    return image


class FarCamera:
    """Serves each connection in a thread. A test sets `stalled` (no picture) or `frozen` (the same one), or calls `unplug`."""

    scheme = "http"

    def __init__(self, *, locked: bool = False, leads_to: str | None = None, draw=picture) -> None:
        self.draw = draw
        self.locked, self.leads_to = locked, leads_to
        self.stalled, self.frozen = threading.Event(), threading.Event()
        self.asked: list[str] = []
        self._closing = threading.Event()
        self._lines: list[socket.socket] = []
        self._numbers = itertools.count()
        self._last = next(self._numbers)
        self._threads: list[threading.Thread] = []
        self._door = self._listen(0)
        self.port = self._door.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/live"

    @property
    def url_with_password(self) -> str:
        return f"{self.scheme}://{USER}:{PASSWORD}@127.0.0.1:{self.port}/live"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self.unplug()
        for thread in self._threads:
            thread.join()

    def unplug(self) -> None:
        """Break every connection, and take no new one."""
        for line in (self._door, *self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def replug(self) -> None:
        """Be there again, at the same place."""
        self._door = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        door = socket.create_server(("127.0.0.1", port))
        self._begin(self._accept, door)
        return door

    def _begin(self, target, *arguments) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self, door: socket.socket) -> None:
        while True:
            try:
                line, _ = door.accept()
            except OSError:
                return
            self._lines.append(line)
            self._begin(self._guard, line)

    def _guard(self, line: socket.socket) -> None:
        with line, line.makefile("rb") as asks:
            try:
                self.serve(line, asks)
            except OSError:
                return

    def serve(self, line: socket.socket, asks) -> None:
        """Answer one HTTP request."""
        head = b"".join(iter(asks.readline, b"\r\n")).decode()
        self.asked.append(head)
        if self.leads_to is not None:
            line.sendall(f"HTTP/1.0 302 Found\r\nLocation: {self.leads_to}\r\n\r\n".encode())
        elif self.locked and not self.is_right(head, "GET"):
            line.sendall(f'HTTP/1.0 401 No\r\nWWW-Authenticate: Digest {_REALM}, qop="auth"\r\n\r\n'.encode())
        else:
            line.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
            for number in self.beats():
                data = cv2.imencode(".jpg", self.draw(number))[1].tobytes()
                line.sendall(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(data), data))

    def beats(self) -> Iterator[int]:
        """Yield the number of each picture when it is due."""
        while not self._closing.wait(1 / FPS):
            if not self.stalled.is_set():
                self._last = self._last if self.frozen.is_set() else next(self._numbers)
                yield self._last

    def is_right(self, head: str, method: str) -> bool:
        """Judge the answer to our digest challenge."""
        field = next((line for line in head.splitlines() if line.lower().startswith("authorization: digest")), None)
        if field is None:
            return False
        said = {name.strip(): value.strip('" ') for name, _, value in (part.partition("=") for part in field.split(" ", 2)[2].split(","))}
        own = _md5(f"{USER}:cam:{PASSWORD}"), _md5(f"{method}:{said['uri']}")
        extra = [said["nc"], said["cnonce"], said["qop"]] if "qop" in said else []
        return said["response"] == _md5(":".join([own[0], "f00d", *extra, own[1]]))


class RtspCamera(FarCamera):
    """H.264 and, unless it is mute, a tone, both on the control connection (RFC 2326, 6184, 3551)."""

    scheme = "rtsp"

    def __init__(self, *, mute: bool = False, **options) -> None:
        self._mute = mute
        super().__init__(**options)

    def serve(self, line: socket.socket, asks) -> None:
        while head := self._head(asks):
            method = head.split()[0]
            self.asked.append(head)
            line.sendall(self._reply(method, head).encode())
            if method == "PLAY":
                self._play(line)
                return

    def _head(self, asks) -> str:
        lines = []
        while (text := asks.readline().decode()).strip():
            lines.append(text)
        return "".join(lines)

    def _reply(self, method: str, head: str) -> str:
        sequence = next(line for line in head.splitlines() if line.startswith("CSeq"))
        if method == "DESCRIBE" and self.leads_to is not None:
            return f"RTSP/1.0 302 Found\r\n{sequence}\r\nLocation: {self.leads_to}\r\n\r\n"
        if method != "OPTIONS" and self.locked and not self.is_right(head, method):
            return f"RTSP/1.0 401 Unauthorized\r\n{sequence}\r\nWWW-Authenticate: Digest {_REALM}\r\n\r\n"
        told = {
            "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n",
            "SETUP": f"Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved={'2-3' if 'track2' in head else '0-1'}\r\n\r\n",
            "PLAY": "Session: 1\r\n\r\n",
        }
        rest = self._description(head) if method == "DESCRIBE" else told.get(method, "\r\n")
        return f"RTSP/1.0 200 OK\r\n{sequence}\r\n{rest}"

    def _description(self, head: str) -> str:
        lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=cam", "t=0 0", "m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000"]
        lines += ["a=framerate:25", "a=fmtp:96 packetization-mode=1", "a=control:track1"]
        if not self._mute:
            lines += ["m=audio 0 RTP/AVP 97", "a=rtpmap:97 L16/48000/1", "a=control:track2"]
        body = "\r\n".join(lines) + "\r\n"
        return f"Content-Type: application/sdp\r\nContent-Base: {head.split()[1]}/\r\nContent-Length: {len(body)}\r\n\r\n{body}"

    def _play(self, line: socket.socket) -> None:
        encoder = _encoder(self.draw(0))
        counts, begun = {0: 0, 2: 0}, time.monotonic()
        for turn, number in enumerate(self.beats()):
            stamp = round((time.monotonic() - begun) * 90000)
            frame = av.VideoFrame.from_ndarray(self.draw(number), format="bgr24")
            frame.pts = turn
            nals = [nal for packet in encoder.encode(frame) for nal in _nals(bytes(packet))]
            for nal in nals:
                counts[0] += 1
                line.sendall(_packet(0, 96, counts[0], stamp, nal, last=nal is nals[-1]))
            if not self._mute:
                counts[2] += 1
                line.sendall(_packet(2, 97, counts[2], stamp * _RATE // 90000, _tone(turn), last=False))


def _encoder(image) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = image.shape[:2]
    encoder.pix_fmt, encoder.time_base, encoder.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": "34",
        "x264-params": "keyint=10:repeat-headers=1:threads=1:slices=1",
    }
    return encoder


def _nals(data: bytes) -> list[bytes]:
    return [part.rstrip(b"\0") for part in data.split(b"\0\0\1") if part.rstrip(b"\0")]


def _packet(channel: int, kind: int, sequence: int, stamp: int, data: bytes, *, last: bool) -> bytes:
    head = struct.pack(">BBHII", 0x80, kind | (0x80 if last else 0), sequence & 0xFFFF, stamp & 0xFFFFFFFF, 7)
    return struct.pack(">cBH", b"$", channel, len(head) + len(data)) + head + data


def _tone(turn: int) -> bytes:
    moments = (np.arange(1920) + turn * 1920) / _RATE
    return (np.sin(2 * np.pi * TONE_HZ * moments) * 12000).astype(">i2").tobytes()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
