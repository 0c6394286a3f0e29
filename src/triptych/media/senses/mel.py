"""What Whisper hears: the logarithm of energy in 80 bands, every 10 ms (Radford et al. 2022, section 2.2)."""

from functools import cache

import numpy as np
import numpy.fft  # imported by numpy only when first needed, which inside the sandbox is too late
from numpy.typing import NDArray

RATE_HZ = 16_000
WINDOW = 400
HOP = 160
BANDS = 80
RANGE = 8.0
"""Decades below the loudest value at which the rest is cut off."""

_LINEAR_HZ = 200 / 3
_BREAK_HZ = 1000.0
_STEP = np.log(6.4) / 27

Floats = NDArray[np.float32]


def bands(samples: Floats) -> Floats:
    """Return (80, n // 160) float32 for n samples of 16 kHz, n > 400: the log energies, scaled as the model was trained with."""
    padded = np.pad(samples, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[:-HOP:HOP][: len(samples) // HOP]
    power = np.abs(np.fft.rfft(frames * _window()).astype(np.complex64)) ** 2
    energy = np.log10(np.maximum(filters() @ power.T, np.float32(1e-10)))
    return np.ascontiguousarray((np.maximum(energy, energy.max() - RANGE) + 4) / 4, np.float32)


@cache
def filters() -> Floats:
    """Return the (80, 201) triangles of equal area, evenly spaced on Slaney's mel scale from 0 to 8 kHz."""
    edges = _hz(np.linspace(0, float(_mel(np.array(RATE_HZ / 2))), BANDS + 2))
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)
    low, middle, high = edges[:-2, np.newaxis], edges[1:-1, np.newaxis], edges[2:, np.newaxis]
    triangles = np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
    return (triangles * 2 / (high - low)).astype(np.float32)


@cache
def _window() -> Floats:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: linear up to 1 kHz, then a logarithm."""
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, _BREAK_HZ / _LINEAR_HZ + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _STEP)


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _BREAK_HZ / _LINEAR_HZ
    return np.where(mel < knee, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_STEP * (mel - knee)))
