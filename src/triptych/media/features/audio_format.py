"""AUDIO_FORMAT: which programme layout the channels carry, in contiguous spans (media 4.2).

A window is 400 ms around each 40 ms hop, cut at silence edges, so a change is found where it happens. A channel is active in a window when
it is in at least half of it. A layout seen in such a window is settled in two steps: 5.1 is remembered over a dip of up to 10 s in
which nothing speaks against it, and any other change between layouts must hold 0.5 s. Cells wait a second before they are
judged, until it is known which channels carry compressed data.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from triptych.media.bursts import DECIDED_AFTER, Rows
from triptych.media.feature import Feature
from triptych.media.features.settling import MEMORY, Reading, Run, Settling
from triptych.media.measured import Bass, Cell, Finished
from triptych.media.options import AudioFormatAlarm, AudioFormatOptions
from triptych.media.spans import Span, bounds

HOP = Fraction(1, 25)
HALF_WINDOW = 5 * HOP
SAME = 0.98
HALF = 0.5
LFE_SHARE = 0.95
FIVE_ONE = 6
FRONT = 2
MOST_PROGRAMME_CHANNELS = 8
LEAST_OF_FIVE_ONE = 4
BITS = {
    "silence": 128,
    "mono": 64,
    "stereo": 32,
    "stereo pairs": 32,
    "stereo sap": 8,
    "5.1": 1,
    "5.1 stereo": 2,
    "stereo 5.1": 4,
    "5.1 sap": 16,
}
"""The bit of each format in the mask of those that are allowed; `compressed` has none."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """What is known in one window: which channels are active, their correlations, and which would pass as LFE (silent or below 200 Hz)."""

    active: Mask
    correlation: NDArray[np.float64]
    lfe: Mask


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
        self._allowed = options.alarmSettings
        self._open: Span | None = None
        self._stretch = Stretch()
        self._bass: deque[Bass] = deque()
        self._waiting: deque[Cell] = deque()
        self._rows = Rows()
        self._carried: deque[Carried] = deque()
        self._unjudged: deque[Carried] = deque()

    def cell(self, cell: Cell) -> None:
        """Take the next cell, and place those for which it is now known what they carry."""
        self._rows.add(cell.bursts)
        self._waiting.append(cell)
        while self._waiting[0].end + DECIDED_AFTER <= cell.end:
            self._place(self._waiting.popleft())

    def bass(self, block: Bass) -> None:
        """Keep the block while a window may still need it."""
        self._bass.append(block)
        while block.start - self._bass[0].start > MEMORY:
            self._bass.popleft()

    def rest(self, at: Fraction) -> None:  # noqa: ARG002 - the cells have said where they end
        """Place the cells that waited, and settle the stretch of sound that was open."""
        while self._waiting:
            self._place(self._waiting.popleft())
        self._close()

    def conclude(self, finished: Finished) -> None:  # noqa: ARG002 - the cells have said where they end
        """Tell the last span."""
        self._tell()

    def _place(self, cell: Cell) -> None:
        """Put a silent cell down as silence, one of data alone as compressed, and any other into the stretch of sound it belongs to."""
        carried = self._rows.carried(cell.start, cell.end)
        active = cell.active
        active[self._excluded[self._excluded < len(active)]] = False
        active[list(carried)] = False
        self._carry(Carried(cell.start, cell.end, carried))
        if active.any():
            for span in self._stretch.add(cell, active, self._lfe):
                self._settle(span)
        else:
            self._close()
            self._settle(Span(cell.start, cell.end, "compressed" if carried else "silence"))

    def _carry(self, cell: Carried) -> None:
        if self.alarm is not None:
            self._unjudged.append(cell)
        last = self._carried[-1] if self._carried else None
        if last is not None and last.end == cell.start and last.channels == cell.channels:
            self._carried[-1] = replace(last, end=cell.end)
        elif cell.channels:
            self._carried.append(cell)

    def _close(self) -> None:
        for span in self._stretch.finish(self._lfe):
            self._settle(span)
        self._stretch = Stretch()

    def _settle(self, span: Span) -> None:
        """Take a span that is certain: tell the alarm, and let it go on as the span before or end that."""
        while self._unjudged and self._unjudged[0].end <= span.end:
            cell = self._unjudged.popleft()
            self.judge(cell.start, cell.end, severity(self._allowed, span.label, cell.channels))
        before = self._open
        if before is not None and before.end == span.start and before.label == span.label:
            self._open = replace(before, end=span.end)
        else:
            self._tell()
            self._open = span

    def _tell(self) -> None:
        """Tell the span that is over; it names the channels, from 1, on which data overlaps it."""
        span, self._open = self._open, None
        if span is None:
            return
        channels = sorted(channel + 1 for channel in self._carried_until(span.end))
        self.found({"audioFormat": span.label, **bounds(span.start, span.end), **({"compressedChannels": channels} if channels else {})})

    def _carried_until(self, end: Fraction) -> frozenset[int]:
        """Return which channels have carried data since the last span and until `end`."""
        channels: frozenset[int] = frozenset()
        while self._carried and self._carried[0].start < end:
            channels |= self._carried[0].channels
            if self._carried[0].end > end:
                self._carried[0] = replace(self._carried[0], start=end)
                break
            self._carried.popleft()
        return channels

    def _lfe(self, start: Fraction, end: Fraction, active: Mask) -> Mask:
        """Return which channels would pass as LFE between `start` and `end`: silent, or with 95 % of the energy below 200 Hz."""
        recent = list(takewhile(lambda block: start < block.end, reversed(self._bass)))
        blocks = [block for block in reversed(recent) if block.start < end]
        if not blocks:
            return ~active
        low, total = (np.sum(parts, axis=0) for parts in zip(*((b.low, b.total) for b in blocks), strict=True))
        return np.asarray(~active | (low >= LFE_SHARE * total))


def severity(allowed: AudioFormatAlarm, label: str, carried: Collection[int]) -> float:
    """Return 1 when a format or a channel, from 0, with compressed data in it is not allowed, else 0 (media 3.4)."""
    bit = BITS.get(label)
    is_allowed = bit is None or bool(bit & allowed.allowableAudioFormat)
    return float(not is_allowed or any(not allowed.allowCompressedAudio >> channel & 1 for channel in carried))


Lfe = Callable[[Fraction, Fraction, Mask], Mask]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the sound of one cell: its summed sample products, and which channels are active in that cell."""

    start: Fraction
    end: Fraction
    length_s: float
    products: NDArray[np.float64]
    active: Mask


class Stretch:
    """Sound between two silences: reads a window around each hop as soon as what it covers is there."""

    def __init__(self) -> None:
        self._start: Fraction | None = None
        self._end = Fraction(0)
        self._sums: deque[Part] = deque()
        self._unread: deque[tuple[Fraction, Fraction]] = deque()
        self._last: tuple[int, Reading] | None = None
        self._settling = Settling()

    def add(self, cell: Cell, active: Mask, lfe: Lfe) -> Iterator[Span]:
        """Take the next cell, which touches the one before, read every window that is complete, and yield what has become certain."""
        self._start = cell.start if self._start is None else self._start
        self._end = cell.end
        self._sums.extend(Part(p.start, p.end, float(p.end - p.start), p.products, active) for p in cell.grains)
        self._unread.append((cell.start, cell.end))
        while self._unread and (_nearest_hop(*self._unread[0]) * HOP + HALF_WINDOW) <= self._end:
            yield from self._read(lfe)

    def finish(self, lfe: Lfe) -> Iterator[Span]:
        """Read what is left and yield the rest of the stretch."""
        while self._unread:
            yield from self._read(lfe)
        yield from self._settling.finish()

    def _read(self, lfe: Lfe) -> Iterator[Span]:
        start, end = self._unread.popleft()
        hop = _nearest_hop(start, end)
        if self._last is None or self._last[0] != hop:
            self._last = (hop, self._reading(hop, lfe))
        yield from self._settling.take(Run(start, end, self._last[1]))

    def _reading(self, hop: int, lfe: Lfe) -> Reading:
        start, end = hop * HOP - HALF_WINDOW, hop * HOP + HALF_WINDOW
        while self._sums and self._sums[0].end <= start:
            self._sums.popleft()
        inside = list(self._sums)
        while inside[-1].start >= end:
            inside.pop()
        share = np.average([part.active for part in inside], axis=0, weights=[part.length_s for part in inside])
        active = np.asarray(share >= min(HALF, share.max()))
        products = np.sum([part.products for part in inside], axis=0)
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


def _nearest_hop(start: Fraction, end: Fraction) -> int:
    return round((start + end) / 2 / HOP)
