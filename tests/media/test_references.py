import os
import struct
from fractions import Fraction
from pathlib import Path

import pytest

from triptych.media.references import MXF_ESSENCE, MXF_NETWORK_LOCATOR, refers_outside
from triptych.media.sample import Coding, flat, write_clip
from truth.outside import as_mxf_locator, with_reference

ALIAS = struct.pack(">I4sI", 20, b"alis", 0) + b"/a/b.mov"
URL = struct.pack(">I4sI", 31, b"url ", 0) + b"http://127.0.0.1/x\0"


def _asked(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return refers_outside(descriptor)
    finally:
        os.close(descriptor)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("clips")
    for name, video, pixels in (("a.mov", "mpeg4", "yuv420p"), ("a.mxf", "mpeg2video", "yuv422p")):
        pictures = [(Fraction(number, 25), flat((96, 64))) for number in range(5)]
        write_clip(folder / name, pictures, [], Coding(video=video, options={}, pixels=pixels))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_that_holds_its_media_refers_nowhere(clips, tmp_path) -> None:
    assert not any(_asked(tmp_path / name, data) for name, data in clips.items())


@pytest.mark.parametrize("reference", [ALIAS, URL])
def test_a_track_with_its_data_in_another_file_does(clips, tmp_path, reference) -> None:
    """media 9."""
    assert _asked(tmp_path / "a.mov", with_reference(clips["a.mov"], reference))


def test_a_reference_that_no_sample_uses_does_not(clips, tmp_path) -> None:
    own = struct.pack(">I4sI", 12, b"url ", 1)
    assert not _asked(tmp_path / "a.mov", with_reference(clips["a.mov"], own + ALIAS))


def test_an_mxf_with_a_locator_and_no_essence_does(clips, tmp_path) -> None:
    """media 9."""
    located = as_mxf_locator(clips["a.mxf"])
    assert MXF_NETWORK_LOCATOR in located
    assert _asked(tmp_path / "a.mxf", located)
    assert not _asked(tmp_path / "b.mxf", located + MXF_ESSENCE[0])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\x08moov",
        b"\0\0\0\0moov" + b"\0" * 64,
        struct.pack(">I4sQ", 1, b"moov", 1 << 62),
        struct.pack(">I4sI4s", 16, b"moov", 8, b"trak"),
        struct.pack(">I4s", 8, b"free") * 20_000,
        struct.pack(">I4s", 0xFFFFFFFF, b"ftyp"),
    ],
)
def test_broken_boxes_refer_nowhere(tmp_path, data) -> None:
    assert not _asked(tmp_path / "a.mov", data)
