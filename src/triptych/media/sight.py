"""One decoded picture as every feature sees it, with the branches that they share, each made once and only if asked for (media K1)."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import cast

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from triptych.media.picture import FULL_RANGE, Picture, Plane, Shrinker, bit_depth, view

QUARTER_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
CAPTIONS = Type.A53_CC

Rgb = NDArray[np.uint8]


class Sight:
    """A picture shown from `start` seconds on; `before` is the start of the one before it in the file, None for the first.

    `following` is the next picture of the segment, if there is one.
    """

    def __init__(self, frame: av.VideoFrame, start: Fraction, before: Fraction | None, shrinker: Shrinker) -> None:
        self.frame = frame
        self.start = start
        self.before = before
        self.following: Sight | None = None
        self._shrinker = shrinker
        self._rgb: dict[tuple[int, int], Rgb] = {}

    def is_sampled(self, hz: float) -> bool:
        """Say whether this is the first picture at or after a multiple of 1/`hz` seconds; with 0 every picture is."""
        if not hz or self.before is None:
            return True
        rate = Fraction(str(hz))
        return self.start * rate // 1 > self.before * rate // 1

    @cached_property
    def picture(self) -> Picture:
        """The analysis picture, at most 320 wide."""
        return self._shrinker.shrink(self.frame, self.start)

    @cached_property
    def change(self) -> float | None:
        """The mean absolute change to the next picture, Y plus U plus V, in 8-bit codes; None where there is none to compare with."""
        return None if self.following is None else self.picture.change_to(self.following.picture)

    @cached_property
    def full(self) -> Picture:
        """The picture at full size: planes Y, U, V of codes as coded; chroma at its own size."""
        frame = self.frame
        bits = bit_depth(frame.format)
        if not _is_planar_yuv(frame.format):
            bits = 8 if bits <= 8 else 10  # noqa: PLR2004 - bits of a code
            frame = frame.reformat(format="yuv444p" if bits == 8 else "yuv444p10le")  # noqa: PLR2004 - bits of a code
        full = FULL_RANGE in {frame.color_range, self.frame.color_range} or frame.format.name.startswith("yuvj")
        return Picture([view(plane, bits) for plane in frame.planes[:3]], bits=bits, full=full, start=self.start)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as shown, after rotation."""
        width, height = self.frame.width, self.frame.height
        return (height, width) if self.frame.rotation % 180 else (width, height)

    def rgb(self, width: int, height: int) -> Rgb:
        """Return the picture as shown, upright, as (height, width, 3) uint8 R, G, B, area-scaled; do not write into it."""
        if (width, height) not in self._rgb:
            self._rgb[width, height] = self._upright(width, height)
        return self._rgb[width, height]

    @property
    def captions(self) -> bytes:
        """The closed-caption triplets of the picture's A/53 user data, empty where there are none."""
        try:
            return bytes(cast("Mapping[Type, Buffer]", self.frame.side_data)[CAPTIONS])
        except KeyError:
            return b""

    def _upright(self, width: int, height: int) -> Rgb:
        turn = self.frame.rotation % 360
        size = (height, width) if turn % 180 else (width, height)
        image = cast("Rgb", self.frame.reformat(*size, format="rgb24", interpolation="AREA").to_ndarray())
        return cast("Rgb", cv2.rotate(image, QUARTER_TURNS[turn])) if turn in QUARTER_TURNS else image


def _is_planar_yuv(form: av.VideoFormat) -> bool:
    """Say whether Y, U and V lie in three planes of their own, in the byte order of this machine."""
    return form.name.startswith(("yuv4", "yuvj4", "yuva4")) and not form.name.endswith("be") and not form.is_bit_stream


__all__ = ["Plane", "Rgb", "Sight"]
