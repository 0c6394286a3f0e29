import cv2
import numpy as np
import pytest

from triptych.camera.pictures import HEAD_BYTES, Head, read_head, wrap
from triptych.camera.shots import encode_jpeg

IMAGE = np.full((48, 64, 3), 128, np.uint8)
HEAD = Head(sequence=7, captured_us=1_800_000_000_123_456, width=64, height=48)


def test_a_head_is_24_bytes_little_endian():
    """camera 6: u32 sequence, u64 capture us, u16 width, u16 height, u64 zero."""
    picture = wrap(HEAD, b"jpeg")
    fields = [picture[:4], picture[4:12], picture[12:14], picture[14:16], picture[16:24]]
    assert [int.from_bytes(field, "little") for field in fields] == [*HEAD, 0]
    assert (HEAD_BYTES, picture[24:], read_head(picture)) == (24, b"jpeg", HEAD)


def test_a_sequence_begins_anew_after_32_bits():
    assert read_head(wrap(HEAD._replace(sequence=(1 << 32) + 3), b"")).sequence == 3


def test_a_comment_travels_in_the_jpeg_and_changes_no_pixel():
    """camera 10: boxes travel with their frame."""
    jpeg = encode_jpeg(IMAGE, 80)
    told = wrap(HEAD, jpeg, b'{"boxes":[]}')[HEAD_BYTES:]
    assert told.count(b'\xff\xfe\x00\x0e{"boxes":[]}') == 1
    before, after = (cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in (jpeg, told))
    assert np.array_equal(before, after)


@pytest.mark.parametrize("comment", [b"", b"x" * 65_534])
def test_no_comment_and_one_that_is_too_long_leave_the_jpeg_as_it_is(comment):
    assert wrap(HEAD, b"\xff\xd8rest", comment)[HEAD_BYTES:] == b"\xff\xd8rest"


def test_a_comment_finds_its_place_without_jfif():
    assert wrap(HEAD, b"\xff\xd8\xff\xdb", b"{}")[HEAD_BYTES:] == b"\xff\xd8\xff\xfe\x00\x04{}\xff\xdb"
