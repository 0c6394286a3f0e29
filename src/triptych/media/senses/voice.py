"""The voice detector: how likely somebody speaks, every 32 ms (Silero VAD)."""

import numpy as np
from numpy.typing import NDArray

from triptych.media.senses.network import Network

RATE_HZ = 16_000
FRAME = 512
"""Samples that the network takes at a time: 32 ms."""

SPEECH = 0.5
"""The likelihood from which a frame counts as speech: the makers' own default."""

_CONTEXT = 64
_STATE = (2, 1, 128)

Floats = NDArray[np.float32]


class Voice:
    """Listens to several channels one after the other; each has its own memory, which `Listener` holds."""

    def __init__(self, weights: bytes) -> None:
        self._network = Network(weights)
        self._rate = np.array(RATE_HZ, np.int64)

    def listener(self) -> "Listener":
        """Return a fresh listener, for one channel."""
        return Listener(self)

    def step(self, samples: Floats, state: Floats) -> tuple[float, Floats]:
        """Return the likelihood of speech in 64 + 512 samples of 16 kHz, and the state that the next step begins with."""
        likely, after = self._network.run({"input": samples[np.newaxis], "state": state, "sr": self._rate})
        return float(likely[0, 0]), after


class Listener:
    """One channel as it is heard from its beginning on."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._state = np.zeros(_STATE, np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)

    def hear(self, samples: Floats) -> Floats:
        """Take (n,) float32 samples of 16 kHz, full scale 1; return the likelihood in each whole frame of 32 ms completed by them."""
        whole = np.concatenate([self._rest, samples])
        count = len(whole) // FRAME
        self._rest = whole[count * FRAME :]
        return np.array([self._frame(frame) for frame in whole[: count * FRAME].reshape(count, FRAME)], np.float32)

    def _frame(self, frame: Floats) -> float:
        likely, self._state = self._voice.step(np.concatenate([self._context, frame]), self._state)
        self._context = frame[-_CONTEXT:]
        return likely
