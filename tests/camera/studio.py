"""A small RTMP server that takes what is published, refuses it, goes deaf or dies, as a test says."""

import socket
import struct
import threading
from contextlib import suppress
from io import BytesIO

import av

from triptych.camera.amf import decode, encode

HANDSHAKE_BYTES = 1536
HEADERS = (11, 7, 3, 0)
BOUND_S = 20


class Studio:
    """Listens on loopback until `close`. `tags` are (kind, milliseconds, body) of the newest publisher, `commands` what it was asked."""

    def __init__(self, port=0, *, refuses=(), deaf=False, chatty=b""):
        self.refuses, self.deaf, self.chatty = refuses, deaf, chatty
        self.tags, self.commands, self.heard, self.publishers = [], [], [], 0
        self.news = threading.Condition()
        self._lines = []
        self._listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def server(self):
        return f"rtmp://127.0.0.1:{self.port}/live"

    def until(self, condition):
        with self.news:
            assert self.news.wait_for(condition, BOUND_S)

    def frames(self):
        """Return the times of the pictures that were received, decoded by FFmpeg."""
        with self.news:
            tags = list(self.tags)
        flv = b"FLV\x01\x05\x00\x00\x00\x09" + bytes(4)
        for kind, at_ms, body in tags:
            time = (at_ms & 0xFFFFFF).to_bytes(3, "big") + (at_ms >> 24).to_bytes(1, "big")
            flv += bytes([kind]) + len(body).to_bytes(3, "big") + time + bytes(3) + body + struct.pack(">I", 11 + len(body))
        with av.open(BytesIO(flv)) as container:
            return [frame.time for frame in container.decode(video=0)]

    def close(self):
        """Die at once, as a server whose power goes."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._lines:
            with suppress(OSError):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._lines.append(line)
            self._threads.append(threading.Thread(target=self._serve, args=(line,)))
            self._threads[-1].start()

    def _serve(self, line):
        with suppress(OSError, EOFError):
            if not self.deaf:
                _Connection(self, line).run()


class _Connection:
    def __init__(self, studio, line):
        self._studio, self._line, self._file = studio, line, line.makefile("rb")
        self._chunk, self._messages = 128, {}

    def run(self):
        assert self._take(1) == b"\x03"
        theirs = self._take(HANDSHAKE_BYTES)
        self._line.sendall(b"\x03" + bytes(HANDSHAKE_BYTES) + theirs)
        assert self._take(HANDSHAKE_BYTES) == bytes(HANDSHAKE_BYTES)
        while True:
            self._read_chunk()

    def _read_chunk(self):
        first = self._take(1)[0]
        message = self._messages.setdefault(first & 63, {"data": b"", "long": False})
        head = self._take(HEADERS[first >> 6])
        if head:
            message["at"], message["long"] = int.from_bytes(head[:3], "big"), head[:3] == b"\xff\xff\xff"
        if len(head) > 3:
            message["size"], message["kind"] = int.from_bytes(head[3:6], "big"), head[6]
        if message["long"]:
            message["at"] = int.from_bytes(self._take(4), "big")
        message["data"] += self._take(min(self._chunk, message["size"] - len(message["data"])))
        if len(message["data"]) == message["size"]:
            body, message["data"] = message["data"], b""
            self._understand(message["kind"], message["at"], body)

    def _understand(self, kind, at_ms, body):
        if kind == 1:
            self._chunk = int.from_bytes(body, "big")
        elif kind == 20:
            self._obey(decode(body))
        elif kind in {8, 9, 18}:
            body = body.removeprefix(encode("@setDataFrame"))
            self._note(lambda studio: studio.tags.append((kind, at_ms, body)))
        else:
            self._note(lambda studio: studio.heard.append((kind, body)))

    def _obey(self, values):
        name, number, *_ = values
        self._note(lambda studio: studio.commands.append(values))
        if name in self._studio.refuses:
            self._say("_error", number, None, {"level": "error", "code": "NetConnection.Connect.Rejected", "description": str(values)})
        elif name == "connect":
            self._send(2, 5, struct.pack(">I", 500))
            self._send(2, 1, struct.pack(">I", 256))
            self._chunk_out = 256
            self._line.sendall(self._studio.chatty)
            self._say("_result", number, {"fmsVer": "FMS/3,0,1,123"}, {"level": "status", "code": "NetConnection.Connect.Success"})
        elif name == "createStream":
            self._say("_result", number, None, 1.0)
        elif name == "publish":
            self._publish("publish status" in self._studio.refuses)

    def _publish(self, refused):
        if not refused:
            self._note(lambda studio: (studio.tags.clear(), setattr(studio, "publishers", studio.publishers + 1)))
        level, code = ("error", "BadName") if refused else ("status", "Start")
        self._say("onStatus", 0.0, None, {"level": level, "code": f"NetStream.Publish.{code}"})

    def _say(self, *values):
        self._send(3, 20, encode(*values))

    def _send(self, channel, kind, body):
        chunk = getattr(self, "_chunk_out", 128)
        data = bytes([channel, 0, 0, 0]) + len(body).to_bytes(3, "big") + bytes([kind]) + bytes(4) + body[:chunk]
        for begin in range(chunk, len(body), chunk):
            data += bytes([0xC0 | channel]) + body[begin : begin + chunk]
        self._line.sendall(data)

    def _note(self, change):
        with self._studio.news:
            change(self._studio)
            self._studio.news.notify_all()

    def _take(self, size):
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError
        return data
