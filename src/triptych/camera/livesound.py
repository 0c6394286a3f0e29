"""The sound of a live stream without gaps: what the source gave where it belongs, and silence elsewhere."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from triptych.camera.casting import AUDIO_FRAME, AUDIO_RATE
from triptych.contracts import Sound

SLACK = timedelta(milliseconds=150)
"""How much later than its picture a sound may come and still be heard."""


class LiveSound:
    """Sound from `origin` (monotonic since boot) on, taken in whole frames of 1024 samples in order."""

    def __init__(self, origin: timedelta) -> None:
        self._origin = origin
        self._taken = 0
        self._waiting = np.zeros(0, np.float32)
        self._slack = 0

    def put(self, sound: Sound) -> None:
        """Lay a piece where it was captured; what would lie before the part that is taken already is lost."""
        self._slack = round(SLACK.total_seconds() * AUDIO_RATE)
        start = round((sound.captured - self._origin).total_seconds() * AUDIO_RATE) - self._taken
        samples = sound.samples[max(0, -start) :]
        start = max(0, start)
        if missing := max(0, start + len(samples) - len(self._waiting)):
            self._waiting = np.concatenate([self._waiting, np.zeros(missing, np.float32)])
        self._waiting[start : start + len(samples)] = samples

    def take(self, until: timedelta, *, silent: bool = False) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield each frame that ends before `until` after the origin, with the number of its first sample; `silent` ones hold silence."""
        end = int(until.total_seconds() * AUDIO_RATE) - self._slack
        while self._taken + AUDIO_FRAME <= end:
            frame = np.zeros(AUDIO_FRAME, np.float32)
            if not silent:
                heard = self._waiting[:AUDIO_FRAME]
                frame[: len(heard)] = heard
            yield self._taken, frame
            self._waiting = self._waiting[AUDIO_FRAME:]
            self._taken += AUDIO_FRAME
