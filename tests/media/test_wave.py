import os
import struct
from fractions import Fraction

import numpy as np
import pytest

from triptych.media.decode import open_input, survey
from triptych.media.wave import AsCaf, Samples, find_samples
from truth.wrapped import carried

PCM = struct.pack("<HHIIHH", 1, 2, 48_000, 192_000, 4, 16)


def _chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if size is None else size) + data + bytes(len(data) % 2)


@pytest.fixture
def opened(tmp_path):
    """Return a descriptor of a file with some bytes."""
    descriptors = []

    def make(data: bytes) -> int:
        path = tmp_path / f"{len(descriptors)}.wav"
        path.write_bytes(data)
        descriptors.append(os.open(path, os.O_RDONLY))
        return descriptors[-1]

    yield make
    for descriptor in descriptors:
        os.close(descriptor)


def test_samples_are_found_behind_other_chunks(opened) -> None:
    data = b"RIFF\0\0\0\0WAVE" + _chunk(b"JUNK", b"odd") + _chunk(b"fmt ", PCM) + _chunk(b"data", b"12345678")
    assert find_samples(opened(data)) == Samples(2, 48_000, len(data) - 8, 8)


def test_samples_of_unknown_size_reach_to_the_end(opened) -> None:
    """RF64."""
    data = b"RF64\xff\xff\xff\xffWAVE" + _chunk(b"fmt ", PCM) + _chunk(b"data", b"12345678", 0xFFFFFFFF)
    assert find_samples(opened(data)).size_bytes == 8


@pytest.mark.parametrize("data", [b"", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVE" + _chunk(b"data", b"1234"), bytes(4000)])
def test_what_holds_no_samples_has_none(opened, data) -> None:
    assert find_samples(opened(data)) is None


def test_a_view_is_read_and_sought_as_a_file(opened) -> None:
    view = AsCaf(opened(b"--12345678--"), Samples(2, 48_000, 2, 8))
    whole = view.read()
    assert (whole[:4], whole[-8:], len(whole)) == (b"caff", b"12345678", 76)
    assert view.seek(-4, os.SEEK_END) == 72
    assert view.read(100) == b"5678"
    assert view.read(1) == b""
    assert (view.seek(70), view.seek(1, os.SEEK_CUR), view.tell(), view.read(2)) == (70, 71, 71, b"45")


def test_a_wav_of_data_that_was_cut_off_is_read_as_far_as_it_goes(opened) -> None:
    samples = np.round(carried(100).T * 32768).astype("<i2").tobytes()
    data = b"RIFF\0\0\0\0WAVE" + _chunk(b"fmt ", PCM) + _chunk(b"data", samples[: len(samples) // 3], len(samples))
    with open_input(opened(data)) as container:
        index = survey(container, lambda: None)
    assert [stream.codec for stream in index.audio] == ["pcm_s16le"]
    assert index.duration == Fraction(len(samples) // 3 // 4, 48_000)
