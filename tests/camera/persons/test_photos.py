"""camera S5 and the photo row of camera 11: what may come in, judged before it is decoded."""

import io
import struct
import zipfile
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from portraits import jpeg
from triptych.camera.persons.photos import read_photo
from triptych.errors import Invalid

PICTURE = np.full((90, 160, 3), (40, 120, 200), np.uint8)


def png(wide, high):
    """Make the head of a PNG that claims this size, and no picture."""
    head = b"IHDR" + struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + b"\0" * 64


def jpeg_of(wide, high):
    """Make the head of a JPEG that claims this size, behind a comment and a fill byte."""
    return b"\xff\xd8\xff\xfe\x00\x04ab\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", high, wide) + b"\x03" + b"\0" * 64


def archive():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        packed.writestr("a.jpg", jpeg(PICTURE))
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (archive(), "no JPEG or PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no JPEG or PNG"),
        (b"MZ\x90\x00" + b"\0" * 200, "no JPEG or PNG"),
        (b"GIF89a" + b"\0" * 50, "no JPEG or PNG"),
        (b"", "no JPEG or PNG"),
        (jpeg_of(60_000, 500), "60000 x 500 px"),
        (png(60_000, 500), "60000 x 500 px"),
        (png(8_000, 6_000), "40 megapixels"),
        (jpeg_of(8_000, 6_000), "40 megapixels"),
        (png(0, 5), "size cannot be read"),
        (b"\x89PNG\r\n\x1a\n", "size cannot be read"),
        (b"\xff\xd8\xff\xda\0\0", "size cannot be read"),
        (b"\xff\xd8\xff\xfe\0\0" + b"\0" * 20, "size cannot be read"),
        (jpeg_of(160, 90), "broken"),
        (png(160, 90), "broken"),
        (jpeg(PICTURE) + b"\0" * (8 * 1024 * 1024), "larger than 8 MB"),
    ],
)
def test_what_is_no_photo_is_rejected_with_its_reason(data, reason):
    """camera S5."""
    with pytest.raises(Invalid, match=reason):
        read_photo(data)


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_a_photo_keeps_its_picture_and_kind(extension):
    photo = read_photo(cv2.imencode(f".{extension}", PICTURE)[1].tobytes())
    assert photo.extension == extension
    again = cv2.imdecode(np.frombuffer(photo.data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(again.astype(int) - PICTURE).max() <= 6


def test_metadata_are_stripped_and_the_way_up_is_kept():
    """camera S5: metadata stripped."""
    meta = Image.Exif()
    meta[0x0112], meta[0x010F] = 6, "the maker of this camera"
    data = io.BytesIO()
    Image.fromarray(PICTURE).save(data, "JPEG", exif=meta, comment=b"taken at home")
    assert b"the maker" in data.getvalue()
    photo = read_photo(data.getvalue())
    assert photo.image.shape == (160, 90, 3), "turned upright"
    assert b"the maker" not in photo.data
    assert b"at home" not in photo.data
    assert b"Exif" not in photo.data
