"""Cuts sound into utterances at pauses, by what the voice detector hears, so that each fits what a speech model takes at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triptych.media.senses.rate import RATE_HZ
from triptych.media.senses.voice import FRAME, SPEECH, Listener

STILL = 0.35
"""The likelihood below which nobody speaks any more: the makers' own distance below that from which somebody does."""

PAUSE_S = 0.6
LEAD_S = 0.3
"""What an utterance begins with before its first word; silence where the sound itself begins with the word."""

LONGEST_S = 28.0
LEAST_S = 0.25
"""Less speech than that in all is none: the makers' own bound."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech: (n,) samples of 16 kHz that begin `start_s` seconds from the first sample heard, up to 0.3 before it."""

    start_s: float
    samples: Floats


class Cutter:
    """Takes 16 kHz sound as it comes and gives the utterances that are over."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._waiting = np.zeros(0, np.float32)
        self._first = -round(LEAD_S * RATE_HZ)
        self._held = np.zeros(-self._first, np.float32)
        self._spoken = 0
        self._still = 0

    def hear(self, samples: Floats) -> Iterator[Utterance]:
        """Yield each utterance that ends within what has been heard now."""
        whole = np.concatenate([self._waiting, samples])
        count = len(whole) // FRAME
        self._waiting = whole[count * FRAME :]
        likely = self._listener.hear(samples)
        for place, value in enumerate(likely):
            yield from self._frame(whole[place * FRAME : (place + 1) * FRAME], float(value))

    def finish(self) -> Iterator[Utterance]:
        """Yield the utterance that the end cuts off."""
        if self._is_speech:
            yield self._cut()

    @property
    def _is_speech(self) -> bool:
        return self._spoken * FRAME >= LEAST_S * RATE_HZ

    def _frame(self, frame: Floats, likely: float) -> Iterator[Utterance]:
        self._held = np.concatenate([self._held, frame])
        if likely >= SPEECH:
            self._spoken += 1
            self._still = 0
        elif likely < STILL or self._still:
            self._still += 1
        if not self._spoken:
            self._forget_to(round(LEAD_S * RATE_HZ))
        elif self._still * FRAME >= PAUSE_S * RATE_HZ or len(self._held) >= LONGEST_S * RATE_HZ:
            if self._is_speech:
                yield self._cut()
            self._spoken = 0

    def _cut(self) -> Utterance:
        utterance = Utterance(self._first / RATE_HZ, self._held)
        self._forget_to(0)
        self._spoken = self._still = 0
        return utterance

    def _forget_to(self, count: int) -> None:
        """Keep the last `count` samples alone."""
        drop = max(0, len(self._held) - count)
        self._first += drop
        self._held = self._held[drop:]
