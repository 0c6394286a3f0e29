"""Test signals of EBU Tech 3341 and 3342 from their formulas, and WAV files to put any sound into."""

import wave
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

RATE_HZ = 48_000
FADE_S = 0.01


def sine(seconds: float, dbfs: float, *, hertz: float = 1000, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return (samples,) float64 of a sine whose peak is `dbfs`."""
    return 10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)


def steps(levels: Iterable[tuple[float, float | None]], *, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return 1 kHz in both channels: (seconds, dBFS) each, None for silence."""
    one = np.concatenate([sine(seconds, -300 if level is None else level, rate_hz=rate_hz) for seconds, level in levels])
    return np.stack([one, one])


def faded(signal: np.ndarray, *, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return `signal` with 10 ms to come and 10 ms to go: a sine that is cut off sharply really does peak above itself."""
    place = np.arange(len(signal))
    return signal * np.minimum(1, np.minimum(place, place[::-1]) / (FADE_S * rate_hz))


def periods(divisor: float, degrees: float, amplitude: float, *, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return both channels of a sine of rate / `divisor` Hz that begins at `degrees`."""
    one = faded(amplitude * np.sin(2 * np.pi * np.arange(round(seconds * rate_hz)) / divisor + np.radians(degrees)), rate_hz=rate_hz)
    return np.stack([one, one])


def write_wav(path: Path, channels: Sequence[np.ndarray] | np.ndarray, *, rate_hz: int = RATE_HZ) -> Path:
    """Write (channels, samples) as 24 bit PCM and return the path."""
    codes = np.clip(np.rint(np.asarray(channels).T * 2**23), -(2**23), 2**23 - 1).astype("<i4")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(codes.shape[1])
        out.setsampwidth(3)
        out.setframerate(rate_hz)
        out.writeframes(np.ascontiguousarray(codes).view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    return path
