"""INTERLACE: how the picture was scanned, by its movement, against what the stream says (media 4.3, after EBU QC field order)."""

from collections import Counter
from fractions import Fraction
from typing import Any

from triptych.media.feature import Feature
from triptych.media.fields import PROGRESSIVE, TELECINE, Fields, compared
from triptych.media.measured import Seen
from triptych.media.options import InterlaceOptions
from triptych.media.sight import Sight
from triptych.media.spans import bounds

WINDOW = Fraction(5)
COLUMNS = 240
"""About so many columns, evenly spread, are looked at in their full height."""

LEAST_VOTES = 2
LEAST_TELECINE = 0.25
"""Three of five phases of 3:2 pulldown tell; the other two look progressive."""

UNDETERMINED = "undetermined"
INTERLACED = "interlaced"
Verdict = tuple[str, str]


class Interlace(Feature):
    """Votes over windows of 5 s, from the start of each segment; windows that touch and agree are one item."""

    def __init__(self, options: InterlaceOptions) -> None:
        super().__init__(options)
        self._sample_hz = options.sampleHz
        self._open: tuple[Verdict, Fraction, Fraction] | None = None
        self._begin_window(None)

    def look(self, sight: Sight) -> tuple[bool, Fields | None] | None:
        """Return whether a sampled picture is flagged as interlaced, and when its fields were taken; None for that where none is alike."""
        if not sight.is_sampled(self._sample_hz):
            return None
        return sight.frame.interlaced_frame, _taken(sight)

    def frame(self, seen: Seen, look: Any) -> None:
        """Count the votes; a window ends with the first picture 5 s after its start."""
        if self._start is None:
            self._begin_window(seen.start)
        elif seen.start - self._start >= WINDOW:
            self._end_window(seen.start)
        if look is not None:
            is_flagged, measures = look
            self._flags[is_flagged] += 1
            self._votes[None if measures is None else Fields(*measures).verdict()] += 1

    def rest(self, at: Fraction) -> None:
        """Close the window and what is open."""
        if self._start is not None:
            self._end_window(at)
        self._tell()
        self._begin_window(None)

    def _begin_window(self, start: Fraction | None) -> None:
        self._start = start
        self._votes: Counter[str | None] = Counter()
        self._flags: Counter[bool] = Counter()

    def _end_window(self, at: Fraction) -> None:
        start = self._start
        if start is not None and self._flags:
            verdict = (elected(self._votes), INTERLACED if self._flags[True] > self._flags[False] else PROGRESSIVE)
            if self._open is not None and self._open[0] == verdict:
                self._open = (verdict, self._open[1], at)
            else:
                self._tell()
                self._open = (verdict, start, at)
        elif self._open is not None:
            self._open = (*self._open[:2], at)
        self._begin_window(at)

    def _tell(self) -> None:
        if self._open is not None:
            (scan, flagged), start, end = self._open
            mismatch = scan != UNDETERMINED and (scan == PROGRESSIVE) != (flagged == PROGRESSIVE)
            self.found({"scan": scan, "flagged": flagged, "mismatch": mismatch, **bounds(start, end)})
        self._open = None


def _taken(sight: Sight) -> Fields | None:
    """Return when the fields of a picture were taken, by the next one."""
    if sight.following is None:
        return None
    now, then = sight.full, sight.following.full
    if now.planes[0].shape != then.planes[0].shape or now.steps != then.steps:
        return None
    every = max(1, now.planes[0].shape[1] // COLUMNS)
    return compared(now.planes[0][:, ::every], then.planes[0][:, ::every], now.steps)


def elected(votes: Counter[str | None]) -> str:
    """Return the scan that a window's votes speak for."""
    decided = Counter({scan: count for scan, count in votes.items() if scan is not None})
    total = decided.total()
    if total < LEAST_VOTES:
        return UNDETERMINED
    if decided[TELECINE] >= LEAST_TELECINE * total:
        return TELECINE
    return max(sorted(scan for scan in decided if scan is not None), key=decided.__getitem__)
