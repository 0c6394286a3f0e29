"""CROP: where the picture lies between black borders (media 4.3)."""

from collections import deque
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.media.feature import Feature
from triptych.media.measured import Indexed, Seen
from triptych.media.options import CropOptions
from triptych.media.picture import Plane
from triptych.media.sight import QUARTER_TURNS, Sight
from triptych.media.spans import bounds

SAMPLE_HZ = 2
DARK_CODES = 36
SLACK_PIXELS = 2
"""Borders of so few pixels are none, and borders that differ by so few are the same."""

KINDS = {(False, False): "none", (True, False): "letterbox", (False, True): "pillarbox", (True, True): "windowbox"}


class Box(NamedTuple):
    """A part of a picture: columns `left` to `right` and rows `top` to `bottom`, the last ones not included."""

    left: int
    top: int
    right: int
    bottom: int

    def joined(self, other: "Box") -> "Box":
        """Return the least box around both."""
        return Box(min(self.left, other.left), min(self.top, other.top), max(self.right, other.right), max(self.bottom, other.bottom))

    def is_like(self, other: "Box") -> bool:
        """Say whether no side lies elsewhere, but for the slack."""
        return all(abs(mine - its) <= SLACK_PIXELS for mine, its in zip(self, other, strict=True))

    def holds(self, other: "Box") -> bool:
        """Say whether no side of `other` lies outside, but for the slack."""
        return self.joined(other).is_like(self)


class Frame(NamedTuple):
    """A picture's width and height in pixels as shown, and whether that is turned by a quarter from how it is coded."""

    width: int
    height: int
    is_turned: bool


class Evidence(NamedTuple):
    """What one picture shows: everything outside `box` is dark in it."""

    at: Fraction
    box: Box
    frame: Frame


class Crop(Feature):
    """Reports which part of the picture is used; another one must be seen for `hold` seconds before it counts."""

    def __init__(self, options: CropOptions) -> None:
        super().__init__(options)
        self._limit = options.limit
        self._hold = Fraction(str(options.hold))
        self._pixel_aspect = Fraction(1)
        self._reset()

    def begin(self, index: Indexed) -> None:
        """Take the shape of the pixels."""
        self._pixel_aspect = Fraction(*index.video.pixel_aspect) if index.video is not None else Fraction(1)

    def _reset(self) -> None:
        self._start: Fraction | None = None
        self._current: Evidence | None = None
        self._window: deque[Evidence] = deque()

    def look(self, sight: Sight) -> tuple[Box, Frame] | None:
        """Return the box outside of which the mean of each row and each column of luma is below the limit; None for a dark picture."""
        if not sight.is_sampled(SAMPLE_HZ):
            return None
        picture = sight.full
        luma, turn = picture.planes[0], sight.frame.rotation % 360
        if turn in QUARTER_TURNS:
            luma = cast("Plane", cv2.rotate(luma, QUARTER_TURNS[turn]))
        box = bright_box(luma, self._limit * picture.steps, DARK_CODES * picture.steps)
        return None if box is None else (box, Frame(*sight.size, turn % 180 != 0))

    def frame(self, seen: Seen, look: Any) -> None:
        """Weigh the borders of the last seconds against those that hold."""
        self._start = seen.start if self._start is None else self._start
        if look is None:
            return
        now = Evidence(seen.start, Box(*look[0]), Frame(*look[1]))
        known = self._window[-1] if self._window else self._current
        if known is not None and known.frame != now.frame:
            self._close(seen.start)
            self._reset()
            self._start = seen.start
        self._window.append(now)
        if now.at - self._window[0].at >= self._hold:
            self._weigh()
            while self._window and now.at - self._window[0].at >= self._hold:
                self._window.popleft()

    def rest(self, at: Fraction) -> None:
        """Close the last stretch; one without any bright picture is none."""
        self._close(at)
        self._reset()

    def _weigh(self) -> None:
        """Take the box of the window when another one has stood throughout it."""
        evidence, half = list(self._window), len(self._window) // 2
        older, newer = around(evidence[: half + 1]), around(evidence[half:])
        if self._current is None:
            self._current = self._window[0]._replace(box=older.joined(newer))
            return
        held, first = self._current.box, self._window[0]
        found = older.joined(newer)
        begins_here = not held.holds(first.box) or held.holds(found)
        if older.is_like(newer) and begins_here and not found.is_like(held):
            self._close(first.at)
            self._start = first.at
            self._current = first._replace(box=found)

    def _close(self, at: Fraction) -> None:
        if self._current is None and self._window:
            self._current = self._window[-1]._replace(box=around(self._window))
        if self._current is not None and self._start is not None:
            self.found({**described(self._current, self._pixel_aspect), **bounds(self._start, at)})


def bright_box(luma: Plane, limit: float, dark: float) -> Box | None:
    """Return the box outside of which each row and column has a mean below `limit`; None when the whole has one below `dark`."""
    rows = cv2.reduce(luma, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)
    if float(rows.mean()) < dark:
        return None
    columns = cv2.reduce(luma, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)
    (left, right), (top, bottom) = _bright(np.asarray(columns), limit), _bright(np.asarray(rows), limit)
    return Box(left, top, right, bottom)


def _bright(means: NDArray[Any], limit: float) -> tuple[int, int]:
    """Return the first place that reaches `limit` and the one after the last; everything where none does."""
    places = np.flatnonzero(means.ravel() >= limit)
    return (int(places[0]), int(places[-1]) + 1) if places.size else (0, means.size)


def around(evidence: Iterable[Evidence]) -> Box:
    """Return the least box around all that was bright."""
    boxes = [one.box for one in evidence]
    box = boxes[0]
    for other in boxes[1:]:
        box = box.joined(other)
    return box


def described(evidence: Evidence, pixel_aspect: Fraction) -> dict[str, object]:
    """Return the kind of border, the box in pixels and the shape in which it is shown."""
    box, frame = evidence.box, evidence.frame
    left, top = (side if side > SLACK_PIXELS else 0 for side in box[:2])
    right = box.right if frame.width - box.right > SLACK_PIXELS else frame.width
    bottom = box.bottom if frame.height - box.bottom > SLACK_PIXELS else frame.height
    width, height = right - left, bottom - top
    return {
        "kind": KINDS[height < frame.height, width < frame.width],
        "left": left,
        "top": top,
        "width": width,
        "height": height,
        "aspect": round(float(width * (1 / pixel_aspect if frame.is_turned else pixel_aspect) / height), 3),
    }
