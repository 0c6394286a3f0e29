"""The boxes of ISO base media and QuickTime files, as far as their headers say what the essence should be (ISO/IEC 14496-12)."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from triptych.media.byplace import size_of

MOST_BOXES = 10_000
LONGEST_BOX_READ = 1 << 16
SAMPLE_ENTRY_BYTES = 78
"""The fixed part of a video sample entry, before the boxes inside it."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its four letters, and where what it holds begins and ends, in bytes."""

    kind: bytes
    start: int
    end: int


def boxes(descriptor: int, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that lie between two places of a file, as far as they make sense."""
    for _ in range(MOST_BOXES):
        head = os.pread(descriptor, 16, start) if start + 8 <= end else b""
        if len(head) < 8:  # noqa: PLR2004 - the shortest header
            return
        size, header = int.from_bytes(head[:4], "big"), 8
        if size == 1 and len(head) == 16:  # noqa: PLR2004 - a header with a 64-bit size
            size, header = int.from_bytes(head[8:], "big"), 16
        until = end if size == 0 else start + size
        if until > end or until < start + header:
            until = end
        yield Box(head[4:8], start + header, until)
        start = until


def is_fast_start(descriptor: int) -> bool | None:
    """Say whether the index of the film comes before its essence; None where there is not both."""
    kinds = [box.kind for box in boxes(descriptor, 0, size_of(descriptor))]
    if b"moov" not in kinds or not {b"mdat", b"moof"} & {*kinds}:
        return None
    return kinds.index(b"moov") < min(kinds.index(kind) for kind in (b"mdat", b"moof") if kind in kinds)


def tracks(descriptor: int) -> list[dict[str, Any]]:
    """Return for each track, in order, what its header says: `duration` as [units, units a second] if it says any, `size`, `field`."""
    size = size_of(descriptor)
    movie = next((box for box in boxes(descriptor, 0, size) if box.kind == b"moov"), None)
    inside = list(boxes(descriptor, movie.start, movie.end)) if movie is not None else []
    scale = next((_movie_scale(_read(descriptor, box)) for box in inside if box.kind == b"mvhd"), 0)
    return [_track(descriptor, box, scale) for box in inside if box.kind == b"trak"]


def _track(descriptor: int, track: Box, scale: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for box in boxes(descriptor, track.start, track.end):
        if box.kind == b"tkhd" and scale and (units := _duration(_read(descriptor, box))):
            told["duration"] = [units, scale]
    description = _find(descriptor, track, (b"mdia", b"minf", b"stbl", b"stsd"))
    handler = _find(descriptor, track, (b"mdia", b"hdlr"))
    if description is not None and handler is not None and _read(descriptor, handler)[8:12] == b"vide":
        told |= _picture(descriptor, description)
    return told


def _find(descriptor: int, inside: Box, path: tuple[bytes, ...]) -> Box | None:
    for kind in path:
        found = next((box for box in boxes(descriptor, inside.start, inside.end) if box.kind == kind), None)
        if found is None:
            return None
        inside = found
    return inside


def _picture(descriptor: int, description: Box) -> dict[str, Any]:
    """Return what the first sample entry says of pictures."""
    entry = next(boxes(descriptor, description.start + 8, description.end), None)
    if entry is None or entry.end - entry.start < SAMPLE_ENTRY_BYTES:
        return {}
    told: dict[str, Any] = {"size": list(struct.unpack(">HH", os.pread(descriptor, 4, entry.start + 24)))}
    for box in boxes(descriptor, entry.start + SAMPLE_ENTRY_BYTES, entry.end):
        if box.kind == b"fiel" and (fields := _read(descriptor, box)[:1]):
            told["interlaced"] = fields[0] > 1
    return told


def _movie_scale(data: bytes) -> int:
    return int.from_bytes(data[20:24] if data[:1] == b"\1" else data[12:16], "big")


def _duration(data: bytes) -> int:
    """Return the duration of a track header, 0 where it says none."""
    field = data[28:36] if data[:1] == b"\1" else data[20:24]
    units = int.from_bytes(field, "big")
    return 0 if units == (1 << 8 * len(field)) - 1 else units


def _read(descriptor: int, box: Box) -> bytes:
    return os.pread(descriptor, min(box.end - box.start, LONGEST_BOX_READ), box.start)
