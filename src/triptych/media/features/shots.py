"""SHOT_CHANGE_DETECTION, builtin/stable: hard cuts with a flash veto, and gradual transitions (media 4.2)."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.media.feature import Feature
from triptych.media.measured import Seen
from triptych.media.options import ShotOptions
from triptych.media.picture import THUMB_WIDTH
from triptych.media.spans import bounds

CUT_CODES = 18.0
CUT_RATIO = 3.0
FLASH_CODES = 9.0
FLAT_CODES = 4.0
RESIDUAL = 0.25
LENGTHS = (6, 8, 10, 12, 14, 16, 19, 22, 26, 30, 35, 40, 46, 52, 60)
"""Lengths of transition that are tried, in frames, 6 to 60; a transition between two of them is found by its neighbour."""

LONGEST = LENGTHS[-1]
OTHER_SCENE, SAME_SCENE = 0.5, 0.7
"""Ends that correlate less are two scenes, and those that correlate more one that moves: slow movement is nearly a linear mix, too."""

UNREST_RATIO = 1.5
"""In between, a mix must change the picture this much more than what comes before and after it does."""

NEIGHBOURS = 2

Thumb = NDArray[np.uint8]
"""The three planes of a small picture below each other, (81, 48) codes."""


@dataclass(frozen=True)
class Look:
    """One picture as this detector keeps it: `change` is that from the picture before it."""

    number: int
    start: Fraction
    thumb: Thumb
    change: float

    @cached_property
    def is_flat(self) -> bool:
        """Whether it is of one colour."""
        return is_flat(self.thumb)

    @cached_property
    def relief(self) -> NDArray[np.float32]:
        """The thumb less the mean of each plane, of length 1: the product of two is their correlation."""
        planes = self.thumb.reshape(3, -1).astype(np.float32)
        relief = (planes - planes.mean(axis=1, keepdims=True)).ravel()
        return np.asarray(relief / max(1.0, float(np.linalg.norm(relief))))


@dataclass(frozen=True, slots=True)
class Gradual:
    """A stretch of pictures that mixes its first into its last; `score` is how far they differ less how badly the mix fits."""

    first: Look
    last: Look
    score: float


class Shots(Feature):
    """Finds the first picture of every shot."""

    def __init__(self, options: ShotOptions) -> None:
        super().__init__(options)
        self._flash = Fraction(str(options.minShotLength))
        self._reset()

    def _reset(self) -> None:
        self._start: Fraction | None = None
        self._count = 0
        self._recent: deque[Look] = deque(maxlen=2 * NEIGHBOURS + 2)
        self._cuts = Cuts(self._flash)
        self._graduals = Graduals()

    def frame(self, seen: Seen, look: object = None) -> None:  # noqa: ARG002 - it subscribes to none
        """Judge the picture two before this one: it now has its neighbours."""
        if seen.thumb is None:
            return
        self._start = seen.start if self._start is None else self._start
        self._recent.append(Look(self._count, seen.start, seen.thumb.reshape(-1, THUMB_WIDTH), seen.change or 0.0))
        self._count += 1
        if self._count > NEIGHBOURS:
            self._judge(len(self._recent) - 1 - NEIGHBOURS)

    def rest(self, at: Fraction) -> None:
        """Close the last shot at `at` and begin anew after the gap."""
        for start, end in self.close(at):
            self.found(bounds(start, end))

    def close(self, at: Fraction) -> list[tuple[Fraction, Fraction]]:
        """Return the shots up to `at`, in seconds, and begin anew."""
        if self._start is None:
            return []
        for position in range(max(0, len(self._recent) - NEIGHBOURS), len(self._recent)):
            self._judge(position)
        edges = sorted({self._start, *self._cuts.finish(), *self._graduals.finish()})
        self._reset()
        return list(zip(edges, [*edges[1:], at], strict=True))

    def _judge(self, position: int) -> None:
        look = self._recent[position]
        before = self._recent[position - 1] if position else None
        is_cut = before is not None and self._is_cut(position)
        if is_cut and before is not None:
            self._cuts.add(before, look)
        self._cuts.pass_by(look)
        self._graduals.add(look, after_cut=is_cut)

    def _is_cut(self, position: int) -> bool:
        change = self._recent[position].change
        if change < CUT_CODES:
            return False
        places = (position - 2, position - 1, position + 1, position + 2)
        around = [self._recent[place].change for place in places if 0 <= place < len(self._recent) and self._recent[place].number > 0]
        return not around or change >= CUT_RATIO * sum(around) / len(around)


class Cuts:
    """Hard cuts, less those that two by two enclose a flash: close together, and the same scene before the first and after the second."""

    def __init__(self, flash: Fraction) -> None:
        self._flash = flash
        self._open: tuple[Look, Look] | None = None
        self._found: list[Fraction] = []

    def add(self, before: Look, first: Look) -> None:
        """Take a cut between two neighbouring pictures."""
        if self._open is not None and first.start - self._open[1].start <= self._flash and self._is_flash(first):
            self._open = None
            return
        self._settle()
        self._open = (before, first)

    def pass_by(self, look: Look) -> None:
        """Settle a cut that is too old to belong to a flash."""
        if self._open is not None and look.start - self._open[1].start > self._flash:
            self._settle()

    def finish(self) -> list[Fraction]:
        """Return the start of each shot that begins with a cut."""
        self._settle()
        return self._found

    def _is_flash(self, after: Look) -> bool:
        return self._open is not None and difference(self._open[0].thumb, after.thumb) < FLASH_CODES

    def _settle(self) -> None:
        if self._open is not None:
            self._found.append(self._open[1].start)
        self._open = None


class Graduals:
    """Dissolves and fades of 6 to 60 pictures; none spans a hard cut. Looks 60 pictures behind, so that both sides are known."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque(maxlen=3 * LONGEST + 1)
        self._starts: deque[tuple[int, Fraction]] = deque(maxlen=6 * LONGEST)
        self._tried = -1
        self._best: Gradual | None = None
        self._faded: Gradual | None = None
        self._found: list[Fraction] = []

    def add(self, look: Look, *, after_cut: bool) -> None:
        """Take the next picture, and try the transitions that end 60 pictures before it."""
        if after_cut:
            self._end_shot()
        self._looks.append(look)
        self._starts.append((look.number, look.start))
        if len(self._looks) > LONGEST:
            self._try(len(self._looks) - 1 - LONGEST)

    def finish(self) -> list[Fraction]:
        """Return the middle picture of each transition."""
        self._end_shot()
        return self._found

    def _end_shot(self) -> None:
        for place, look in enumerate(self._looks):
            if look.number > self._tried:
                self._try(place)
        self._close()
        self._keep_faded()
        self._looks.clear()

    def _try(self, end: int) -> None:
        number = self._looks[end].number
        self._tried = number
        for length in LENGTHS:
            gradual = fitted(self._looks, end - length, end) if length <= end else None
            if gradual is not None:
                self._offer(gradual)
        if self._best is not None and number - self._best.last.number > LONGEST:
            self._close()
        if self._faded is not None and number - self._faded.last.number > 3 * LONGEST:
            self._keep_faded()

    def _offer(self, candidate: Gradual) -> None:
        if self._best is None or candidate.first.number >= self._best.last.number:
            self._close()
            self._best = candidate
        elif candidate.score > self._best.score:
            self._best = candidate

    def _close(self) -> None:
        """Take the best candidate as found, or join it with the fade to a flat colour that it comes out of."""
        best, self._best = self._best, None
        if best is None:
            return
        fade = self._faded
        if fade is not None and best.first.is_flat and best.last.number - fade.first.number <= LONGEST:
            self._faded = None
            if difference(fade.first.thumb, best.last.thumb) >= CUT_CODES:
                self._find(fade.first, best.last)
            return
        self._keep_faded()
        if best.last.is_flat:
            self._faded = best
        else:
            self._find(best.first, best.last)

    def _keep_faded(self) -> None:
        if self._faded is not None:
            self._find(self._faded.first, self._faded.last)
        self._faded = None

    def _find(self, first: Look, last: Look) -> None:
        middle = (first.number + last.number) // 2
        self._found.append(next(start for number, start in self._starts if number >= middle))


def fitted(looks: Sequence[Look], begin: int, end: int) -> Gradual | None:
    """Return the transition between two places, or None when its ends do not differ as a cut does or it is no linear mix of them.

    The middle and the rest around it are tried first: almost everything that is no transition fails there.
    """
    first, last, length = looks[begin], looks[end], end - begin
    apart = difference(first.thumb, last.thumb)
    most = RESIDUAL * apart
    if apart < CUT_CODES or _residual(looks, begin, end, length // 2) > most or _is_movement(looks, begin, end, apart):
        return None
    worst = 0.0
    for place in range(1, length):
        worst = max(worst, _residual(looks, begin, end, place))
        if worst > most:
            return None
    return Gradual(first, last, apart - worst / RESIDUAL)


def _residual(looks: Sequence[Look], begin: int, end: int, place: int) -> float:
    """Return how far the picture `place` after `begin` is from the mix of the ends that a linear transition would show there."""
    share = place / (end - begin)
    mix: Thumb = cv2.addWeighted(looks[begin].thumb, 1 - share, looks[end].thumb, share, 0).astype(np.uint8, copy=False)
    return difference(looks[begin + place].thumb, mix)


def _is_movement(looks: Sequence[Look], begin: int, end: int, apart: float) -> bool:
    """Say whether the ends show one scene that moves rather than two; of a flat picture only the rest around it can tell."""
    first, last = looks[begin], looks[end]
    if not (first.is_flat or last.is_flat):
        likeness = float(first.relief @ last.relief)
        if not OTHER_SCENE <= likeness < SAME_SCENE:
            return likeness >= SAME_SCENE
    return apart < UNREST_RATIO * _unrest(looks, begin, end)


def _unrest(looks: Sequence[Look], begin: int, end: int) -> float:
    """Return the mean change over as many pictures before and after, drawn out where there are fewer, at least 6.

    A flat end is at rest whatever lies beyond it. Without any neighbour everything may be one long movement.
    """
    length = end - begin
    before, after = min(length, begin), min(length, len(looks) - 1 - end)
    sides = [(looks[begin], looks[begin - before], before), (looks[end], looks[end + after], after)]
    changes = [
        0.0 if near.is_flat else difference(near.thumb, far.thumb) * length / count
        for near, far, count in sides
        if count >= LENGTHS[0] or near.is_flat
    ]
    return sum(changes) / len(changes) if changes else math.inf


def difference(one: Thumb, other: Thumb) -> float:
    """Return the mean absolute difference of two thumbs, Y plus U plus V, in codes."""
    return float(cv2.norm(one, other, cv2.NORM_L1)) * 3 / one.size


def is_flat(thumb: Thumb) -> bool:
    """Say whether each plane of a thumb is of one colour."""
    return bool(np.all(thumb.reshape(3, -1).std(axis=1) <= FLAT_CODES))
