"""SILENCE: stretches in which nothing is heard, found in steps of 10 ms (media 4.3)."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from operator import itemgetter

import numpy as np

from triptych.media.ears import BLOCK, Samples
from triptych.media.feature import Feature
from triptych.media.measured import Heard
from triptych.media.options import SilenceOptions
from triptych.media.spans import Item, bounds, starting

STEP = Fraction(1, 100)
STEPS = int(BLOCK / STEP)


class SilenceEar:
    """Says of each step which channels are silent."""

    def __init__(self, rate_hz: int, channels: int, power: float) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        self._power = power

    def hear(self, first: int, samples: Samples) -> list[int]:
        """Return how many channels there are, then for each step those that are silent as a mask, bit 0 for the first.

        A channel is silent in a step when its mean square there is below the level. Steps begin at multiples of 10 ms.
        """
        edges = np.array(self._edges(first, samples.shape[1]))
        sums = np.add.reduceat(np.square(samples, dtype=np.float64), edges[:-1], axis=1)
        silent = sums < self._power * np.diff(edges)
        return [self._channels, *(int(mask) for mask in (1 << np.arange(self._channels)) @ silent)]

    def _edges(self, first: int, size: int) -> list[int]:
        """Return where the steps of a block begin, and its end, in samples from its first."""
        number = first * STEP.denominator // self._rate_hz
        edges = (-(-(number + step) * self._rate_hz // STEP.denominator) - first for step in range(1, STEPS + 1))
        return [0, *(edge for edge in edges if 0 < edge < size), size]


class Silence(Feature):
    """Reports silence of at least `duration`: of all channels together, or with `perChannel` of each."""

    def __init__(self, options: SilenceOptions) -> None:
        super().__init__(options)
        self._options = options
        self._duration = Fraction(str(options.duration))
        self._since: dict[int, Fraction] = {}

    def ear(self, rate_hz: int, channels: int) -> SilenceEar:
        """Return an ear for the level asked for."""
        return SilenceEar(rate_hz, channels, 10 ** (self._options.level / 10))

    def heard(self, heard: Heard) -> None:
        """Open, keep or close runs, step by step; equal steps go together."""
        channels, *masks = heard.value
        everything = (1 << channels) - 1
        for start, end, mask in _stretches(heard, masks):
            silent = mask if self._options.perChannel or mask == everything else 0
            self._step(start, {channel for channel in range(channels) if silent >> channel & 1})
            self.judge(start, end, float(silent != 0))

    def rest(self, at: Fraction) -> None:
        """Close every run."""
        self._close(list(self._since), at)

    def items(self) -> list[Item]:
        """Return the runs by their starts; those of different channels may overlap."""
        return sorted(self._items, key=starting)

    def _step(self, start: Fraction, silent: set[int]) -> None:
        self._close([channel for channel in self._since if channel not in silent], start)
        for channel in silent:
            self._since.setdefault(channel, start)

    def _close(self, channels: list[int], at: Fraction) -> None:
        """Report the runs of `channels` that are long enough, those that began together as one."""
        runs = sorted((self._since.pop(channel), channel + 1) for channel in channels)
        for start, together in groupby(runs, key=itemgetter(0)):
            if at - start >= self._duration:
                named: Item = {"channels": [channel for _, channel in together]} if self._options.perChannel else {}
                self.found({**named, **bounds(start, at)})


def _stretches(heard: Heard, masks: list[int]) -> Iterator[tuple[Fraction, Fraction, int]]:
    """Yield (start, end, mask) of neighbouring steps with the same mask."""
    place = 0
    for mask, equal in groupby(masks):
        count = len(list(equal))
        start, place = place, place + count
        end = heard.end if place == len(masks) else heard.start + place * STEP
        yield heard.start + start * STEP, end, mask
