"""Photos that strangers send: judged by their first bytes before anything is decoded, then made anew without metadata (camera S5)."""

import struct
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.camera.persons.rules import MIB, MOST_PHOTO_BYTES
from triptych.errors import Invalid

MOST_PIXELS = 40_000_000
MOST_SIDE_PX = 16_384
JPEG_QUALITY = 95

Extension = Literal["jpg", "png"]
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png"}
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of a JPEG frame header (ITU T.81, table B.1)."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN, _END = 0xDA, 0xD9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Photo:
    """A photo as it is kept: `image` is (H, W, 3) uint8 BGR upright, `data` the same encoded by us."""

    image: NDArray[np.uint8]
    data: bytes
    extension: Extension


def read_photo(data: bytes) -> Photo:
    """Return the photo in `data`. Raises `Invalid` with the reason: no JPEG or PNG, too large, broken."""
    if len(data) > MOST_PHOTO_BYTES:
        raise Invalid(f"it is larger than {MOST_PHOTO_BYTES // MIB} MB")
    wide, high, extension = _look(data)
    if wide < 1 or high < 1:
        raise Invalid("its size cannot be read")
    if max(wide, high) > MOST_SIDE_PX or wide * high > MOST_PIXELS:
        raise Invalid(f"it is {wide} x {high} px; {MOST_PIXELS // 1_000_000} megapixels and {MOST_SIDE_PX} px a side are allowed")
    image = _decode(data)
    return Photo(image=image, data=_encode(image, extension), extension=extension)


def _look(data: bytes) -> tuple[int, int, Extension]:
    """Return width, height and kind from the headers alone."""
    if data.startswith(_PNG):
        return *_png_size(data), "png"
    if data.startswith(_JPEG):
        return *_jpeg_size(data), "jpg"
    raise Invalid("it is no JPEG or PNG picture")


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR" or len(data) < 24:  # noqa: PLR2004 - IHDR is the first chunk, 13 bytes from 16 on
        return 0, 0
    wide, high = struct.unpack_from(">II", data, 16)
    return wide, high


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Return the size in the first frame header, (0, 0) where there is none."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:  # noqa: PLR2004 - every marker begins with 255
        marker = data[place + 1]
        if marker in _SIZES:
            high, wide = struct.unpack_from(">HH", data, place + 5)
            return wide, high
        if marker in {_SCAN, _END}:
            break
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            place += 1
        else:
            place += 2 if marker in _ALONE else 2 + int.from_bytes(data[place + 2 : place + 4])
    return 0, 0


def _decode(data: bytes) -> NDArray[np.uint8]:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise Invalid("it is broken")
    return image.astype(np.uint8, copy=False)


def _encode(image: NDArray[np.uint8], extension: Extension) -> bytes:
    done, encoded = cv2.imencode(f".{extension}", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if extension == "jpg" else [])
    if not done:
        raise Invalid("it cannot be kept")
    return encoded.tobytes()
