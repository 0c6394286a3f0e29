"""camera row 46: how much of a growing file can be played."""

import struct

import pytest

from triptych.camera.boxes import Fragments, whole_bytes


def box(kind, size):
    return struct.pack(">I4s", size, kind) + bytes(size - 8)


WHOLE = box(b"ftyp", 24) + box(b"moov", 100) + box(b"moof", 40) + struct.pack(">I4sQ", 1, b"mdat", 500) + bytes(484)


@pytest.mark.parametrize("rest", [b"", box(b"moof", 40), box(b"moof", 40) + struct.pack(">I4s", 900, b"mdat"), bytes(6), bytes(200)])
def test_whole_bytes_end_with_a_whole_fragment(tmp_path, rest):
    path = tmp_path / "growing.mp4"
    path.write_bytes(WHOLE + rest)
    assert whole_bytes(path) == len(WHOLE)


def test_a_growing_file_is_looked_through_once(tmp_path):
    path, fragments = tmp_path / "growing.mp4", Fragments()
    path.write_bytes(WHOLE + box(b"moof", 40))
    assert fragments.whole_bytes(path) == len(WHOLE)
    with path.open("r+b") as file:
        file.write(b"\xff" * 24)
    with path.open("ab") as file:
        file.write(box(b"mdat", 300))
    assert fragments.whole_bytes(path) == len(WHOLE) + 340, "what was seen is not read again"
