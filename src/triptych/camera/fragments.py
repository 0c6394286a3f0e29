"""Live video as numbered fragments on a ring: whoever reads has a place of its own, so nobody waits for anybody."""

import struct
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

HELD_BYTES = 16 * 1024 * 1024
HELD_FRAGMENTS = 64
_BOX = struct.Struct(">I4s")
_NOT_SYNC = 0x0001_0000
_BASE_OFFSET, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x01, 0x02, 0x08, 0x10, 0x20
_DATA_OFFSET, _FIRST_FLAGS, _SAMPLE_DURATION, _SAMPLE_SIZE, _SAMPLE_FLAGS = 0x01, 0x04, 0x100, 0x200, 0x400


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A movie fragment: its box `moof` and what that describes. A `key` one begins with a picture that needs none before it."""

    number: int
    key: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader gets: bytes to append to what it has, and where it reads on. `ended` says that no more will come."""

    data: bytes
    cursor: int
    ended: bool


class Ring:
    """The newest fragments of one stream. A reader that fell behind goes on at the newest key fragment."""

    def __init__(self) -> None:
        self._head = b""
        self._fragments: deque[Fragment] = deque()
        self._count = self._held_bytes = 0
        self._ended = False
        self._news = threading.Condition()

    def begin(self, head: bytes) -> None:
        """Take what comes before the first fragment of any reader: the boxes `ftyp` and `moov`."""
        with self._news:
            self._head = head

    def add(self, data: bytes) -> None:
        """Take the next fragment; the oldest one makes room."""
        with self._news:
            self._count += 1
            self._fragments.append(Fragment(number=self._count, key=begins_with_key(data), data=data))
            self._held_bytes += len(data)
            while len(self._fragments) > HELD_FRAGMENTS or (self._held_bytes > HELD_BYTES and len(self._fragments) > 1):
                self._held_bytes -= len(self._fragments.popleft().data)
            self._news.notify_all()

    def end(self) -> None:
        """Say that no more will come."""
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wake(self) -> None:
        """Let every `read` that waits look again."""
        with self._news:
            self._news.notify_all()

    def read(self, cursor: int, bound: timedelta = timedelta(0)) -> Reading:
        """Return all that came after `cursor`, waiting at most `bound` for some; 0 begins a reading, with the newest key fragment."""
        with self._news:
            if not (found := self._after(cursor)) and not self._ended:
                self._news.wait(bound.total_seconds())
                found = self._after(cursor)
            head = self._head if cursor == 0 and found else b""
            data = b"".join([head, *(fragment.data for fragment in found)])
            return Reading(data=data, cursor=found[-1].number if found else cursor, ended=self._ended and not found)

    def _after(self, cursor: int) -> list[Fragment]:
        if cursor and self._fragments and self._fragments[0].number <= cursor + 1:
            return [fragment for fragment in self._fragments if fragment.number > cursor]
        keys = [fragment.number for fragment in self._fragments if fragment.key and fragment.number > cursor]
        return [fragment for fragment in self._fragments if keys and fragment.number >= keys[-1]]


class Cutter:
    """The file that a muxer believes to write: cuts its bytes into the head and fragments of a ring."""

    name = "live.mp4"

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._pending, self._whole, self._begun = bytearray(), bytearray(), False

    def write(self, data: bytes) -> int:
        """Take bytes; what they complete is on the ring afterwards."""
        self._pending += data
        while (box := self._cut()) is not None:
            self._take(box)
        return len(data)

    def _cut(self) -> bytes | None:
        if len(self._pending) < _BOX.size:
            return None
        size = _BOX.unpack_from(self._pending)[0]
        if len(self._pending) < size:
            return None
        box = bytes(self._pending[:size])
        del self._pending[:size]
        return box

    def _take(self, box: bytes) -> None:
        self._whole += box
        if box[4:8] == b"moov":
            self._ring.begin(bytes(self._whole))
        elif box[4:8] == b"mdat":
            self._ring.add(bytes(self._whole))
        else:
            return
        self._whole.clear()


def begins_with_key(fragment: bytes) -> bool:
    """Say whether the first sample of track 1 in `fragment` (ISO/IEC 14496-12, `moof`) can be decoded without another one."""
    for kind, moof in _boxes(memoryview(fragment)):
        for inner, traf in _boxes(moof) if kind == b"moof" else ():
            if inner == b"traf" and (flags := _first_flags(traf)) is not None:
                return not flags & _NOT_SYNC
    return False


def _first_flags(traf: memoryview) -> int | None:
    """Return the flags of the first sample, None where the track is not number 1."""
    parts = dict(_boxes(traf))
    track, default = _track_header(parts[b"tfhd"])
    return _run_flags(parts[b"trun"], default) if track == 1 and b"trun" in parts else None


def _track_header(body: memoryview) -> tuple[int, int]:
    """Return the number of the track and the flags that its samples have by default."""
    flags, track = struct.unpack_from(">II", body)
    at = 8 + sum(size for bit, size in ((_BASE_OFFSET, 8), (_DESCRIPTION, 4), (_DURATION, 4), (_SIZE, 4)) if flags & bit)
    return track, struct.unpack_from(">I", body, at)[0] if flags & _FLAGS else 0


def _run_flags(body: memoryview, default: int) -> int:
    (flags,) = struct.unpack_from(">I", body)
    at = 8 + (4 if flags & _DATA_OFFSET else 0)
    if flags & _FIRST_FLAGS:
        return int(struct.unpack_from(">I", body, at)[0])
    at += sum(4 for bit in (_SAMPLE_DURATION, _SAMPLE_SIZE) if flags & bit)
    return int(struct.unpack_from(">I", body, at)[0]) if flags & _SAMPLE_FLAGS else default


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    while at + _BOX.size <= len(data):
        size, kind = _BOX.unpack_from(data, at)
        if size < _BOX.size:
            return
        yield kind, data[at + _BOX.size : at + size]
        at += size
