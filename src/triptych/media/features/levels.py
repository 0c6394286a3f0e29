"""LEVELS: stretches in which too much of the picture is outside the allowed luma or R, G, B (media 4.3, after EBU R103)."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple, cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.media.display import MATRIX_601, Matrix, matrix_of
from triptych.media.feature import Feature
from triptych.media.measured import Seen
from triptych.media.options import LevelsOptions
from triptych.media.picture import FULL_WHITE, Picture, Plane
from triptych.media.sight import Sight
from triptych.media.spans import Item, bounds

FINE_BITS = 6
"""Bounds are added up in 64ths of an 8-bit code."""

WORST_AREA = 0.1
"""So much outside is as bad as it gets."""

Fine = NDArray[np.int16]


class Outside(NamedTuple):
    """The luma of a picture, in 8-bit codes, and the shares of it outside: in luma, in R, G or B, and in any."""

    least: float
    most: float
    luma: float
    rgb: float
    either: float


class Levels(Feature):
    """Reports stretches of at least `duration` with more than `area` percent outside; a sampled picture speaks for those up to the next."""

    def __init__(self, options: LevelsOptions) -> None:
        super().__init__(options)
        self._options = options
        self._area = options.area / 100
        self._duration = Fraction(str(options.duration))
        self._held: Outside | None = None
        self._run: Run | None = None
        self._totals = Totals()

    def look(self, sight: Sight) -> Outside | None:
        """Measure one of the sampled pictures at full size."""
        if not sight.is_sampled(self._options.sampleHz):
            return None
        return measured(sight.full, matrix_in(sight.frame), self._options)

    def frame(self, seen: Seen, look: Any) -> None:
        """Open, keep or close a run with each sampled picture."""
        if look is not None:
            self._held = Outside(*look)
            self._totals.take(self._held, is_outside=self._held.either > self._area)
            self._go_on(seen.start, self._held)
        if self._held is not None:
            self.judge(seen.start, seen.end, min(1.0, self._held.either / WORST_AREA))

    def rest(self, at: Fraction) -> None:
        """Close the run and keep it if it is long enough."""
        if self._run is not None and at - self._run.start >= self._duration:
            self.found(self._run.item(at))
        self._run, self._held = None, None

    def extras(self) -> dict[str, object]:
        """Return the totals over all that was sampled."""
        return {"levelsTotals": self._totals.item()}

    def _go_on(self, start: Fraction, outside: Outside) -> None:
        if outside.either <= self._area:
            held = self._held
            self.rest(start)
            self._held = held
            return
        if self._run is None:
            self._run = Run(start, outside.least, outside.most)
        self._run.take(outside, self._area)


@dataclass(slots=True)
class Run:
    """A stretch with too much outside."""

    start: Fraction
    least: float
    most: float
    area: float = 0.0
    in_luma: bool = False
    in_rgb: bool = False

    def take(self, outside: Outside, area: float) -> None:
        """Take the next sampled picture; where neither alone is too much, the greater is."""
        self.least, self.most = min(self.least, outside.least), max(self.most, outside.most)
        self.area = max(self.area, outside.either)
        self.in_luma |= outside.luma > area or outside.luma > outside.rgb
        self.in_rgb |= outside.rgb > area or outside.rgb >= outside.luma

    def item(self, end: Fraction) -> Item:
        """Return the stretch for the annotation array."""
        kind = "both" if self.in_luma and self.in_rgb else "luma" if self.in_luma else "rgb"
        measures = {"yMin": round(self.least, 2), "yMax": round(self.most, 2), "areaOutside": round(self.area, 5)}
        return {**measures, "kind": kind, **bounds(self.start, end)}


@dataclass(slots=True)
class Totals:
    """Sums over all sampled pictures."""

    pictures: int = 0
    outside: int = 0
    least: float = math.inf
    most: float = -math.inf
    area: float = 0.0
    worst: float = 0.0

    def take(self, outside: Outside, *, is_outside: bool) -> None:
        """Take the next sampled picture."""
        self.pictures += 1
        self.outside += is_outside
        self.least, self.most = min(self.least, outside.least), max(self.most, outside.most)
        self.area, self.worst = self.area + outside.either, max(self.worst, outside.either)

    def item(self) -> Item:
        """Return them by name; without any picture there are but counts."""
        counts: Item = {"pictures": self.pictures, "picturesOutside": self.outside}
        if not self.pictures:
            return counts
        luma = {"yMin": round(self.least, 2), "yMax": round(self.most, 2)}
        return counts | luma | {"meanAreaOutside": round(self.area / self.pictures, 5), "maxAreaOutside": round(self.worst, 5)}


def matrix_in(frame: av.VideoFrame) -> Matrix:
    """Return the matrix by which the luma of a frame was made; that of R, G, B is made by BT.601 on the way here."""
    return MATRIX_601 if frame.format.is_rgb else matrix_of(frame.colorspace, frame.height)


def measured(picture: Picture, matrix: Matrix, options: LevelsOptions) -> Outside:
    """Return how much of a picture lies outside the bounds; each sample of chroma holds for all luma that it covers."""
    luma, steps = picture.planes[0], picture.steps
    span = picture.white - picture.black
    low, high = (picture.black + percent * span / 100 for percent in (options.lumaMin, options.lumaMax))
    in_luma = cv2.inRange(luma, math.ceil(low * steps), math.floor(high * steps))
    in_rgb = in_rgb_bounds(picture, matrix, options) if len(picture.planes) > 1 else np.full_like(in_luma, 255)
    least, most, _, _ = cv2.minMaxLoc(luma)
    shares = (1 - cv2.countNonZero(mask) / luma.size for mask in (in_luma, in_rgb, cv2.bitwise_and(in_luma, in_rgb)))
    return Outside(least / steps, most / steps, *shares)


def in_rgb_bounds(picture: Picture, matrix: Matrix, options: LevelsOptions) -> NDArray[np.uint8]:
    """Mark with 255 where R, G and B are within bounds: what chroma adds to each tells how much luma there may be."""
    span = picture.white - picture.black
    most, least = added(picture, matrix)
    ceiling, floor = (round((picture.black + percent * span / 100) * (1 << FINE_BITS)) for percent in (options.rgbMax, options.rgbMin))
    coarser = FINE_BITS - (picture.steps.bit_length() - 1)
    highest = (ceiling - most.astype(np.int32)) >> coarser
    lowest = -((least.astype(np.int32) - floor) >> coarser)
    luma = picture.planes[0]
    size = (luma.shape[1], luma.shape[0])
    limits = (np.clip(limit, 0, FULL_WHITE * picture.steps + picture.steps - 1).astype(luma.dtype) for limit in (lowest, highest))
    lower, upper = (cv2.resize(limit, size, interpolation=cv2.INTER_NEAREST) for limit in limits)
    return cast("NDArray[np.uint8]", cv2.inRange(luma, lower, upper))


def added(picture: Picture, matrix: Matrix) -> tuple[Fine, Fine]:
    """Return the most and the least that chroma adds to any of R, G, B, in 64ths of an 8-bit code."""
    tables = _tables(matrix, picture.steps, full=picture.black == 0)
    u, v = picture.planes[1:3]
    to_red, to_blue = _looked_up(tables[0], v), _looked_up(tables[3], u)
    to_green = _looked_up(tables[1], u) + _looked_up(tables[2], v)
    most = cv2.max(cv2.max(to_red, to_green), to_blue)
    least = cv2.min(cv2.min(to_red, to_green), to_blue)
    return cast("Fine", most), cast("Fine", least)


@lru_cache(maxsize=8)
def _tables(matrix: Matrix, steps: int, *, full: bool) -> tuple[Fine, ...]:
    """Return by code: what V adds to R, U and V to G, and U to B."""
    black, white, chroma = (0, 255, 255) if full else (16, 235, 224)
    differences = (np.arange(256 * steps) / steps - 128) / chroma * (white - black) * (1 << FINE_BITS)
    return tuple(np.rint(differences * factor).astype(np.int16) for factor in matrix.from_chroma())


def _looked_up(table: Fine, codes: Plane) -> Fine:
    return cast("Fine", cv2.LUT(codes, table)) if codes.dtype == np.uint8 else np.take(table, codes, mode="clip")
