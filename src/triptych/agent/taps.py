"""What a command writes, taken from its pipes as it comes: the first 7/8 are passed on, the last 1/8 waits for the end (workers O4)."""

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal

from triptych.agent.spawn import Spawned
from triptych.messages import Output

OUTPUT_CAP_BYTES = 64 * 1024 * 1024
TAIL_PARTS = 8
CHUNK_BYTES = 64 * 1024
GULP_BYTES = 1024 * 1024

StreamName = Literal["stdout", "stderr"]


class Tap:
    """One output pipe of a program. Whatever it writes is taken at once, so that a capped job is neither blocked nor killed.

    `over` says that the pipe has ended. The tail lies in an unlinked file in `folder`, not in memory.
    """

    def __init__(self, name: StreamName, source: int, *, folder: str, cap_bytes: int = OUTPUT_CAP_BYTES) -> None:
        self.name: StreamName = name
        self.source = source
        self.count = 0
        self.over = False
        self._folder = folder
        self._tail_bytes = cap_bytes // TAIL_PARTS
        self._head_bytes = cap_bytes - self._tail_bytes
        self._tail: Tail | None = None
        self._gaps: list[tuple[int, int]] = []

    def read(self) -> Iterator[Output]:
        """Take what the pipe has, which must be readable, and yield what of it goes on now; at its end, what was held back."""
        room = self._head_bytes - self.count
        if room > 0:
            data = os.read(self.source, min(CHUNK_BYTES, room))
            self.over = not data
            if data:
                self.count += len(data)
                yield Output(stream=self.name, offset=self.count - len(data), data=data, t_us=_boot_us())
        else:
            self.over = not self._gulp()
        if self.over:
            yield from self.rest()

    def rest(self) -> Iterator[Output]:
        """Yield what was held back, and what is in the pipe if someone still holds its other end. To be called once, at the end."""
        if not self.over:
            yield from self._drain()
        if self._tail is None:
            return
        start, until = self._tail.start, self.count
        for offset in range(start, until, CHUNK_BYTES):
            data = self._tail.cut(offset, min(CHUNK_BYTES, until - offset))
            if not data:
                until = offset
                break
            yield Output(stream=self.name, offset=offset, data=data, t_us=self._tail.t_us)
        self._gaps = [gap for gap in ((self._head_bytes, start), (until, self.count)) if gap[0] < gap[1]]
        self._tail.close()
        self._tail = None

    def facts(self) -> dict[str, Any]:
        """Return how much was written, and what of it nobody will get."""
        return {"bytes": self.count, "gaps": [list(gap) for gap in self._gaps]}

    def _gulp(self) -> int:
        if self._tail is None:
            with suppress(OSError):
                fcntl.fcntl(self.source, fcntl.F_SETPIPE_SZ, GULP_BYTES)
            self._tail = Tail(self._folder, self._head_bytes, self._tail_bytes)
        size = self._tail.take(self.source)
        self.count += size
        return size

    def _drain(self) -> Iterator[Output]:
        """Read what is there, but no more than a pipe holds: whoever is left goes on writing."""
        os.set_blocking(self.source, False)
        until = self.count + GULP_BYTES
        with suppress(BlockingIOError):
            while self.count < until and not self.over:
                if self.count < self._head_bytes:
                    data = os.read(self.source, min(CHUNK_BYTES, self._head_bytes - self.count))
                    self.over = not data
                    self.count += len(data)
                    if data:
                        yield Output(stream=self.name, offset=self.count - len(data), data=data, t_us=_boot_us())
                else:
                    self.over = not self._gulp()


class Tail:
    """The last bytes of a stream from offset `first` on, in a ring of `size_bytes` on disk; one buffer serves every read.

    `start` is the offset of the first byte that it still has, `t_us` when it got its last one. A disk that takes nothing loses only bytes.
    """

    def __init__(self, folder: str, first: int, size_bytes: int) -> None:
        self.start = first
        self.t_us = 0
        self._end = first
        self._size = size_bytes
        self._buffer = memoryview(bytearray(GULP_BYTES))
        self._ring = _ring(folder, size_bytes)

    def take(self, source: int) -> int:
        """Read once from a pipe; return how many bytes came, 0 at its end."""
        size = os.readv(source, [self._buffer])
        self.t_us = _boot_us()
        self._end += size
        self.start = max(self.start, self._end - self._size)
        try:
            self._write(self._buffer[max(0, size - self._size) : size])
        except OSError:
            self.start = self._end
        return size

    def cut(self, offset: int, size_bytes: int) -> bytes:
        """Return these bytes, none if the disk does not give them back."""
        if self._ring is None:
            return b""
        place = offset % self._size
        first = min(size_bytes, self._size - place)
        try:
            data = os.pread(self._ring, first, place)
            return data + os.pread(self._ring, size_bytes - first, 0) if len(data) == first else data
        except OSError:
            return b""

    def close(self) -> None:
        """Give the space back."""
        if self._ring is not None:
            os.close(self._ring)

    def _write(self, rest: memoryview) -> None:
        if self._ring is None:
            self.start = self._end
            return
        while rest:
            place = (self._end - len(rest)) % self._size
            rest = rest[os.pwrite(self._ring, rest[: self._size - place], place) :]


def opened(spawned: Spawned, *, folder: str, cap_bytes: int) -> Sequence[Tap]:
    """Return the taps of a program's pipes; one where both streams share it (workers O1, O2)."""
    out = Tap("stdout", spawned.stdout, folder=folder, cap_bytes=cap_bytes)
    return [out] if spawned.stderr is None else [out, Tap("stderr", spawned.stderr, folder=folder, cap_bytes=cap_bytes)]


def _ring(folder: str, size_bytes: int) -> int | None:
    """Return the descriptor of a file without a name, its space its own, or None where there is no room for it."""
    name = f"{folder}/tail-{os.urandom(8).hex()}"
    try:
        ring = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.unlink(name)
    except OSError:
        return None
    try:
        os.posix_fallocate(ring, 0, max(1, size_bytes))
    except OSError:
        os.close(ring)
        return None
    return ring


def _boot_us() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
