"""FREEZE: stretches in which the picture stands still (media 4.3)."""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.media.feature import Feature
from triptych.media.measured import Seen
from triptych.media.options import FreezeOptions
from triptych.media.picture import Picture
from triptych.media.sight import Sight
from triptych.media.spans import bounds

DRIFT_CODES = 1.0
PULSES = 2
BLACK_CODES = 2
BLACK_SHARE = 0.98

Luma = NDArray[np.uint8]


class Freeze(Feature):
    """Reports runs of at least `duration` in which no picture changes more than noise does, nor drifts from the run's first.

    A lone pulse of at most one code, one change or one there and one back, ends no run: coders repaint a still at every key frame.
    """

    def __init__(self, options: FreezeOptions) -> None:
        super().__init__(options)
        self._noise = options.noise
        self._ignores_black = options.ignoreBlack
        self._duration = Fraction(str(options.duration))
        self._reset()

    def _reset(self) -> None:
        self._run: Run | None = None
        self._change: tuple[float, bool] | None = None
        self._waiting: tuple[Fraction, Fraction] | None = None

    def look(self, sight: Sight) -> tuple[float | None, bool, bool]:
        """Return the mean change of luma to the next picture in codes, whether that is only noise, and whether this picture is black."""
        picture = sight.picture
        change = luma_change(picture, sight.following.picture) if sight.following is not None else None
        is_still = change is not None and change <= self._noise * (picture.white - picture.black)
        is_black = self._ignores_black and picture.share_below(picture.black + BLACK_CODES) >= BLACK_SHARE
        return change, is_still, is_black

    def frame(self, seen: Seen, look: Any) -> None:
        """Continue the run, or end it and begin the next one with this picture."""
        change, is_still, is_black = look
        luma = None if seen.thumb is None or is_black else seen.thumb[0]
        goes_on = self._run is not None and luma is not None and self._change is not None and self._run.add(seen.start, luma, *self._change)
        self._judge_waiting(is_frozen=goes_on)
        if not goes_on:
            self._end_run(seen.start)
            self._run = None if luma is None else Run(seen.start, luma)
        self._waiting = (seen.start, seen.end)
        self._change = None if change is None else (change, is_still)

    def rest(self, at: Fraction) -> None:
        """Close the run at `at`."""
        self._judge_waiting(is_frozen=False)
        self._end_run(at)
        self._reset()

    def _judge_waiting(self, *, is_frozen: bool) -> None:
        """Judge the picture before: it is frozen when it belongs to a run with that before it or with that after it."""
        if self._waiting is not None:
            self.judge(*self._waiting, float(is_frozen or (self._run is not None and self._run.is_still)))

    def _end_run(self, at: Fraction) -> None:
        if self._run is not None and (end := self._run.end(at)) - self._run.start >= self._duration:
            self.found(bounds(self._run.start, end))


class Run:
    """Pictures that stand still, from the first one on."""

    def __init__(self, start: Fraction, luma: Luma) -> None:
        self.start = start
        self.is_still = False
        self._first = luma
        self._pulse: Fraction | None = None
        self._pulses = 0
        self._broken = False

    def add(self, at: Fraction, luma: Luma, change: float, is_still: bool) -> bool:  # noqa: FBT001 - a measurement, as it came
        """Take the picture shown from `at` on, `change` codes after the one before; False when it does not belong to the run."""
        is_lone = is_still or (self.is_still and self._pulses < PULSES and change <= DRIFT_CODES)
        if not is_lone or drift(self._first, luma) > DRIFT_CODES:
            self._broken = not is_still
            return False
        if is_still:
            self._pulses, self._pulse, self.is_still = 0, None, True
        else:
            self._pulses, self._pulse = self._pulses + 1, self._pulse or at
        return True

    def end(self, at: Fraction) -> Fraction:
        """Return where the run ended when the picture at `at` is not part of it: changes just before it were no lone pulse."""
        return self._pulse if self._broken and self._pulse is not None else at


def luma_change(one: Picture, other: Picture) -> float | None:
    """Return the mean absolute change of luma in 8-bit codes, None when the grid is another."""
    mine, its = one.planes[0], other.planes[0]
    if one.steps != other.steps or mine.shape != its.shape:
        return None
    return cv2.norm(mine, its, cv2.NORM_L1) / (mine.size * one.steps)


def drift(first: Luma, luma: Luma) -> float:
    """Return the mean absolute difference of two lumas of thumbs, in codes."""
    return cv2.norm(first, luma, cv2.NORM_L1) / first.size
