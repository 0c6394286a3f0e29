"""Where every sample of a fragmented mp4 lies and how long it lasts, read from its fragments as they come (ISO/IEC 14496-12 8.8)."""

import struct
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

NON_SYNC = 0x10000
_BASE_OFFSET = 0x1
_HEAD = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")


@dataclass(slots=True, kw_only=True)
class Track:
    """The samples of one track: sizes in bytes, durations in ticks of its time scale, numbers from 1 of those that others need."""

    sizes: "array[int]" = field(default_factory=lambda: array("I"))
    durations: "array[int]" = field(default_factory=lambda: array("I"))
    syncs: "array[int]" = field(default_factory=lambda: array("I"))
    chunk_offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    chunk_samples: "array[int]" = field(default_factory=lambda: array("I"))
    end: int = 0

    def begin(self, at: int) -> None:
        """Go on at decode time `at`; the sample before lasts until then."""
        if self.durations and at > self.end:
            self.durations[-1] += at - self.end
        self.end = max(self.end, at)

    def add(self, offset: int, samples: Iterator[tuple[int, int, int]]) -> None:
        """Append a run of (duration, size, flags) that lies at `offset`."""
        before = len(self.sizes)
        for duration, size, flags in samples:
            self.sizes.append(size)
            self.durations.append(duration)
            self.end += duration
            if not flags & NON_SYNC:
                self.syncs.append(len(self.sizes))
        self.chunk_offsets.append(offset)
        self.chunk_samples.append(len(self.sizes) - before)


class Samples:
    """The samples of a growing file, by track. `end` is where its last whole fragment ends, `moov` where its own header lies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.tracks: dict[int, Track] = {}
        self.moov = (0, 0)
        self.end = 0
        self._defaults: Mapping[int, tuple[int, int, int]] = {}

    def advance(self) -> None:
        """Read what has been written since. Raises `ValueError` where it is no file of fragments."""
        with self._path.open("rb") as file:
            size = file.seek(0, 2)
            at, moof = self.end, None
            while (head := _box_at(file, at, size)) is not None:
                kind, body, after = head
                if kind == b"moof":
                    moof = at, _read(file, body, after)
                elif kind == b"mdat" and moof is not None:
                    self._take(*moof)
                    self.end, moof = after, None
                elif kind == b"moov" and not self.tracks:
                    self.moov = at, after
                    self._open(_read(file, body, after))
                at = after

    def _open(self, moov: bytes) -> None:
        extends = [dict_box[1] for dict_box in boxes(moov) if dict_box[0] == b"mvex"]
        rows = [struct.unpack_from(">5I", body, 4) for mvex in extends for kind, body in boxes(mvex) if kind == b"trex"]
        self._defaults = {track: (duration, size, flags) for track, _, duration, size, flags in rows}
        self.tracks = {track: Track() for track in self._defaults}

    def _take(self, offset: int, moof: bytes) -> None:
        for kind, traf in boxes(moof):
            if kind == b"traf":
                self._take_run(offset, traf)

    def _take_run(self, offset: int, traf: bytes) -> None:
        parts = list(boxes(traf))
        track, defaults = self._header(next(body for kind, body in parts if kind == b"tfhd"))
        for kind, body in parts:
            if kind == b"tfdt":
                self.tracks[track].begin(struct.unpack_from(">Q" if body[0] else ">I", body, 4)[0])
            elif kind == b"trun":
                where, samples = _run(body, defaults)
                self.tracks[track].add(offset + where, samples)

    def _header(self, tfhd: bytes) -> tuple[int, tuple[int, int, int]]:
        """Return the track and the (duration, size, flags) of samples that name none."""
        flags, track = struct.unpack_from(">II", tfhd)
        if flags & _BASE_OFFSET:
            raise ValueError("offsets that do not count from their fragment")
        values, at = list(self._defaults[track]), 8
        for bit, place, width in ((0x2, None, 4), (0x8, 0, 4), (0x10, 1, 4), (0x20, 2, 4)):
            if flags & bit:
                if place is not None:
                    (values[place],) = struct.unpack_from(">I", tfhd, at)
                at += width
        duration, size, sample_flags = values
        return track, (duration, size, sample_flags)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, body) of each box in `data`."""
    at = 0
    while at + _HEAD.size <= len(data):
        size, kind = _HEAD.unpack_from(data, at)
        if size < _HEAD.size:
            raise ValueError("a box of no size")
        yield kind, data[at + _HEAD.size : at + size]
        at += size


def _run(trun: bytes, defaults: tuple[int, int, int]) -> tuple[int, Iterator[tuple[int, int, int]]]:
    """Return where a run lies behind its moof, and the (duration, size, flags) of its samples."""
    flags, count = struct.unpack_from(">II", trun)
    at, where, first = 8, 0, None
    if flags & 0x1:
        (where,) = struct.unpack_from(">i", trun, at)
        at += 4
    if flags & 0x4:
        (first,) = struct.unpack_from(">I", trun, at)
        at += 4
    fields = [place for bit, place in ((0x100, 0), (0x200, 1), (0x400, 2), (0x800, 3)) if flags & bit]
    rows = struct.iter_unpack(f">{len(fields)}I", trun[at:]) if fields else (() for _ in range(count))
    return where, _samples(fields, rows, defaults, first)


def _samples(
    fields: list[int], rows: Iterator[tuple[int, ...]], defaults: tuple[int, int, int], first: int | None
) -> Iterator[tuple[int, int, int]]:
    for number, row in enumerate(rows):
        values = [*defaults, 0]
        if number == 0 and first is not None:
            values[2] = first
        for place, value in zip(fields, row, strict=True):
            values[place] = value
        if values[3]:
            raise ValueError("frames out of order")
        yield values[0], values[1], values[2]


def _box_at(file: BinaryIO, at: int, size: int) -> tuple[bytes, int, int] | None:
    """Return (type, where its body begins, where it ends) of the box at `at`; None where there is no whole one."""
    file.seek(at)
    head = file.read(_HEAD.size + _LARGE.size)
    if len(head) < _HEAD.size:
        return None
    length, kind = _HEAD.unpack_from(head)
    body = at + _HEAD.size
    if length == 1 and len(head) == _HEAD.size + _LARGE.size:
        (length,) = _LARGE.unpack_from(head, _HEAD.size)
        body += _LARGE.size
    return (kind, body, at + length) if length >= _HEAD.size and at + length <= size else None


def _read(file: BinaryIO, begin: int, end: int) -> bytes:
    file.seek(begin)
    return file.read(end - begin)
