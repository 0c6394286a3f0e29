"""Joins boxes seen in one picture after another into tracks, by overlap and motion; one pass in order of time, no identities."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

UNSEEN = Fraction(1)
"""A track that was not seen for longer is over (media 4.2)."""

LEAST_OVERLAP = 0.25
NEAR = 0.6
"""How far, in sizes of the box, a small quick thing may have moved without its boxes overlapping."""

MOST_GROWTH = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A place in the picture, in fractions of it, and how sure it is."""

    left: float
    top: float
    right: float
    bottom: float
    score: float

    @property
    def middle(self) -> tuple[float, float]:
        """The centre."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def area(self) -> float:
        """The share of the picture."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def moved(self, x: float, y: float) -> "Box":
        """Return the same box elsewhere."""
        return Box(left=self.left + x, top=self.top + y, right=self.right + x, bottom=self.bottom + y, score=self.score)

    def overlap(self, other: "Box") -> float:
        """Return the intersection over the union."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        if wide <= 0 or high <= 0:
            return 0.0
        return wide * high / (self.area + other.area - wide * high)


@dataclass(frozen=True, slots=True)
class Sighted:
    """A box at a time; `until` is when the next look was taken."""

    at: Fraction
    until: Fraction
    box: Box


@dataclass(slots=True)
class Track:
    """One thing as it was seen, in order of time."""

    seen: list[Sighted] = field(default_factory=list)

    @property
    def start(self) -> Fraction:
        """When it was first seen."""
        return self.seen[0].at

    @property
    def end(self) -> Fraction:
        """When it was first looked for in vain."""
        return self.seen[-1].until

    @property
    def score(self) -> float:
        """The mean over all sightings."""
        return sum(one.box.score for one in self.seen) / len(self.seen)

    def expected(self, at: Fraction) -> Box:
        """Return where it should be, moving on as it last did."""
        last = self.seen[-1]
        if len(self.seen) < 2:  # noqa: PLR2004 - motion has two ends
            return last.box
        before = self.seen[-2]
        share = float((at - last.at) / (last.at - before.at))
        (x0, y0), (x1, y1) = before.box.middle, last.box.middle
        return last.box.moved((x1 - x0) * share, (y1 - y0) * share)

    def parted(self, edges: Sequence[Fraction]) -> "Iterator[Track]":
        """Yield the track cut at each of `edges`, in order."""
        part: list[Sighted] = []
        for one in self.seen:
            edge = next((edge for edge in edges if part and part[-1].at < edge <= one.at), None)
            if edge is not None:
                part[-1] = Sighted(part[-1].at, min(part[-1].until, edge), part[-1].box)
                yield Track(part)
                part = []
            part.append(one)
        yield Track(part)


class Tracker:
    """Takes looks in order of time; `rest` ends every track."""

    def __init__(self) -> None:
        self.done: list[Track] = []
        self._open: list[Track] = []
        self._last: tuple[Fraction, list[Box]] | None = None

    def look(self, at: Fraction, boxes: Sequence[Box]) -> None:
        """Take what was seen at `at` seconds."""
        self._settle(at)
        self._last = (at, list(boxes))

    def rest(self, at: Fraction) -> None:
        """End everything at `at`."""
        self._settle(at)
        self._last = None
        self.done += self._open
        self._open = []

    def _settle(self, until: Fraction) -> None:
        """Give the boxes of the last look, which holds until now, to the tracks that they continue best, and begin tracks with the rest."""
        if self._last is None:
            return
        at, boxes = self._last
        self.done += [track for track in self._open if at - track.seen[-1].at > UNSEEN]
        self._open = [track for track in self._open if at - track.seen[-1].at <= UNSEEN]
        free = dict(enumerate(boxes))
        pairs = (
            (_likeness(track.expected(at), box), place, number) for place, track in enumerate(self._open) for number, box in free.items()
        )
        taken: set[int] = set()
        for likeness, place, number in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
            if likeness > 0 and place not in taken and number in free:
                taken.add(place)
                self._open[place].seen.append(Sighted(at, until, free.pop(number)))
        self._open += [Track([Sighted(at, until, box)]) for box in free.values()]


def _likeness(expected: Box, box: Box) -> float:
    """Return how well a box continues a track, 0 for not at all: overlap first, else nearness of boxes of like size."""
    overlap = expected.overlap(box)
    if overlap >= LEAST_OVERLAP:
        return 1 + overlap
    size = math.sqrt(max(expected.area, box.area))
    if size == 0 or max(expected.area, box.area) > MOST_GROWTH**2 * min(expected.area, box.area):
        return 0.0
    (x0, y0), (x1, y1) = expected.middle, box.middle
    return max(0.0, 1 - math.hypot(x1 - x0, y1 - y0) / size / NEAR)


def counts(tracks: Sequence[Track], start: Fraction, end: Fraction) -> list[tuple[int, Fraction, Fraction]]:
    """Return how many tracks there are over [start, end), as contiguous spans of (count, start, end)."""
    edges = sorted({start, end, *(edge for track in tracks for edge in (track.start, track.end) if start < edge < end)})
    spans: list[tuple[int, Fraction, Fraction]] = []
    for begin, until in pairwise(edges):
        count = sum(track.start <= begin < track.end for track in tracks)
        if spans and spans[-1][0] == count:
            spans[-1] = (count, spans[-1][1], until)
        else:
            spans.append((count, begin, until))
    return spans
