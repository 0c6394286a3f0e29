"""A relay on loopback between FFmpeg and an RTSP camera, so that the one connection is the one that was judged (camera S7)."""

import socket
import threading
from contextlib import suppress
from io import BufferedReader

NEAR_S = 5.0
JOIN_S = 0.4
PIECE_BYTES = 1 << 16
MOST_BODY_BYTES = 1 << 20
_REDIRECTS = range(300, 400)


class Relay:
    """Carries what one client on `port` of 127.0.0.1 and the far end say to each other. `far` is connected, and is closed at the end.

    An answer that leads elsewhere is kept in `moved` instead of being passed on, and both connections end.
    """

    def __init__(self, far: socket.socket) -> None:
        self._far = far
        self._door = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._door.settimeout(NEAR_S)
        self._near: socket.socket | None = None
        self.port: int = self._door.getsockname()[1]
        self.moved: str | None = None
        self._threads = [threading.Thread(target=self._serve, name="relay", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End both connections."""
        for one in (self._far, self._near, self._door):
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(JOIN_S)

    def _serve(self) -> None:
        try:
            with self._door, self._far:
                self._near, _ = self._door.accept()
                self._door.close()
                down = threading.Thread(target=self._bring, args=(self._near,), name="relay down", daemon=True)
                self._threads.append(down)
                down.start()
                self._ask(self._near)
                down.join()
        except OSError:
            return

    def _ask(self, near: socket.socket) -> None:
        """Carry requests until the client is gone."""
        with near, suppress(OSError):
            while data := near.recv(PIECE_BYTES):
                self._far.sendall(data)
        with suppress(OSError):
            self._far.shutdown(socket.SHUT_RDWR)

    def _bring(self, near: socket.socket) -> None:
        """Carry answers and media until the far end is gone or leads elsewhere."""
        with suppress(OSError, ValueError), BufferedReader(socket.SocketIO(self._far, "r"), PIECE_BYTES) as answers:
            while piece := self._piece(answers):
                near.sendall(piece)
        with suppress(OSError):
            near.shutdown(socket.SHUT_RDWR)

    def _piece(self, answers: "BufferedReader[socket.SocketIO]") -> bytes:
        """Return the next interleaved packet or whole message; nothing at the end."""
        first = answers.read(1)
        if first == b"$":
            head = answers.read(3)
            return first + head + answers.read(int.from_bytes(head[1:], "big"))
        head, length, location, status = first, 0, "", _status(line := first + answers.readline(PIECE_BYTES))
        head = line
        while line.strip():
            line = answers.readline(PIECE_BYTES)
            head += line
            name, _, value = line.decode("latin-1").partition(":")
            if name.strip().lower() == "content-length":
                length = min(int(value), MOST_BODY_BYTES)
            if name.strip().lower() == "location":
                location = value.strip()
        if status in _REDIRECTS:
            self.moved = location
            return b""
        return head + answers.read(length)


def _status(line: bytes) -> int:
    """Return the status of an answer's first line; 0 for what is a request."""
    words = line.split()
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"RTSP/") and words[1].isdigit() else 0
