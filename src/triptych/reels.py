"""One attempt's output on disk: the bytes of each stream at their own offsets, and the order in which they came (workers O1-O5)."""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Literal

Gap = tuple[int, int]

StreamName = Literal["stdout", "stderr"]

STREAMS: tuple[StreamName, ...] = ("stdout", "stderr")
ORDER = "order"
FRAME_BYTES = 64 * 1024
FRAME_US = 100_000
MAX_OFFSET = 2**53

_ENTRY = struct.Struct("<QQQ")
_BLOCK_BYTES = 512
_SCAN_BYTES = 4096 * _ENTRY.size


class What(IntEnum):
    """What an entry of the order tells of."""

    DATA = 0
    GAP = 1
    END = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stretch of a stream. `seq` counts the bytes of both streams up to its end, gaps included; `t_us` is when its first byte was read.

    On disk: `seq`, offset and kind and stream in one number, `t_us`, 8 bytes each. Its size is its `seq` less the one before.
    """

    seq: int
    stream: StreamName
    offset: int
    t_us: int
    what: What = What.DATA

    def pack(self) -> bytes:
        """Return the entry as it lies in the file."""
        return _ENTRY.pack(self.seq, self.offset << 3 | self.what << 1 | STREAMS.index(self.stream), self.t_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How far a stream has come: every byte below `end` is in its file or in one of `gaps`, which rise and never touch."""

    end: int = 0
    gaps: tuple[Gap, ...] = ()

    def without(self, until: int) -> "Known":
        """Return what is known once everything from `end` up to `until` is a gap."""
        before, start = self.gaps, self.end
        if before and before[-1][1] >= start:
            before, start = before[:-1], before[-1][0]
        return Known(end=until, gaps=(*before, (start, until)))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of an attempt's output: each stream, the newest `seq`, whether its last report was taken, how many entries tell it."""

    streams: Mapping[StreamName, Known]
    seq: int = 0
    ended: bool = False
    entries: int = 0
    last: Entry | None = None

    def add(self, entry: Entry, *, again: bool) -> "State":
        """Return the state with one entry more, or with a longer last one if `again`."""
        return State(
            streams=_with(self.streams, entry, self.seq),
            seq=entry.seq,
            ended=self.ended or entry.what is What.END,
            entries=self.entries + (not again),
            last=entry,
        )


def _with(streams: Mapping[StreamName, Known], entry: Entry, before: int) -> Mapping[StreamName, Known]:
    """Return the streams with what an entry adds to the first `before` bytes of both."""
    if entry.what is What.END:
        return streams
    known = streams[entry.stream]
    until = known.end + entry.seq - before
    longer = known.without(until) if entry.what is What.GAP else Known(end=until, gaps=known.gaps)
    return {**streams, entry.stream: longer}


NOTHING = State(streams=dict.fromkeys(STREAMS, Known()))


class Reel:
    """The files of one attempt, open for writing by one thread. `state` may be read by any: it is replaced whole.

    A byte is in its file before an entry tells of it, so what a killed server left untold is simply written again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = recall(folder)
        self._files: dict[str, int] = {}
        self._untold: list[Entry] = []

    @property
    def owes(self) -> bool:
        """Say whether some entry is not in the file yet."""
        return bool(self._untold)

    def put(self, stream: StreamName, offset: int, data: bytes, t_us: int) -> None:
        """Keep what is new of a chunk. Raises OSError when the disk does not take it: then it is a gap."""
        if offset + len(data) <= self.end(stream):
            return
        self.miss(stream, offset, t_us)
        rest = memoryview(data)[self.end(stream) - offset :]
        try:
            self._write(stream, rest, t_us)
        except OSError:
            self.miss(stream, offset + len(data), t_us)
            raise

    def end(self, stream: StreamName) -> int:
        """Return the offset behind the last byte or gap of a stream."""
        return self.state.streams[stream].end

    def miss(self, stream: StreamName, until: int, t_us: int = 0) -> None:
        """Let everything of a stream up to `until` that is not here be a gap."""
        if until > self.end(stream):
            self._tell(stream, until - self.end(stream), t_us, What.GAP)

    def finish(self) -> None:
        """Note that nothing will follow."""
        if not self.state.ended:
            self._tell(STREAMS[0], 0, 0, What.END)

    def tell(self) -> None:
        """Write down the entries that are not in the file yet. Raises OSError when the disk does not take them."""
        if self._untold:
            packed = b"".join(entry.pack() for entry in self._untold)
            written = os.pwrite(self._open(ORDER), packed, (self.state.entries - len(self._untold)) * _ENTRY.size)
            del self._untold[: written // _ENTRY.size]
            if self._untold:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Close the files; the next write opens them again."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def _write(self, stream: StreamName, rest: memoryview, t_us: int) -> None:
        file = self._open(stream)
        while rest:
            written = os.pwrite(file, rest, self.end(stream))
            self._tell(stream, written, t_us, What.DATA)
            rest = rest[written:]

    def _tell(self, stream: StreamName, size: int, t_us: int, what: What) -> None:
        entry = Entry(seq=self.state.seq + size, stream=stream, offset=self.end(stream), t_us=t_us, what=what)
        last = self.state.last
        again = last is not None and _continues(last, entry, self.end(stream) - last.offset + size)
        if last is not None and again:
            entry = replace(last, seq=entry.seq)
            self._untold = self._untold[:-1]
        self._untold.append(entry)
        self.state = self.state.add(entry, again=again)

    def _open(self, name: str) -> int:
        if name not in self._files:
            self._files[name] = _open(self.folder / name)
        return self._files[name]


def recall(folder: Path) -> State:
    """Return what the files of an attempt tell."""
    streams, seq, ended, entries, last = NOTHING.streams, 0, False, 0, None
    for last in _entries(folder, 0):
        streams, seq = _with(streams, last, seq), last.seq
        ended = ended or last.what is What.END
        entries += 1
    return State(streams=streams, seq=seq, ended=ended, entries=entries, last=last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Bytes of one stream from `offset` on, or a gap, in the order of both; `seq` counts the bytes of both streams up to its end.

    `t_us` is when the worker read its first byte, in microseconds since its machine's boot.
    """

    seq: int
    stream: StreamName
    offset: int
    t_us: int
    data: bytes = b""
    gap: Gap | None = None


def frames(folder: Path, after: int) -> Iterator[Frame]:
    """Yield what lies behind the first `after` bytes of both streams. What an entry tells of and no file has is a gap."""
    first, seq = _find(folder, after)
    for entry in _entries(folder, first):
        cut = max(0, after - seq)
        size = entry.seq - seq
        start, until = entry.offset + cut, entry.offset + size
        data = read_bytes(folder / entry.stream, start, until - start) if entry.what is What.DATA else b""
        if data:
            yield Frame(seq=seq + cut + len(data), stream=entry.stream, offset=start, t_us=entry.t_us, data=data)
        if start + len(data) < until:
            gap = (start + len(data), until)
            yield Frame(seq=entry.seq, stream=entry.stream, offset=gap[0], t_us=entry.t_us, gap=gap)
        seq = entry.seq


def read_bytes(path: Path, offset: int, size: int) -> bytes:
    """Return the bytes of a stream's file from `offset` on, as many as there are; none if the file is gone."""
    try:
        with path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), size, offset)
    except FileNotFoundError:
        return b""


def shed(folder: Path) -> None:
    """Delete the bytes of an attempt; what remains tells that they were there. Raises OSError."""
    state = recall(folder)
    seq, entries = 0, []
    for stream, known in state.streams.items():
        if known.end:
            seq += known.end
            entries.append(Entry(seq=seq, stream=stream, offset=0, t_us=0, what=What.GAP))
    if state.ended:
        entries.append(Entry(seq=seq, stream=STREAMS[0], offset=0, t_us=0, what=What.END))
    draft = folder / f"{ORDER}.new"
    draft.write_bytes(b"".join(entry.pack() for entry in entries))
    draft.replace(folder / ORDER)
    for stream in STREAMS:
        (folder / stream).unlink(missing_ok=True)


def size_bytes(folder: Path) -> int:
    """Return how much disk the bytes of an attempt take, 0 once they are shed."""
    blocks = 0
    for stream in STREAMS:
        with suppress(FileNotFoundError):
            blocks += max(1, (folder / stream).stat().st_blocks)
    return blocks * _BLOCK_BYTES


def make_durable(folder: Path) -> None:
    """Bring the files of an attempt to the disk. Raises OSError."""
    for name in (*STREAMS, ORDER):
        with suppress(FileNotFoundError):
            _sync(folder / name)


def sync_disk(folder: Path) -> None:
    """Bring everything on the disk of a folder to that disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(handle) != 0:
            raise OSError(ctypes.get_errno(), "syncfs")
    finally:
        os.close(handle)


def _continues(last: Entry, entry: Entry, size: int) -> bool:
    """Say whether an entry is told by making the last one longer: a gap that goes on, or bytes that came soon after."""
    if (last.stream, last.what) != (entry.stream, entry.what) or entry.what is What.END:
        return False
    return entry.what is What.GAP or (size <= FRAME_BYTES and 0 <= entry.t_us - last.t_us <= FRAME_US)


def _entries(folder: Path, first: int) -> Iterator[Entry]:
    """Yield the entries from number `first` on; a torn one at the end is none."""
    try:
        file = (folder / ORDER).open("rb", buffering=0)
    except FileNotFoundError:
        return
    with file:
        place = first * _ENTRY.size
        while block := os.pread(file.fileno(), _SCAN_BYTES, place):
            whole = len(block) - len(block) % _ENTRY.size
            for seq, where, t_us in _ENTRY.iter_unpack(block[:whole]):
                yield Entry(seq=seq, stream=STREAMS[where & 1], offset=where >> 3, t_us=t_us, what=What(where >> 1 & 3))
            if not whole:
                return
            place += whole


def _find(folder: Path, after: int) -> tuple[int, int]:
    """Return the number of the first entry that ends behind `after`, and the `seq` before it."""
    try:
        file = (folder / ORDER).open("rb", buffering=0)
    except FileNotFoundError:
        return 0, 0
    with file:
        low, high = 0, os.fstat(file.fileno()).st_size // _ENTRY.size
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if _seq(file.fileno(), middle) <= after else (low, middle)
        return low, _seq(file.fileno(), low - 1) if low else 0


def _seq(file: int, number: int) -> int:
    return int.from_bytes(os.pread(file, 8, number * _ENTRY.size), "little")


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, flags, 0o600)


def _sync(path: Path) -> None:
    # The file alone: ext4, XFS and btrfs make the new names that lead to it durable with it.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(handle)
    finally:
        os.close(handle)


_libc = ctypes.CDLL(None, use_errno=True)
