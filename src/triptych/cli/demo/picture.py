"""A camera picture in a terminal: two pixels a character, the upper one in the foreground of a half block."""

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from rich.text import Text

UPPER_HALF = "▀"
BOX_BGR = (90, 230, 90)

Box = tuple[float, float, float, float]
"""Left, top, width and height as fractions of the picture."""


def half_blocks(jpeg: bytes, columns: int, box: Box | None = None) -> Text | None:
    """Return the picture `columns` characters wide and true in shape, with `box` drawn on it; None where the bytes are no picture."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    rows = round(image.shape[0] * columns / image.shape[1] / 2)
    small = cv2.resize(image, (columns, rows * 2), interpolation=cv2.INTER_AREA)
    if box is not None:
        left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
        size = np.array([columns, rows * 2])
        cv2.rectangle(small, _pixel(size, left, top), _pixel(size, right, bottom), BOX_BGR)
    return Text("\n").join(_row(upper, lower) for upper, lower in zip(small[0::2], small[1::2], strict=True))


def _pixel(size: NDArray[np.int_], x: float, y: float) -> tuple[int, int]:
    return int(x * size[0]), int(y * size[1])


def _row(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> Text:
    row = Text("  ")
    for above, below in zip(upper, lower, strict=True):
        row.append(UPPER_HALF, Style(color=_color(above), bgcolor=_color(below)))
    return row


def _color(bgr: NDArray[np.uint8]) -> Color:
    blue, green, red = (int(value) for value in bgr)
    return Color.from_rgb(red, green, blue)
