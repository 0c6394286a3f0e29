"""Pictures of which is known what they show: a portrait in the public domain (matplotlib's sample), drawn heads, text in free fonts."""

from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from triptych.media import people

Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono-Bold.ttf", "STIXGeneralBol.ttf", "cmss10.ttf")
HOPPER_FACE = (160.0, 125.0, 355.0, 332.0)
"""Where the face lies in the sample, measured by eye: brim to chin, ear to ear."""


def backdrop(width: int, height: int, seed: int = 3) -> Picture:
    """Return a soft picture without faces or text, BGR."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 200, (height // 40 + 2, width // 40 + 2, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@cache
def hopper() -> Picture:
    """Return the portrait of Grace Hopper, BGR."""
    picture = cv2.imread(str(_sample("sample_data/grace_hopper.jpg")))
    assert picture is not None
    return picture.astype(np.uint8)


def place_hopper(picture: Picture, face_px: float, x: float, y: float) -> Box:
    """Lay the portrait over `picture` so that its face is `face_px` wide and centred on (x, y); return the face's box."""
    left, top, right, bottom = HOPPER_FACE
    scale = face_px / (right - left)
    small = cv2.resize(hopper(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    column, row = round(x - (left + right) / 2 * scale), round(y - (top + bottom) / 2 * scale)
    _lay(picture, small, column, row)
    return (column + left * scale, row + top * scale, column + right * scale, row + bottom * scale)


def place_head(picture: Picture, look: int, radius_px: int, x: float, y: float) -> Box:
    """Draw a head over `picture`, centred on (x, y); return the box from its brows to its chin."""
    people.lay(picture, people.head(look, radius_px, 0), x, y)
    half = radius_px * 0.72
    return (x - half, y - radius_px * 0.55, x + half, y + radius_px * 0.9)


def portrait() -> Picture:
    """Return the portrait in a wider picture."""
    picture = backdrop(640, 360)
    place_hopper(picture, 90, 320, 180)
    return picture


def sign(
    text: str, width: int, height: int, *, font: str = FONTS[0], size_px: int = 32, x: int = 16, y: int = 16, seed: int = 3
) -> Picture:
    """Return a picture with one line of white text, BGR."""
    return write(backdrop(width, height, seed), text, font=font, size_px=size_px, x=x, y=y)


def write(picture: Picture, text: str, *, font: str, size_px: int, x: int, y: int) -> Picture:
    """Return `picture` with one line of white text whose top left corner is (x, y)."""
    image = Image.fromarray(picture[:, :, ::-1])
    ImageDraw.Draw(image).text((x, y), text, fill="white", font=ImageFont.truetype(_sample(f"fonts/ttf/{font}"), size_px))
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _lay(picture: Picture, small: Picture, column: int, row: int) -> None:
    high, wide = picture.shape[:2]
    rows = slice(max(0, row), min(high, row + small.shape[0]))
    columns = slice(max(0, column), min(wide, column + small.shape[1]))
    picture[rows, columns] = small[rows.start - row : rows.stop - row, columns.start - column : columns.stop - column]


def _sample(path: str) -> Path:
    return Path(str(distribution("matplotlib").locate_file(f"matplotlib/mpl-data/{path}")))
