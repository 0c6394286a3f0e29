"""Where the drawn figure really walked, beside where the camera saw it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triptych.media.world import default_cast

FIGURES = 2
SEARCHED_S = 20.0
LONGEST_S = 60.0
STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk as it was seen and as it was, in degrees of pan from home, and how far apart the two were (root mean square)."""

    seen_deg: tuple[float, ...]
    true_deg: tuple[float, ...]
    apart_deg: float


def match(seen: Sequence[tuple[float, float]]) -> Walk | None:
    """Lay what was seen, as (time in seconds, pan in degrees), on the way of the figure that fits best; None where too little was seen.

    The world's own time is not told over HTTP, so the moment at which it began is the one number that is fitted.
    """
    if len(seen) <= 1:
        return None
    times, pans = (np.array(column) for column in zip(*seen, strict=True))
    grid = np.arange(0.0, SEARCHED_S + LONGEST_S, STEP_S)
    paths = [_path(number, grid) for number in range(FIGURES)]
    ways = [np.interp(times - times[0] + began_s, grid, path) for path in paths for began_s in np.arange(0.0, SEARCHED_S, STEP_S)]
    best = min(ways, key=lambda way: _apart(pans, way))
    return Walk(tuple(map(float, pans)), tuple(map(float, best)), _apart(pans, best))


def _path(number: int, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    path = default_cast(FIGURES)[number].path
    return np.array([path(moment) for moment in grid], dtype=np.float64)


def _apart(seen: NDArray[np.float64], way: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((seen - way) ** 2)))
