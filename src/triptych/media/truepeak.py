"""True peak: how high the sound rises between its samples (ITU-R BS.1770-5, annex 2)."""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from triptych.media.ears import Samples

TAPS = 24
ROW = 16
NEEDED_HZ = 160_000


class TruePeak:
    """The greatest magnitude per channel, samples and points between them, in blocks that touch.

    A point between samples needs 12 samples on each side, so the last of them are judged with the block after.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._between = between(oversampling(rate_hz))
        self._held = np.zeros((channels, TAPS - 1), np.float32)

    def peak(self, samples: Samples) -> NDArray[np.float32]:
        """Return the greatest magnitude, full scale 1, per channel of (channels, n) samples."""
        greatest = _magnitude(samples)
        if self._between.shape[1]:
            whole = np.concatenate([self._held, samples], axis=1)
            count = (whole.shape[1] - TAPS + 1) // ROW
            self._held = whole[:, count * ROW :]
            if count:
                rows = as_strided(whole, (len(whole), count, ROW + TAPS - 1), (whole.strides[0], ROW * whole.itemsize, whole.itemsize))
                points = rows.reshape(-1, ROW + TAPS - 1) @ self._between
                greatest = np.maximum(greatest, _magnitude(points.reshape(len(whole), -1)))
        return greatest


def oversampling(rate_hz: int) -> int:
    """Return how many points a sample there must be to reach 160 kHz or more, at most 4."""
    return min(4, -(-NEEDED_HZ // rate_hz))


def between(factor: int) -> NDArray[np.float32]:
    """Return the matrix from a row of samples to the `factor` - 1 points after each of them, by windowed sinc."""
    matrix = np.zeros((ROW + TAPS - 1, ROW, factor - 1))
    for phase in range(1, factor):
        at = np.arange(TAPS) - (TAPS / 2 - 1) - phase / factor
        taps = np.sinc(at) * np.cos(np.pi * at / TAPS) ** 2
        for place in range(ROW):
            matrix[place : place + TAPS, place, phase - 1] = taps / taps.sum()
    return matrix.reshape(len(matrix), -1).astype(np.float32)


def _magnitude(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.maximum(values.max(axis=1), -values.min(axis=1)))
