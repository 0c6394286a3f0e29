"""AUDIO_FORMAT: which programme layout the channels carry, in contiguous spans (media 4.2).

A window is 400 ms around each 40 ms hop, cut at silence edges, so a change is found where it happens. A channel is active in a window when
it is in at least half of it. A layout seen in such a window is settled in two steps: 5.1 is remembered over a dip of up to 10 s in
which nothing speaks against it, and any other change between layouts must hold 0.5 s. Cells wait a second before they are
judged, until it is known which channels carry compressed data.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from triptych.media.bursts import DECIDED_AFTER, Rows
from triptych.media.feature import Feature
from triptych.media.measured import Bass, Cell
from triptych.media.options import AudioFormatOptions
from triptych.media.spans import Item, Span, bounds, joined

HOP = Fraction(1, 25)
HALF_WINDOW = 5 * HOP
HOLD = Fraction(1, 2)
MEMORY = Fraction(10)
SAME = 0.98
HALF = 0.5
LFE_SHARE = 0.95
FIVE_ONE = 6
FRONT = 2
MOST_PROGRAMME_CHANNELS = 8
LEAST_OF_FIVE_ONE = 4

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """What is known in one window: which channels are active, their correlations, and which would pass as LFE (silent or below 200 Hz)."""

    active: Mask
    correlation: NDArray[np.float64]
    lfe: Mask


@dataclass(frozen=True, slots=True)
class Reading:
    """The layout of one window.

    `five_one` is the channel (from 1) at which 5.1 is seen, or 0; `if_at_1` and `if_at_3` name the layout that it would be if 5.1 were
    known to lie there, None where the table has none.
    """

    label: str
    five_one: int = 0
    if_at_1: str | None = None
    if_at_3: str | None = None

    def remembered(self, place: int) -> str | None:
        """Return the label if 5.1 is known to lie at channel `place`."""
        return self.if_at_1 if place == 1 else self.if_at_3


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring windows that read alike."""

    start: Fraction
    end: Fraction
    reading: Reading


@dataclass(frozen=True, slots=True)
class Carried:
    """Neighbouring cells in which the same channels, from 0, carry compressed data."""

    start: Fraction
    end: Fraction
    channels: frozenset[int]


class AudioFormat(Feature):
    """Names the layout of every cell and joins equal neighbours."""

    def __init__(self, options: AudioFormatOptions) -> None:
        super().__init__(options)
        self._excluded = np.array(options.compressed_channels, np.int64) - 1
        self._spans: list[Span] = []
        self._stretch = Stretch()
        self._bass: deque[Bass] = deque()
        self._waiting: deque[Cell] = deque()
        self._rows = Rows()
        self._carried: list[Carried] = []

    def cell(self, cell: Cell) -> None:
        """Take the next cell, and judge those for which it is now known what they carry."""
        self._rows.add(cell.bursts)
        self._waiting.append(cell)
        while self._waiting[0].end + DECIDED_AFTER <= cell.end:
            self._judge(self._waiting.popleft())

    def bass(self, block: Bass) -> None:
        """Keep the block while a window may still need it."""
        self._bass.append(block)
        while block.start - self._bass[0].start > MEMORY:
            self._bass.popleft()

    def rest(self, at: Fraction) -> None:  # noqa: ARG002 - the cells have said where they end
        """Judge the cells that waited, and settle the stretch of sound that was open."""
        while self._waiting:
            self._judge(self._waiting.popleft())
        self._close()

    def items(self) -> list[Item]:
        """Return the spans, contiguous, equal neighbours merged."""
        return list(_items(joined(self._spans), deque(self._carried)))

    def _judge(self, cell: Cell) -> None:
        """Put a silent cell down as silence, one of data alone as compressed, and any other into the stretch of sound it belongs to."""
        carried = self._rows.carried(cell.start, cell.end)
        active = cell.active
        active[self._excluded[self._excluded < len(active)]] = False
        active[list(carried)] = False
        if carried:
            self._carry(cell, carried)
        if active.any():
            self._stretch.add(cell, active, self._lfe)
        else:
            self._close()
            self._spans = _appended(self._spans, Span(cell.start, cell.end, "compressed" if carried else "silence"))

    def _carry(self, cell: Cell, channels: frozenset[int]) -> None:
        last = self._carried[-1] if self._carried else None
        if last is not None and last.end == cell.start and last.channels == channels:
            self._carried[-1] = replace(last, end=cell.end)
        else:
            self._carried.append(Carried(cell.start, cell.end, channels))

    def _close(self) -> None:
        for span in self._stretch.settle(self._lfe):
            self._spans = _appended(self._spans, span)
        self._stretch = Stretch()

    def _lfe(self, start: Fraction, end: Fraction, active: Mask) -> Mask:
        """Return which channels would pass as LFE between `start` and `end`: silent, or with 95 % of the energy below 200 Hz."""
        blocks = [block for block in self._bass if block.start < end and start < block.end]
        if not blocks:
            return ~active
        low, total = (np.sum(parts, axis=0) for parts in zip(*((b.low, b.total) for b in blocks), strict=True))
        return np.asarray(~active | (low >= LFE_SHARE * total))


Lfe = Callable[[Fraction, Fraction, Mask], Mask]


class Stretch:
    """Sound between two silences: reads a window around each hop as soon as what it covers is there."""

    def __init__(self) -> None:
        self._start: Fraction | None = None
        self._end = Fraction(0)
        self._sums: deque[tuple[Fraction, Fraction, NDArray[np.float64], Mask]] = deque()
        self._unread: deque[tuple[Fraction, Fraction]] = deque()
        self._last: tuple[int, Reading] | None = None
        self._runs: list[Run] = []

    def add(self, cell: Cell, active: Mask, lfe: Lfe) -> None:
        """Take the next cell, which touches the one before, and read every window that has become complete."""
        self._start = cell.start if self._start is None else self._start
        self._end = cell.end
        self._sums.extend((piece.start, piece.end, piece.products, active) for piece in cell.grains)
        self._unread.append((cell.start, cell.end))
        while self._unread and (_nearest_hop(*self._unread[0]) * HOP + HALF_WINDOW) <= self._end:
            self._read(lfe)

    def settle(self, lfe: Lfe) -> list[Span]:
        """Read what is left and return the spans of the whole stretch."""
        while self._unread:
            self._read(lfe)
        return held(remembered(self._runs))

    def _read(self, lfe: Lfe) -> None:
        start, end = self._unread.popleft()
        hop = _nearest_hop(start, end)
        if self._last is None or self._last[0] != hop:
            self._last = (hop, self._reading(hop, lfe))
        reading = self._last[1]
        if self._runs and self._runs[-1].reading == reading:
            self._runs[-1] = replace(self._runs[-1], end=end)
        else:
            self._runs.append(Run(start, end, reading))

    def _reading(self, hop: int, lfe: Lfe) -> Reading:
        start, end = hop * HOP - HALF_WINDOW, hop * HOP + HALF_WINDOW
        while self._sums and self._sums[0][1] <= start:
            self._sums.popleft()
        inside = [part for part in self._sums if part[0] < end]
        lengths = np.array([float(until - since) for since, until, _, _ in inside])
        share = np.average([active for *_, active in inside], axis=0, weights=lengths)
        active = np.asarray(share >= min(HALF, share.max()))
        products = np.sum([products for _, _, products, _ in inside], axis=0)
        return read(Window(active, correlations(products), lfe(start, end, active)))


def correlations(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the zero-lag correlation of each two channels, -1..1, from their summed sample products; 0 where one has no energy."""
    scale = np.sqrt(np.outer(np.diag(products), np.diag(products)))
    return np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)


def read(window: Window) -> Reading:
    """Return the layout of one window by the table of media 4.2."""
    active = np.flatnonzero(window.active)
    if np.all(window.correlation[np.ix_(active, active)][~np.eye(len(active), dtype=bool)] >= SAME):
        return Reading("mono")
    at_1, at_3 = _with_five_one(window, 1), _with_five_one(window, 3)
    place = next((place for place, label in ((1, at_1), (3, at_3)) if label and _is_five_one(window, place)), 0)
    label = {0: _without_five_one(window), 1: at_1, 3: at_3}[place]
    return Reading(label or "", place, at_1, at_3)


def _is_five_one(window: Window, place: int) -> bool:
    first = place - 1
    group = window.active[first : first + FIVE_ONE]
    return bool(group[2] and group.sum() >= LEAST_OF_FIVE_ONE)


def _with_five_one(window: Window, place: int) -> str | None:
    """Return the label when 5.1 lies at `place`; None when its LFE speaks against it or the rest makes no layout of the table."""
    if len(window.active) < place - 1 + FIVE_ONE or not window.lfe[place + 2]:
        return None
    others = np.flatnonzero(window.active)
    others = others[(others < place - 1) | (others >= place - 1 + FIVE_ONE)]
    mono, stereo = _programmes(window, others)
    if place == 1:
        return {(0, 0): "5.1", (0, 1): "5.1 stereo", (1, 0): "5.1 sap"}.get((mono, stereo)) if _on_7_8(others) else None
    return "stereo 5.1" if (mono, stereo) == (0, 1) and others.max() < FRONT else None


def _on_7_8(others: NDArray[np.int64]) -> bool:
    return bool(np.all(others < MOST_PROGRAMME_CHANNELS))


def _without_five_one(window: Window) -> str:
    mono, stereo = _programmes(window, np.flatnonzero(window.active))
    return {(0, 1): "stereo", (1, 1): "stereo sap"}.get((mono, stereo), "stereo pairs")


def _programmes(window: Window, channels: NDArray[np.int64]) -> tuple[int, int]:
    """Return how many pairs of `channels` carry a mono programme (one channel, or two alike) and how many a stereo one."""
    mono = stereo = 0
    for pair in sorted({int(channel) // 2 for channel in channels}):
        left, right = 2 * pair, 2 * pair + 1
        if left in channels and right in channels and window.correlation[left, right] < SAME:
            stereo += 1
        else:
            mono += 1
    return mono, stereo


def remembered(runs: Sequence[Run]) -> list[Span]:
    """Return the runs as labels, with dips of 5.1 filled: at most 10 s long, 5.1 at the same place after it, nothing against it within."""
    labels = [run.reading.label for run in runs]
    last: int | None = None
    for number, run in enumerate(runs):
        place = run.reading.five_one
        if not place:
            continue
        if last is not None and runs[last].reading.five_one == place and run.start - runs[last].end <= MEMORY:
            dip = [other.reading.remembered(place) for other in runs[last + 1 : number]]
            if None not in dip:
                labels[last + 1 : number] = [label or "" for label in dip]
        last = number
    return joined(Span(run.start, run.end, label) for run, label in zip(runs, labels, strict=True))


def held(spans: Sequence[Span]) -> list[Span]:
    """Return the spans of one stretch with every change that does not hold 0.5 s taken back."""
    return joined(_held(spans))


def _held(spans: Sequence[Span]) -> Iterator[Span]:
    label = spans[0].label if spans else ""
    for span in spans:
        if span.end - span.start >= HOLD:
            label = span.label
        yield replace(span, label=label)


def _items(spans: Sequence[Span], carried: deque[Carried]) -> Iterator[Item]:
    """Yield each span as it is told; those that overlap compressed data name its channels, from 1."""
    for span in spans:
        item: Item = {"audioFormat": span.label, **bounds(span.start, span.end)}
        channels: set[int] = set()
        while carried and carried[0].start < span.end:
            if carried[0].end > span.start:
                channels |= carried[0].channels
            if carried[0].end > span.end:
                break
            carried.popleft()
        yield {**item, "compressedChannels": sorted(channel + 1 for channel in channels)} if channels else item


def _nearest_hop(start: Fraction, end: Fraction) -> int:
    return round((start + end) / 2 / HOP)


def _appended(spans: list[Span], span: Span) -> list[Span]:
    spans[-1:] = joined([*spans[-1:], span])
    return spans
