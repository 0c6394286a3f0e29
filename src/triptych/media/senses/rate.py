"""Brings the sound of one channel to 16 kHz, block by block, by FFmpeg's resampler."""

from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000

Floats = NDArray[np.float32]


class Thinner:
    """One channel from its beginning on; sample n of what comes out lies n / 16000 s behind the first one."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)

    def thin(self, samples: Floats) -> Floats:
        """Return what (n,) samples complete, as (m,) float32."""
        if self._rate_hz == RATE_HZ:
            return samples
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[np.newaxis]), format="flt", layout="mono")
        frame.sample_rate = self._rate_hz
        frame.time_base = Fraction(1, self._rate_hz)
        return self._joined(frame)

    def rest(self) -> Floats:
        """Return what is left at the end; nothing may follow."""
        return np.zeros(0, np.float32) if self._rate_hz == RATE_HZ else self._joined(None)

    def _joined(self, frame: av.AudioFrame | None) -> Floats:
        pieces = [even.to_ndarray()[0] for even in self._resampler.resample(frame)]
        return np.concatenate([np.zeros(0, np.float32), *pieces]).astype(np.float32, copy=False)
