"""Tells from movement when the two fields of a picture were taken (media 4.3 INTERLACE).

Lines between those of a field are put together from their neighbours. Where the picture moves, a field lies in time where it correlates
with the way from the other parity's field in this picture, time 0, to that in the next, time 1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triptych.media.picture import Plane

MOVING_CODES = 8.0
LEAST_MOVING = 0.002
"""Of a field's samples; with less it is static."""

STANDS = 0.1
"""A field that moves by less than this share of the other one is shown again."""

NOW, HALF, NEXT = 0.25, 0.75, 1.25
"""Times up to which a field counts as of this picture, of half a picture later, and of the next."""

APART = 0.1
PROGRESSIVE, TFF, BFF, TELECINE = "progressive", "tff", "bff", "telecine"

Lines = NDArray[np.float32]


class Fields(NamedTuple):
    """Of two pictures in a row: the shares of the top and the bottom field that move, and when the first ones lie on the other's way."""

    top_moving: float
    bottom_moving: float
    top_at: float
    bottom_at: float

    def verdict(self) -> str | None:
        """Say what these two pictures look like alone, None when that is open."""
        less, more = sorted((self.top_moving, self.bottom_moving))
        if more < LEAST_MOVING:
            return None
        if less < STANDS * more or HALF < max(self.top_at, self.bottom_at) < NEXT:
            return TELECINE
        if max(abs(self.top_at), abs(self.bottom_at)) < NOW:
            return PROGRESSIVE
        later, earlier = max(self.top_at, self.bottom_at), min(self.top_at, self.bottom_at)
        if not NOW < later < HALF or later - earlier < APART:
            return None
        return TFF if self.bottom_at > self.top_at else BFF


def compared(now: Plane, then: Plane, steps: int) -> Fields:
    """Compare two lumas of full height, one picture apart; `steps` codes make one of 8 bits."""
    pairs = now.shape[0] // 2
    tops, bottoms = ([luma[odd : 2 * pairs : 2].astype(np.float32) / np.float32(steps) for luma in (now, then)] for odd in (0, 1))
    bottom_at, top_moving = _placed(bottoms[0][:-1], *(_between(top) for top in tops))
    top_at, bottom_moving = _placed(tops[0][1:], *(_between(bottom) for bottom in bottoms))
    return Fields(top_moving, bottom_moving, top_at, bottom_at)


def _between(lines: Lines) -> Lines:
    return (lines[:-1] + lines[1:]) * np.float32(0.5)


def _placed(lines: Lines, before: Lines, after: Lines) -> tuple[float, float]:
    """Return when `lines` lie on the way from `before`, 0, to `after`, 1, and the share that moves; 0 where nothing does.

    Measured from the middle of the way, so that noise does not pull to either side.
    """
    way = after - before
    moving = np.abs(way) > MOVING_CODES
    share = float(np.count_nonzero(moving)) / way.size
    if share < LEAST_MOVING:
        return 0.0, share
    way *= moving
    off = lines - (before + after) * np.float32(0.5)
    return 0.5 + float(np.vdot(off, way)) / float(np.vdot(way, way)), share
