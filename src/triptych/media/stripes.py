"""Finds regular stripes in a small picture (media 4.3 PSE)."""

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_STRIPES = 6
WINDOW = 9
UNEVEN_CELLS, UNEVEN_SHARE = 1.0, 0.25
"""By how much the distances of stripes may differ: by cells, and by a share of the mean."""

Cells = NDArray[np.float32]
Marks = NDArray[np.bool_]


def striped_share(luminance: Cells, step: float, bright: float, least: float = 0.0) -> float:
    """Return the share of the picture that at least six light stripes cover, which stand out by `step` from a dark below `bright`.

    Where fewer lines than the share `least` can be striped, that is not looked into and 0.

    `luminance` is (rows, columns) in cd/m2. Stripes are sought across rows and across columns; slanted ones cross both.
    """
    return max(_across_rows(cells, step, bright, least) for cells in (luminance, np.ascontiguousarray(luminance.T)))


def _across_rows(cells: Cells, step: float, bright: float, least: float) -> float:
    edges = _rises(cells, step, bright)
    edges = edges[np.add.reduce(edges, axis=1) >= LEAST_STRIPES]
    if len(edges) <= least * len(cells):
        return 0.0
    return min(1.0, float(_extents(edges).sum()) / cells.size)


def _rises(cells: Cells, step: float, bright: float) -> Marks:
    """Mark where a light stripe begins in each row."""
    around = np.ones((1, WINDOW), np.uint8)
    most, least = cv2.dilate(cells, around), cv2.erode(cells, around)
    mean = cv2.blur(cells, (WINDOW, 1), borderType=cv2.BORDER_REPLICATE)
    is_light = (cells > mean) & (most - least >= step) & (least < bright)
    rises = is_light.copy()
    rises[:, 1:] &= ~is_light[:, :-1]
    return rises


def _extents(edges: Marks) -> NDArray[np.float64]:
    """Return how many cells of each row stripes that begin at its marks cover, 0 when they are not evenly spaced."""
    rows, starts = np.nonzero(edges)
    gaps = starts[1:] - starts[:-1]
    same = rows[1:] == rows[:-1]
    firsts = np.concatenate(([0], np.flatnonzero(~same) + 1))
    lasts = np.concatenate((firsts[1:], [rows.size])) - 1
    spans = starts[lasts] - starts[firsts]
    mean = spans / (lasts - firsts)
    inner = np.concatenate(([0], np.cumsum(lasts - firsts)[:-1]))
    is_even = np.maximum.reduceat(gaps[same], inner) - np.minimum.reduceat(gaps[same], inner) <= UNEVEN_CELLS + UNEVEN_SHARE * mean
    return np.where(is_even, spans + mean, 0.0)
