"""Makes an ordinary, seekable mp4 of one of fragments, in place: an index at its end, and one media box around all fragments.

Nothing but the index is written, so the longest recording is closed at once; until the very last write of 16 bytes the file is
what it was, fragments that play.
"""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triptych.camera.samples import Samples, Track, boxes

_CONTAINERS = frozenset({b"trak", b"mdia", b"minf"})
_REPLACED = frozenset({b"stts", b"stss", b"stsc", b"stsz", b"stco", b"co64", b"ctts", b"sgpd", b"sbgp"})
_LARGE_HEAD = struct.Struct(">I4sQ")
_MOST_32 = 2**32 - 1


def seal(path: Path, samples: Samples) -> float:
    """Close a file whose fragments `samples` has read to the end; return its length in seconds. Raises `ValueError` where it has none."""
    begin, after = samples.moov
    if not any(track.sizes for track in samples.tracks.values()):
        raise ValueError("no sample")
    with path.open("r+b") as file:
        file.seek(begin + 8)
        moov, length_s = _Moov(samples).build(file.read(after - begin - 8))
        file.truncate(samples.end)
        file.seek(samples.end)
        file.write(moov)
        file.flush()
        file.seek(begin)
        file.write(_LARGE_HEAD.pack(1, b"mdat", samples.end - begin))
    return length_s


class _Moov:
    """Builds the index from the header that a file of fragments began with."""

    def __init__(self, samples: Samples) -> None:
        self._tracks = samples.tracks

    def build(self, moov: bytes) -> tuple[bytes, float]:
        """Return the box, and the length of the longest track in seconds."""
        parts = list(boxes(moov))
        scale = _scale(next(body for kind, body in parts if kind == b"mvhd"))
        lengths = {track: _ticks(trak) for kind, trak in parts if kind == b"trak" for track in [_id(trak)]}
        longest_s = max(self._tracks[track].end / ticks for track, ticks in lengths.items())
        done = b"".join(self._part(kind, body, scale, longest_s) for kind, body in parts if kind != b"mvex")
        return _box(b"moov", done), longest_s

    def _part(self, kind: bytes, body: bytes, scale: int, longest_s: float) -> bytes:
        if kind == b"mvhd":
            return _box(kind, _with_duration(body, 12, round(longest_s * scale)))
        if kind != b"trak":
            return _box(kind, body)
        track = self._tracks[_id(body)]
        return _box(kind, _trak(body, track, round(track.end / _ticks(body) * scale)))


def _trak(body: bytes, track: Track, movie_ticks: int) -> bytes:
    """Return the parts of a track, its durations and tables filled in."""
    done = []
    for kind, part in boxes(body):
        if kind == b"tkhd":
            whole = _with_duration(part, 16, movie_ticks)
        elif kind == b"mdhd":
            whole = _with_duration(part, 12, track.end)
        elif kind == b"stbl":
            whole = b"".join(_box(one, rest) for one, rest in boxes(part) if one not in _REPLACED) + _tables(track)
        else:
            whole = _trak(part, track, movie_ticks) if kind in _CONTAINERS else part
        done.append(_box(kind, whole))
    return b"".join(done)


def _tables(track: Track) -> bytes:
    sizes = np.asarray(track.sizes, np.uint32)
    chunks = np.asarray(track.chunk_samples, np.uint32)
    offsets = np.asarray(track.chunk_offsets, np.uint64)
    first, counts = _runs(np.asarray(track.durations, np.uint32))
    chunk_first, _ = _runs(chunks)
    per_chunk = np.stack((chunk_first + 1, chunks[chunk_first], np.ones(len(chunk_first), np.uint32)), 1)
    large = bool(len(offsets)) and int(offsets[-1]) > _MOST_32
    tables = [
        _table(b"stts", len(first), np.stack((counts, np.asarray(track.durations, np.uint32)[first]), 1)),
        _table(b"stsc", len(per_chunk), per_chunk),
        _full(b"stsz", struct.pack(">II", 0, len(sizes)) + sizes.astype(">u4").tobytes()),
        _full(b"co64" if large else b"stco", struct.pack(">I", len(offsets)) + offsets.astype(">u8" if large else ">u4").tobytes()),
    ]
    if len(track.syncs) < len(sizes):
        tables.append(_table(b"stss", len(track.syncs), np.asarray(track.syncs, np.uint32)))
    return b"".join(tables)


def _runs(values: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return where each run of equal values begins, and how long it is."""
    first = np.flatnonzero(np.diff(values, prepend=values[:1] + 1 if len(values) else values)).astype(np.uint32)
    return first, np.diff(first, append=np.uint32(len(values))).astype(np.uint32)


def _with_duration(body: bytes, at: int, duration: int) -> bytes:
    """Return a header whose 32-bit duration lies at `at` behind version and flags; in the 64-bit layout it is 8 bytes further."""
    large = body[0] == 1
    place = 4 + at + (8 if large else 0)
    field = struct.pack(">Q", duration) if large else struct.pack(">I", min(duration, _MOST_32))
    return body[:place] + field + body[place + len(field) :]


def _scale(header: bytes) -> int:
    """Return the ticks per second of an mvhd or mdhd."""
    found: int = struct.unpack_from(">I", header, 20 if header[0] == 1 else 12)[0]
    return found


def _ticks(trak: bytes) -> int:
    mdia = next(body for kind, body in boxes(trak) if kind == b"mdia")
    return _scale(next(body for kind, body in boxes(mdia) if kind == b"mdhd"))


def _id(trak: bytes) -> int:
    tkhd = next(body for kind, body in boxes(trak) if kind == b"tkhd")
    found: int = struct.unpack_from(">I", tkhd, 20 if tkhd[0] == 1 else 12)[0]
    return found


def _table(kind: bytes, count: int, rows: NDArray[np.uint32]) -> bytes:
    return _full(kind, struct.pack(">I", count) + rows.astype(">u4").tobytes())


def _full(kind: bytes, body: bytes) -> bytes:
    return _box(kind, bytes(4) + body)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body
