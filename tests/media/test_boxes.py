import os
import struct
from contextlib import contextmanager

import pytest

from triptych.media import boxes


def _box(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(data)) + kind + data


@contextmanager
def _file(tmp_path, data: bytes):
    path = tmp_path / "file"
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


ENTRY = _box(b"avc1", bytes(24) + struct.pack(">HH", 720, 576) + bytes(50) + _box(b"fiel", b"\2\6"))
STSD = _box(b"stsd", bytes(8) + ENTRY)
HDLR = _box(b"hdlr", bytes(8) + b"vide" + bytes(12))
TRACK = _box(b"tkhd", bytes(20) + struct.pack(">I", 3000)) + _box(b"mdia", HDLR + _box(b"minf", _box(b"stbl", STSD)))
MOVIE = _box(b"moov", _box(b"mvhd", bytes(12) + struct.pack(">I", 600)) + _box(b"trak", TRACK))


def test_a_track_says_its_duration_size_and_fields(tmp_path) -> None:
    """media 4.3 CONFORMANCE: the header."""
    with _file(tmp_path, MOVIE) as descriptor:
        assert boxes.tracks(descriptor) == [{"duration": [3000, 600], "size": [720, 576], "interlaced": True}]


def test_long_headers_are_read_and_an_unknown_duration_is_none(tmp_path) -> None:
    header = _box(b"mvhd", b"\1" + bytes(19) + struct.pack(">I", 90_000))
    track = _box(b"tkhd", b"\1" + bytes(27) + struct.pack(">Q", 1 << 33))
    endless = _box(b"tkhd", bytes(20) + b"\xff" * 4)
    with _file(tmp_path, _box(b"moov", header + _box(b"trak", track) + _box(b"trak", endless))) as descriptor:
        assert boxes.tracks(descriptor) == [{"duration": [1 << 33, 90_000]}, {}]


@pytest.mark.parametrize(
    ("data", "expected"),
    [(MOVIE + _box(b"mdat"), True), (_box(b"mdat", bytes(99)) + MOVIE, False), (MOVIE, None), (b"", None), (MOVIE + _box(b"moof"), True)],
)
def test_a_fast_start_has_its_index_first(tmp_path, data, expected) -> None:
    """media 4.3 CONFORMANCE: fastStart."""
    with _file(tmp_path, data) as descriptor:
        assert boxes.is_fast_start(descriptor) is expected


def test_a_64_bit_size_and_one_that_reaches_the_end_are_understood(tmp_path) -> None:
    data = struct.pack(">I4sQ", 1, b"wide", 20) + bytes(4) + struct.pack(">I4s", 0, b"mdat") + bytes(7)
    with _file(tmp_path, data) as descriptor:
        found = [(box.kind, box.end - box.start) for box in boxes.boxes(descriptor, 0, len(data))]
    assert found == [(b"wide", 4), (b"mdat", 7)]


@pytest.mark.parametrize("at", range(0, len(MOVIE), 7))
def test_nonsense_ends_the_reading(tmp_path, at) -> None:
    """media S4."""
    data = bytearray(MOVIE)
    data[at : at + 4] = b"\xff\xff\xff\xf0"
    with _file(tmp_path, bytes(data)) as descriptor:
        assert len(boxes.tracks(descriptor)) <= 1
