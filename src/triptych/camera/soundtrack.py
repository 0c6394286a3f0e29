"""The sound of a file on its time line: gaps are silence, overlaps are trimmed, and a clock that drifts is followed without a click."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

RATE = 48000
BLOCK = 1024
"""Samples of an AAC frame; the encoder's own delay stands for the first ones of a file, 21 ms."""
TOLERANCE = RATE * 40 // 1000
"""Samples by which a piece may lie beside its time: within it the clocks drift, beyond it sound is missing or there twice."""
_CORRECTED = 0.1
_MOST_STRETCH = 0.005


class Soundtrack:
    """Sound laid down in order, in samples of the file; (n,) float32 mono at 48 kHz, -1 to 1."""

    def __init__(self) -> None:
        self._laid: NDArray[np.float32] = np.zeros(0, np.float32)
        self._begin = BLOCK
        self._running = False

    def lay(self, at: timedelta, samples: NDArray[np.float32]) -> None:
        """Lay down a piece whose first sample is of the moment `at`."""
        off = samples_of(at) - self._end
        if self._running and abs(off) <= TOLERANCE:
            self._append(_stretched(samples, off))
        else:
            self._append(np.zeros(max(0, off), np.float32))
            self._append(samples[max(0, -off) :])
        self._running = self._running or len(samples) > -off

    def settle(self, until: timedelta) -> None:
        """Give up on sound before `until` that has not come."""
        missing = samples_of(until) - self._end
        if missing > 0:
            self._append(np.zeros(missing, np.float32))
            self._running = False

    def cut(self, end: timedelta) -> None:
        """End what was laid at `end`; what comes next is of another time."""
        self.settle(end)
        self._laid = self._laid[: max(0, samples_of(end) - self._begin)]
        self._running = False

    def take(self, until: timedelta) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield each whole block that ends by `until`, with the place of its first sample."""
        while self._begin + BLOCK <= min(samples_of(until), self._end):
            block, self._laid = self._laid[:BLOCK], self._laid[BLOCK:]
            self._begin += BLOCK
            yield self._begin - BLOCK, block

    @property
    def _end(self) -> int:
        return self._begin + len(self._laid)

    def _append(self, samples: NDArray[np.float32]) -> None:
        if len(samples):
            self._laid = np.concatenate((self._laid, samples))


def samples_of(at: timedelta) -> int:
    """Return `at` in samples."""
    return round(at.total_seconds() * RATE)


def _stretched(samples: NDArray[np.float32], off: int) -> NDArray[np.float32]:
    """Return `samples` longer or shorter by a tenth of what they are `off`, by half a percent at most, which nobody hears."""
    most = int(len(samples) * _MOST_STRETCH)
    change = max(-most, min(most, round(off * _CORRECTED)))
    if not change:
        return samples
    places = np.linspace(0, len(samples) - 1, len(samples) + change)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
