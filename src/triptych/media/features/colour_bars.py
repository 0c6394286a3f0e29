"""COLOUR_BARS: stretches of a known colour-bar signal (media 4.3, after BT.471 and RP 219)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import cv2

from triptych.media.display import MATRIX_601, MATRIX_709, MATRIX_2020, Matrix
from triptych.media.feature import Feature
from triptych.media.measured import Seen
from triptych.media.options import ColourBarsOptions
from triptych.media.picture import FULL_WHITE, Picture, Plane
from triptych.media.sight import Sight
from triptych.media.spans import bounds

TOP, BOTTOM = 0.05, 0.55
"""Where in the height the stripes are looked at: they reach 58 % at least."""

MARGIN = 0.25
"""Of a stripe's width, at each side, into which its neighbour may bleed."""

FLAT_CODES = 6.0
HUE_DEGREES = 10.0
LEVEL_SHARE = 0.08
FIRST = (0.04, 0.09)
"""What lies within the first stripe of every pattern, as shares of the width: most pictures are not flat there."""

LEAST_FIRST = 0.3
"""The luma of the first stripe of any pattern, white or grey, is above this."""

PRIMARIES = ((1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0))
"""White, yellow, cyan, green, magenta, red, blue, black as R, G, B."""


class Colour(NamedTuple):
    """Luma from black 0 to white 1, and the two differences of colour, each from -0.5 to 0.5."""

    luma: float
    u: float
    v: float

    def is_like(self, known: "Colour") -> bool:
        """Say whether this may be the known colour."""
        mine, its = math.hypot(self.u, self.v), math.hypot(known.u, known.v)
        if abs(self.luma - known.luma) > LEVEL_SHARE or abs(mine - its) > LEVEL_SHARE:
            return False
        turn = math.degrees(math.atan2(self.v, self.u) - math.atan2(known.v, known.u))
        return its <= LEVEL_SHARE or abs((turn + 180) % 360 - 180) <= HUE_DEGREES


Edges = tuple[float, ...]
"""Where the stripes lie, as shares of the width: each ends where the next begins."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A known signal: its stripes as R, G, B from 0 to 1."""

    name: str
    edges: Edges
    stripes: tuple[tuple[float, float, float], ...]

    def colours(self, matrix: Matrix) -> list[Colour]:
        """Return the stripes as a matrix codes them."""
        return [_coded(*stripe, matrix) for stripe in self.stripes]


def _coded(red: float, green: float, blue: float, matrix: Matrix) -> Colour:
    luma = matrix.red * red + matrix.green * green + matrix.blue * blue
    return Colour(luma, (blue - luma) / (2 - 2 * matrix.blue), (red - luma) / (2 - 2 * matrix.red))


def _bars(white: float, level: float, count: int) -> tuple[tuple[float, float, float], ...]:
    colours = tuple((red * level, green * level, blue * level) for red, green, blue in PRIMARIES[1:count])
    return (white, white, white), *colours


EIGHTHS = tuple(place / 8 for place in range(9))
SEVENTHS = tuple(place / 7 for place in range(8))
WITHIN = (0.0, *(1 / 8 + place * 3 / 28 for place in range(8)), 1.0)
GREY = (0.4, 0.4, 0.4)
PATTERNS = (
    Pattern("ebu_75", EIGHTHS, _bars(1.0, 0.75, 8)),
    Pattern("ebu_75", EIGHTHS, _bars(0.75, 0.75, 8)),
    Pattern("ebu_100", EIGHTHS, _bars(1.0, 1.0, 8)),
    Pattern("smpte_sd", SEVENTHS, _bars(0.75, 0.75, 7)),
    Pattern("smpte_hd", WITHIN, (GREY, *_bars(0.75, 0.75, 7), GREY)),
)
KNOWN = {
    edges: [(it.name, it.colours(matrix)) for it in PATTERNS if it.edges == edges for matrix in (MATRIX_709, MATRIX_601, MATRIX_2020)]
    for edges in (EIGHTHS, SEVENTHS, WITHIN)
}


class ColourBars(Feature):
    """Reports runs of at least `duration` of pictures with the same bars."""

    def __init__(self, options: ColourBarsOptions) -> None:
        super().__init__(options)
        self._duration = Fraction(str(options.duration))
        self._run: tuple[str, Fraction] | None = None

    def look(self, sight: Sight) -> str | None:
        """Return the name of the bars that the picture shows, None for none."""
        return pattern_of(sight.picture)

    def frame(self, seen: Seen, look: str | None) -> None:
        """Open, keep or close a run."""
        if self._run is not None and self._run[0] != look:
            self.rest(seen.start)
        if look is not None and self._run is None:
            self._run = (look, seen.start)
        self.judge(seen.start, seen.end, float(look is not None))

    def rest(self, at: Fraction) -> None:
        """Close the run and keep it if it is long enough."""
        if self._run is not None and at - self._run[1] >= self._duration:
            self.found({"pattern": self._run[0], **bounds(self._run[1], at)})
        self._run = None


def pattern_of(picture: Picture) -> str | None:
    """Return the name of the known bars that a picture shows, None for none."""
    if _flat(picture.planes[0], *FIRST, picture.steps) is None:
        return None
    for edges, patterns in KNOWN.items():
        shown = list(flat_stripes(picture, edges))
        for name, colours in patterns:
            if len(shown) == len(colours) and all(one.is_like(known) for one, known in zip(shown, colours, strict=True)):
                return name
    return None


def flat_stripes(picture: Picture, edges: Edges) -> Iterator[Colour]:
    """Yield the colours of the stripes between `edges`, from the left, up to one that is not flat, a dark first one or a repeated one."""
    span = picture.white - picture.black
    chroma_span = FULL_WHITE if picture.black == 0 else 224
    before: Colour | None = None
    for left, right in pairwise(edges):
        margin = MARGIN * (right - left)
        codes: list[float] = []
        for plane, zero, whole in zip(picture.planes, (picture.black, 128, 128), (span, chroma_span, chroma_span), strict=True):
            code = _flat(plane, left + margin, right - margin, picture.steps)
            if code is None:
                return
            codes.append((code - zero) / whole)
        colour = Colour(*codes)
        if colour.luma < LEAST_FIRST if before is None else colour.is_like(before):
            return
        yield colour
        before = colour


def _flat(plane: Plane, left: float, right: float, steps: int) -> float | None:
    """Return the mean 8-bit code of a stripe of a plane, None when it is not flat."""
    rows, columns = plane.shape
    patch = plane[round(rows * TOP) : round(rows * BOTTOM), math.ceil(columns * left) : int(columns * right)]
    if not patch.size:
        return None
    middle = cv2.mean(patch)[0]
    least, most, _, _ = cv2.minMaxLoc(patch)
    return middle / steps if max(most - middle, middle - least) <= FLAT_CODES * steps else None
