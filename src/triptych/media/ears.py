"""Cuts the joined channels into blocks of 100 ms for the features that listen themselves (media P4)."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from triptych.media.measured import HeardMeasure, ratio
from triptych.media.spans import Segments

BLOCK = Fraction(1, 10)
EVERYTHING = Segments(())

Samples = NDArray[np.float32]


class Ear(Protocol):
    """A feature's own way of listening: the only part of one that may remember on the decoding side, as sound is never split (media P4)."""

    def hear(self, first: int, samples: Samples) -> Any:
        """Return what the next block gives, None for nothing.

        `samples` is (channels, n) float32, full scale 1, beginning at sample `first` from offset 0; blocks of 100 ms touch, the last is
        shorter.
        """
        ...


@runtime_checkable
class Lasting(Protocol):
    """An ear that puts blocks together, and may have something left to tell when they end.

    It hears nothing but the segments asked for, block by block as these begin in one.
    """

    def finish(self) -> Any:
        """Return what the end of the sound or of a segment gives, None for nothing; it counts as heard in the last block before.

        What is heard next begins anew, at a block that need not touch.
        """
        ...


Failed = Callable[[str, Exception], None]


class Ears:
    """The ears of one file by feature. One that fails is told to `failed` and hears no more (media P8)."""

    def __init__(self, ears: Mapping[str, Ear], rate_hz: int, failed: Failed, segments: Segments = EVERYTHING) -> None:
        self._ears = dict(ears)
        self._segments = segments
        self._part: int | None = None
        self._rate_hz = rate_hz
        self._failed = failed
        self._pending: list[Samples] = []
        self._held = 0
        self._number = 0
        self._shown = (0, 0)
        self._done: list[HeardMeasure] = []

    def feed(self, joined: Samples) -> None:
        """Take the next (channels, n) samples; the first ones begin at offset 0."""
        if not self._ears:
            return
        self._pending.append(joined)
        self._held += joined.shape[1]
        while self._held >= (size := self._edge(self._number + 1) - self._edge(self._number)):
            whole = np.concatenate(self._pending, axis=1)
            self._pending = [whole[:, size:]]
            self._held -= size
            self._show(whole[:, :size])

    def flush(self) -> None:
        """Show what is left, shorter than a block, and ask those who may have something left to tell."""
        if self._held:
            self._show(np.concatenate(self._pending, axis=1))
        self._pending, self._held = [], 0
        self._turn_part(None)

    def taken(self) -> Sequence[HeardMeasure]:
        """Return what was heard since the last call."""
        done, self._done = self._done, []
        return done

    def _show(self, samples: Samples) -> None:
        first = self._edge(self._number)
        self._number += 1
        self._turn_part(self._segments.part(Fraction(first, self._rate_hz)))
        self._shown = (first, first + samples.shape[1])
        for name, ear in tuple(self._ears.items()):
            if self._part is not None or not isinstance(ear, Lasting):
                self._ask(name, partial(_heard, ear, first, samples))

    def _turn_part(self, part: int | None) -> None:
        """Let the ears that last finish the segment that is over."""
        if self._part not in {None, part}:
            for name, ear in tuple(self._ears.items()):
                if isinstance(ear, Lasting):
                    self._ask(name, ear.finish)
        self._part = part

    def _ask(self, name: str, step: Callable[[], Any]) -> None:
        try:
            value = step()
        except Exception as fault:  # noqa: BLE001 - a feature that raises stops alone (media P8)
            del self._ears[name]
            self._failed(name, fault)
            return
        if value is not None:
            start, end = (ratio(Fraction(sample, self._rate_hz)) for sample in self._shown)
            self._done.append(HeardMeasure(name, start, end, value))

    def _edge(self, number: int) -> int:
        """Return the first sample of a block."""
        return -(-number * self._rate_hz * BLOCK.numerator // BLOCK.denominator)


def _heard(ear: Ear, first: int, samples: Samples) -> Any:
    return ear.hear(first, samples)
