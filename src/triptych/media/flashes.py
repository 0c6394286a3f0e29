"""Counts flashes: where cells of a picture rise and fall together, and which stretches hold too many of that (media 4.3 PSE)."""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

STEP = 20.0
"""What makes a change of one cell, in cd/m2, or of redness."""

AREA = 0.25
MOST_CHANGES = 6
"""In a second: those of three flashes, a rise and a fall each."""

ONE_SECOND = Fraction(1)
SLOWEST = Fraction(1, 2)
LONGEST = Fraction(5)
PAIR = 2
GENERAL, EXTENDED = "general", "extended"
SEVERITY = {GENERAL: 1.0, EXTENDED: 0.5}

Cells = NDArray[np.float32]
Marks = NDArray[np.bool_]


class Swings:
    """Follows each cell from rise to fall and tells when more than a quarter of the picture changes alike.

    Which change counts depends on the marks of a cell at one side of it: at its low side (not too bright), or at its high side
    (saturated red).
    """

    def __init__(self, *, marks_high: bool) -> None:
        self._marks_high = marks_high
        self._last: Cells | None = None
        self._level = self._highest = self._lowest = 0.0
        self._direction = 0

    def take(self, values: Cells, marks: Marks) -> float:
        """Return the share of the picture that has changed alike with this picture, 0 as long as that is a quarter or less.

        `values` and `marks` are (rows, columns), or of one cell that stands for all; the very same array again is no change.
        """
        if values is self._last:
            return 0.0
        if self._last is None:
            self._begin(values, marks)
            return 0.0
        self._last = values
        rise, fall = self._changes(values, marks)
        risen, fallen = np.count_nonzero(rise) / rise.size, np.count_nonzero(fall) / fall.size
        return max(self._swing(risen - fallen), min(risen, fallen) if min(risen, fallen) > AREA else 0.0)

    def _begin(self, values: Cells, marks: Marks) -> None:
        self._last = values
        self._peak, self._trough = values, values
        self._peak_mark, self._trough_mark = marks, marks
        self._is_high, self._is_low = np.zeros_like(marks), np.zeros_like(marks)

    def _changes(self, values: Cells, marks: Marks) -> tuple[Marks, Marks]:
        """Return which cells have risen and which have fallen, by a step from the last extreme."""
        rise_counts, fall_counts = (marks, self._peak_mark) if self._marks_high else (self._trough_mark, marks)
        rise = ~self._is_high & rise_counts & (values - self._trough >= STEP)
        fall = ~self._is_low & fall_counts & (self._peak - values >= STEP)
        self._is_high, self._is_low = (self._is_high | rise) & ~fall, (self._is_low | fall) & ~rise
        turned = rise | fall
        higher, lower = turned | (values > self._peak), turned | (values < self._trough)
        self._peak, self._trough = np.where(higher, values, self._peak), np.where(lower, values, self._trough)
        if self._marks_high:
            self._peak_mark = np.where(higher, marks, self._peak_mark)
        else:
            self._trough_mark = np.where(lower, marks, self._trough_mark)
        return rise, fall

    def _swing(self, net: float) -> float:
        """Return how far the share of cells that are up has swung when it turns by more than a quarter, otherwise 0."""
        self._level += net
        self._highest, self._lowest = max(self._highest, self._level), min(self._lowest, self._level)
        for direction, swing in ((1, self._level - self._lowest), (-1, self._highest - self._level)):
            if self._direction != direction and swing > AREA + 1e-9:
                self._direction = direction
                self._highest = self._lowest = self._level
                return swing
        return 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """A rise or fall of `area` of the picture; [start, end) is the picture that shows it, in seconds."""

    start: Fraction
    end: Fraction
    area: float


@dataclass(slots=True, kw_only=True)
class Stretch:
    """Too many flashes over [start, end), at most `rate` a second, over at most `area` of the picture."""

    kind: str
    start: Fraction
    end: Fraction
    rate: float
    area: float


class Flashes:
    """Finds the stretches with more than three flashes in a second, and those of two or three a second for over five seconds."""

    def __init__(self) -> None:
        self._second: deque[Change] = deque(maxlen=MOST_CHANGES + 1)
        self._general: Stretch | None = None
        self._chain = Chain()

    def add(self, change: Change) -> list[Stretch]:
        """Take the next change and return what ended before it."""
        found = [] if self._chain.holds(change) else self._end_chain()
        self._chain.add(change)
        self._second.append(change)
        window = self._crowded(change.end)
        if window is None:
            return found
        found += self._end_chain(before=window.start)
        if self._general is not None and window.start <= self._general.end:
            general = self._general
            general.end, general.rate, general.area = window.end, max(general.rate, window.rate), max(general.area, window.area)
            return found
        found += self._end_general()
        self._general = window
        return found

    def settle(self, now: Fraction) -> list[Stretch]:
        """Return what has ended for good by `now`: over a second ago."""
        found = self._end_general() if self._general is not None and now > self._general.end + ONE_SECOND else []
        return found + (self._end_chain() if self._chain.is_over(now) else [])

    def finish(self) -> list[Stretch]:
        """Return what is still open."""
        return [*self._end_chain(), *self._end_general()]

    def severity(self, end: Fraction) -> float:
        """Return how bad it is in the picture that ends at `end`."""
        if self._crowded(end) is not None:
            return SEVERITY[GENERAL]
        return SEVERITY[EXTENDED] if self._chain.is_long and not self._chain.is_over(end) else 0.0

    def _crowded(self, end: Fraction) -> Stretch | None:
        """Return the last changes when they are too many for the second before `end`."""
        first, last = self._second[0] if self._second else None, self._second[-1] if self._second else None
        if first is None or last is None or len(self._second) <= MOST_CHANGES or end - first.start > ONE_SECOND:
            return None
        rate = float(Fraction(MOST_CHANGES, PAIR) / (last.start - first.start))
        return Stretch(kind=GENERAL, start=first.start, end=last.end, rate=rate, area=max(one.area for one in self._second))

    def _end_general(self) -> list[Stretch]:
        general, self._general = self._general, None
        return [] if general is None else [general]

    def _end_chain(self, before: Fraction | None = None) -> list[Stretch]:
        chain, self._chain = self._chain, Chain()
        return chain.stretches(before)


class Chain:
    """Changes of which no two flashes are slower than two a second."""

    def __init__(self) -> None:
        self._first: Change | None = None
        self._last: deque[Change] = deque(maxlen=PAIR)
        self._count = 0
        self._area = 0.0

    @property
    def is_long(self) -> bool:
        """Whether it goes on for over five seconds."""
        return self._first is not None and self._last[-1].end - self._first.start > LONGEST

    def holds(self, change: Change) -> bool:
        """Say whether a change is close enough to go on with; by less than a picture it may be late."""
        return not self._last or change.start - self._last[0].start <= SLOWEST + change.end - change.start

    def is_over(self, now: Fraction) -> bool:
        """Say whether no change can go on with it any more."""
        return bool(self._last) and now - self._last[-1].end > SLOWEST

    def add(self, change: Change) -> None:
        """Take the next change."""
        self._first = self._first or change
        self._last.append(change)
        self._count += 1
        self._area = max(self._area, change.area)

    def stretches(self, before: Fraction | None) -> list[Stretch]:
        """Return the chain, as far as it lies before `before`, if that is long enough."""
        if self._first is None:
            return []
        first, last = self._first, self._last[-1]
        end = last.end if before is None else min(before, last.end)
        if end - first.start <= LONGEST:
            return []
        rate = float(Fraction(self._count - 1, PAIR) / (last.start - first.start))
        return [Stretch(kind=EXTENDED, start=first.start, end=end, rate=rate, area=self._area)]
