"""Finds things of one colour: the second real detector, for whatever has no face (camera 9)."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.camera.definition import Colour
from triptych.camera.track import Box, Face
from triptych.contracts import Frame

WIDTH_PX = 320
_GAP_PX = 7
_BOX = cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT
_HUE_STEPS = 180
_FULL = 255


class ColourBlobs:
    """Finds connected things of a colour; stripes and gaps up to a fiftieth of the picture's width belong to the thing."""

    name = "colour"
    kind = "colour"

    def __init__(self, colour: Colour) -> None:
        self._colour = colour
        self._kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GAP_PX, _GAP_PX))

    def find(self, frame: Frame) -> Sequence[Face]:
        """Return the things in `frame`, largest first; `score` is the part of its box that has the colour."""
        high, wide = frame.image.shape[:2]
        size = WIDTH_PX, max(1, round(high * WIDTH_PX / wide))
        mask = self._mask(np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), np.uint8))
        closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self._kernel)
        _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
        found = [self._thing(mask, stat, size) for stat in stats[1:] if stat[cv2.CC_STAT_AREA] >= self._colour.least_part * mask.size]
        return tuple(sorted(found, key=lambda face: -face.box.area))

    def _mask(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return 255 where `picture`, (H, W, 3) uint8 BGR, has the colour, (H, W) uint8."""
        hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
        low, high = (edge / 360 * _HUE_STEPS for edge in self._colour.hue_deg)
        strong, bright = self._colour.least_saturation * _FULL, self._colour.least_value * _FULL
        if low <= high:
            return np.asarray(cv2.inRange(hsv, (low, strong, bright), (high, _FULL, _FULL)), np.uint8)
        upper = cv2.inRange(hsv, (low, strong, bright), (_HUE_STEPS, _FULL, _FULL))
        return np.asarray(cv2.bitwise_or(upper, cv2.inRange(hsv, (0, strong, bright), (high, _FULL, _FULL))), np.uint8)

    def _thing(self, mask: NDArray[np.uint8], stat: NDArray[np.int32], size: tuple[int, int]) -> Face:
        left, top, width, height = (
            int(stat[place]) for place in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT)
        )
        part = float(np.count_nonzero(mask[top : top + height, left : left + width])) / (width * height)
        box = Box(left=left / size[0], top=top / size[1], right=(left + width) / size[0], bottom=(top + height) / size[1])
        return Face(box=box, score=part)
