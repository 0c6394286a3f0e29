"""Which programmes a file's channels carry, by AUDIO_FORMAT's pairing: where 5.1 lies, and pairs of what is left (media 4.2, 4.3)."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from triptych.media.features.audio_format import (
    FIVE_ONE,
    HALF,
    HALF_WINDOW,
    LFE_SHARE,
    MOST_PROGRAMME_CHANNELS,
    SAME,
    Window,
    correlations,
    read,
)
from triptych.media.measured import AudioFacts, Bass, Cell

WINDOW = 2 * HALF_WINDOW
LEAST_S = 0.4
LONGEST_BATCH = Fraction(60)
FIVE_ZERO = 5
LFE = 3
SURROUND_WEIGHT = 1.41
FIVE_ONE_WEIGHTS = (1.0, 1.0, 1.0, 0.0, SURROUND_WEIGHT, SURROUND_WEIGHT)
PLACES = (1, 3)
SURROUND = ("5.1", "5.0", "6 channels", "5 channels")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Programme:
    """Channels, from 0, that are heard together, with the weight of each in loudness; `place` is the channel, from 1, of 5.1, else 0."""

    channels: tuple[int, ...]
    weights: tuple[float, ...]
    place: int = 0


def candidates(channels: int) -> list[Programme]:
    """Return every programme that so many channels can carry: pairs, then 5.1 at 1 and at 3; five channels are 5.1 without its LFE."""
    pairs = [tuple(range(first, min(first + 2, channels))) for first in range(0, channels, 2)]
    found = [Programme(pair, (1.0,) * len(pair)) for pair in pairs]
    if channels == FIVE_ZERO:
        return [*found, Programme(tuple(range(FIVE_ZERO)), tuple(weight for weight in FIVE_ONE_WEIGHTS if weight), 1)]
    groups = [(place, tuple(range(place - 1, place - 1 + FIVE_ONE))) for place in PLACES]
    return [*found, *(Programme(group, FIVE_ONE_WEIGHTS, place) for place, group in groups if group[-1] < channels)]


def declared_place(streams: Sequence[AudioFacts]) -> int:
    """Return the channel, from 1, at which a stream says that 5.1 or 5.0 begins; 0 where none does.

    A stream of five or six channels that says nothing is taken for that.
    """
    first = 1
    for stream in streams:
        if first in PLACES and stream.layout.startswith(SURROUND):
            return first
        first += stream.channels
    return 0


class Programmes:
    """Follows the cells, and tells at any time which of the candidates are programmes.

    5.1 lies where more windows of 400 ms show it than speak against it, and at the `declared` channel while all read as mono; what is left
    are pairs; so are the channels from 9 on. A programme has been active for 400 ms in all.
    """

    def __init__(self, channels: int, declared: int = 0) -> None:
        self._declared = declared
        self.candidates = candidates(channels)
        self._active_s = np.zeros(channels)
        self._products = np.zeros((channels, channels))
        self._votes = dict.fromkeys(PLACES, 0)
        self._against = dict.fromkeys(PLACES, 0)
        self._is_told = False
        self._window = _Sums(channels) if channels >= FIVE_ZERO else None
        self._bass: deque[Bass] = deque()

    def bass(self, block: Bass) -> None:
        """Keep the block until the window that it lies in is read."""
        self._bass.append(block)
        while block.start - self._bass[0].start > LONGEST_BATCH:
            self._bass.popleft()

    def add(self, cell: Cell, active: Mask) -> None:
        """Take the next cell and which of its channels count as active."""
        length_s = float(cell.end - cell.start)
        products = np.sum([piece.products for piece in cell.grains], axis=0)
        if active.any():
            self._products += products * active * active[:, None]
            self._active_s += active * length_s
        if self._window is not None:
            self._window.add(cell, np.asarray(active * length_s), products)
            if self._window.is_full:
                self._vote(self._window)
                self._window = _Sums(len(active))

    def found(self) -> list[int]:
        """Return the numbers of the candidates that are programmes, in order of their first channel."""
        place = self._place()
        active = self._active_s >= LEAST_S
        taken: set[int] = set()
        numbers = []
        for number in sorted(range(len(self.candidates)), key=lambda number: -self.candidates[number].place):
            programme = self.candidates[number]
            if programme.place in {0, place} and active[list(programme.channels)].any() and taken.isdisjoint(programme.channels):
                taken |= set(programme.channels)
                numbers.append(number)
        return sorted(numbers, key=lambda number: self.candidates[number].channels)

    def name(self, number: int) -> str:
        """Return what a candidate is: 5.1, 5.0, stereo, or mono when one channel sounds or both sound alike."""
        programme = self.candidates[number]
        if programme.place:
            return "5.1" if len(programme.channels) == FIVE_ONE else "5.0"
        heard = [channel for channel in programme.channels if self._active_s[channel] >= LEAST_S]
        if len(heard) < 2:  # noqa: PLR2004 - a pair
            return "mono"
        return "mono" if correlations(self._products[np.ix_(heard, heard)])[0, 1] >= SAME else "stereo"

    def _place(self) -> int:
        if not self._is_told:
            return self._declared
        ahead = [place for place in PLACES if self._votes[place] > self._against[place]]
        return max(ahead, key=lambda place: (self._votes[place], -place), default=0)

    def _vote(self, window: "_Sums") -> None:
        low, total = self._low(window.start, window.end)
        if not window.active_s[:MOST_PROGRAMME_CHANNELS].any():
            return
        reading = read(window.read(low, total))
        if reading.label == "mono":
            return
        self._is_told = True
        for place, label in zip(PLACES, (reading.if_at_1, reading.if_at_3), strict=True):
            self._votes[place] += reading.five_one == place
            self._against[place] += label is None

    def _low(self, start: Fraction, end: Fraction) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the energy below 200 Hz and in all over [start, end), and forget what lies before `end`."""
        channels = len(self._active_s)
        low, total = np.zeros(channels), np.zeros(channels)
        for block in list(self._until(end)):
            if block.end > start:
                low, total = low + block.low, total + block.total
            if block.end <= end:
                self._bass.popleft()
        return low, total

    def _until(self, end: Fraction) -> Iterator[Bass]:
        return (block for block in self._bass if block.start < end)


class _Sums:
    """What is added up over one window."""

    def __init__(self, channels: int) -> None:
        self.start = Fraction(0)
        self.end = Fraction(0)
        self.active_s = np.zeros(channels)
        self._products = np.zeros((channels, channels))

    @property
    def is_full(self) -> bool:
        return self.end - self.start >= WINDOW

    def add(self, cell: Cell, active_s: NDArray[np.float64], products: NDArray[np.float64]) -> None:
        if not self.end:
            self.start = cell.start
        self.end = cell.end
        self.active_s += active_s
        self._products += products

    def read(self, low: NDArray[np.float64], total: NDArray[np.float64]) -> Window:
        """Return the window as AUDIO_FORMAT reads it, of its eight channels; five channels get a silent LFE."""
        first = slice(MOST_PROGRAMME_CHANNELS)
        share, low, total = self.active_s[first] / float(self.end - self.start), low[first], total[first]
        active = np.asarray((share >= min(HALF, share.max())) & (share > 0))
        is_low = np.asarray(~active | ((total > 0) & (low >= LFE_SHARE * total)))
        correlation = correlations(self._products[first, first])
        if len(self.active_s) == FIVE_ZERO:
            correlation = np.insert(np.insert(correlation, LFE, 0, axis=0), LFE, 0, axis=1)
            active, is_low = np.insert(active, LFE, values=False), np.insert(is_low, LFE, values=True)
        return Window(active, correlation, is_low)
