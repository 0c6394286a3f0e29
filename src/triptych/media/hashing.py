"""Tells a picture by 256 bits that stay much the same when it is scaled, coded anew, brightened, cropped a little or given a logo.

They are signs of the lowest 16 by 16 frequencies of its luma, after the light was evened out and the edges were faded.
"""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.media.picture import Picture

HASH_BYTES = 32
SIDE = 64
LOWEST = 16
EVEN_OVER = 9.0
MOST_CONTRAST = 1.5
FAINT_CODES = 4.0
BORDER_CODES = 8
BORDER_SHARE = 0.02
LEAST_LINES = 16
CROPPED = 0.026
"""The share of the picture that a crop is supposed to have taken on each side: 5 % in all, seen from what was left."""

Square = NDArray[np.float32]
Luma = NDArray[np.uint8] | NDArray[np.uint16]


def hashes(picture: Picture, *, also_uncropped: bool = False) -> bytes | None:
    """Return the 32 bytes that tell a picture, None for a flat one.

    With `also_uncropped` follow the 32 of the picture from which this one may have been cropped, its edges drawn out.
    """
    luma = without_borders(picture)
    if min(luma.shape) < LEAST_LINES:
        return None
    square = _square(luma, picture.steps)
    if float(square.std()) < FAINT_CODES:
        return None
    found = _bits(square)
    return found + _bits(_square(_drawn_out(luma), picture.steps)) if also_uncropped else found


def without_borders(picture: Picture) -> Luma:
    """Return the luma without the black rows and columns around it: those of which hardly anything is brighter than black."""
    luma = picture.planes[0]
    bright = luma > (picture.black + BORDER_CODES) * picture.steps
    rows = np.flatnonzero(bright.mean(axis=1) > BORDER_SHARE)
    columns = np.flatnonzero(bright.mean(axis=0) > BORDER_SHARE)
    if not rows.size or not columns.size:
        return luma[:0]
    return luma[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _square(luma: Luma, steps: int) -> Square:
    small = cv2.resize(np.ascontiguousarray(luma), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / np.float32(steps)


def _drawn_out(luma: Luma) -> Luma:
    return cast("Luma", np.pad(luma, [(round(lines * CROPPED),) * 2 for lines in luma.shape], "symmetric"))


def _bits(square: Square) -> bytes:
    """Return the signs of the lowest frequencies, half of them set."""
    waves = cv2.dct(_evened(square) * _WINDOW)[:LOWEST, :LOWEST]
    return np.packbits(waves > np.median(waves)).tobytes()


def _evened(square: Square) -> Square:
    """Return the picture with the same brightness and contrast everywhere, so that light and a logo count for little."""
    apart = square - cv2.GaussianBlur(square, (0, 0), EVEN_OVER)
    contrast = np.sqrt(cv2.GaussianBlur(apart * apart, (0, 0), EVEN_OVER) + np.float32(FAINT_CODES**2))
    return np.asarray(np.clip(apart / contrast, -MOST_CONTRAST, MOST_CONTRAST), np.float32)


def _window() -> Square:
    fade = np.sin(np.pi * (np.arange(SIDE) + 0.5) / SIDE) ** 2
    return np.outer(fade, fade).astype(np.float32)


_WINDOW = _window()
