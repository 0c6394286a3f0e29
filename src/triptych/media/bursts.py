"""Compressed sound carried in PCM: the sync words of SMPTE ST 337 and IEC 61937, and the channels that they mark (media 4.2)."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from triptych.media.measured import Burst

SYNC_WORDS = ((16, 0xF872, 0x4E1F), (20, 0x6F872, 0x54E1F), (24, 0x96F872, 0xA54E1F))
"""Bits per word, Pa, Pb."""

LEAST_SPACING = 64
LONGEST_SPACING = Fraction(1, 2)
JITTER = Fraction(1, 20_000)
"""A repetition of a video frame's length is no whole number of samples: 1601 and 1602 at 29.97."""
MOST_MISSING = 2
RECENT = 16
DECIDED_AFTER = 2 * LONGEST_SPACING
"""Three bursts at the longest spacing: so long after a burst it is known whether it is one of a steady row."""


def _level(word: int, bits: int) -> np.float32:
    """Return the sample that a word is read as; a float32 with full scale 1 holds 24 bits exactly, so equality is that of the words."""
    return np.float32((word - (word >> (bits - 1) << bits)) / (1 << (bits - 1)))


_LEVELS = tuple((_level(pa, bits), _level(pb, bits)) for bits, pa, pb in SYNC_WORDS)


class Syncs:
    """Finds sync words in joined channels: Pa with Pb right after it in its own channel, or beside it in the next one."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._last: dict[tuple[int, int], int] = {}

    def find(self, first: int, joined: NDArray[np.float32]) -> Iterator[tuple[int, int, int]]:
        """Yield (sample of Pa, first channel from 0, how many channels) for (channels, n) samples from number `first` on.

        A Pa on the last sample waits for the next call, which must touch this one.
        """
        whole = joined if self._before is None else np.concatenate([self._before, joined], axis=1)
        start = first - (whole.shape[1] - joined.shape[1])
        if joined.shape[1]:
            self._before = joined[:, -1:]
        for pa, pb in _LEVELS:
            hits = whole == pa
            if hits.any():
                yield from self._confirmed(start, whole, np.argwhere(hits.T), pb)

    def _confirmed(self, start: int, whole: NDArray[np.float32], hits: NDArray[np.int64], pb: np.float32) -> Iterator[tuple[int, int, int]]:
        channels, samples = whole.shape
        for at, channel in hits.tolist():
            wide = channel + 1 < channels and bool(whole[channel + 1, at] == pb)
            if wide or (at + 1 < samples and whole[channel, at + 1] == pb):
                key = channel, 1 + wide
                if start + at - self._last.get(key, -LEAST_SPACING) >= LEAST_SPACING:
                    self._last[key] = start + at
                    yield start + at, *key


@dataclass(frozen=True, slots=True)
class Carriage:
    """A stretch [start, end) in seconds over which data is carried."""

    start: Fraction
    end: Fraction


class Rows:
    """Tells which channels carry compressed data when: from the first of three bursts at a steady spacing to a spacing after the last."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, ...], _Row] = {}

    def add(self, bursts: Iterable[Burst]) -> None:
        """Take bursts in order of time."""
        for burst in bursts:
            self._rows.setdefault(burst.channels, _Row(burst.channels)).add(burst.at)

    def carried(self, start: Fraction, end: Fraction) -> frozenset[int]:
        """Return the channels that carry data at any time in [start, end); all up to `end` plus `DECIDED_AFTER` must have been added.

        What ends before `start` is forgotten: ask in order of time.
        """
        return frozenset(channel for row in self._rows.values() if row.covers(start, end) for channel in row.channels)


class _Row:
    """The bursts of one set of channels."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        self.channels = channels
        self._recent: deque[Fraction] = deque(maxlen=RECENT)
        self._stretches: deque[Carriage] = deque()
        self._spacing = Fraction(0)

    def add(self, at: Fraction) -> None:
        if not self._goes_on(at):
            begin = self._steady(at)
            if begin is not None:
                self._spacing = (at - begin) / 2
                self._stretches.append(Carriage(begin, at + self._spacing))
        self._recent.append(at)

    def covers(self, start: Fraction, end: Fraction) -> bool:
        while self._stretches and self._stretches[0].end - JITTER <= start:
            self._stretches.popleft()
        return any(part.start < end - JITTER and start < part.end - JITTER for part in self._stretches)

    def _goes_on(self, at: Fraction) -> bool:
        """Say whether the burst is the next of the row, of which up to two may be missing; then the row reaches beyond it."""
        if not self._stretches or not self._spacing:
            return False
        last = self._stretches[-1]
        steps = round((at - last.end) / self._spacing)
        if not 0 <= steps <= MOST_MISSING or abs(at - last.end - steps * self._spacing) > (steps + 1) * JITTER:
            return False
        self._stretches[-1] = Carriage(last.start, at + self._spacing)
        return True

    def _steady(self, at: Fraction) -> Fraction | None:
        """Return the first of three bursts at a steady spacing of which this is the last, or None."""
        for middle in reversed(self._recent):
            spacing = at - middle
            if spacing > LONGEST_SPACING:
                return None
            first = next((earlier for earlier in self._recent if abs(middle - spacing - earlier) <= JITTER), None)
            if first is not None:
                return first
        return None
