"""AUDIO_PHASE: pairs of channels of which one is the other upside down, or both are the same (media 4.3)."""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from triptych.media.feature import Feature
from triptych.media.measured import SILENCE_POWER, Cell, Piece
from triptych.media.options import AudioPhaseOptions
from triptych.media.spans import Item, bounds, starting

HOP = Fraction(1, 25)
BEFORE, AFTER = 5, 4
"""How many hops a window of 400 ms holds before and after the one that it judges."""
LEAST = Fraction(2)
REVERSED = -0.8
DUAL_MONO = 0.98

Sums = NDArray[np.float64]
"""(3, pairs): left squared, right squared, left times right, each added up over samples."""


@dataclass(slots=True)
class Hop:
    """What is known of 40 ms of sound."""

    number: int
    start: Fraction
    end: Fraction
    samples: int
    sums: Sums

    def add(self, piece: Piece) -> None:
        """Take the next piece of this hop."""
        self.end = piece.end
        self.samples += piece.samples
        self.sums = self.sums + pair_sums(piece.products)

    @property
    def heard(self) -> NDArray[np.bool_]:
        """Which channels are not silent, (2, pairs)."""
        return np.asarray(self.sums[:2] >= SILENCE_POWER * max(1, self.samples))


@dataclass(slots=True)
class Run:
    """A stretch of one kind: correlated so, with nothing but silence of both channels in between."""

    kind: str
    start: Fraction
    end: Fraction
    sums: Sums


class AudioPhase(Feature):
    """Reports stretches of at least 2 s in which the correlation of a pair over 400 ms, around each 40 ms, is extreme."""

    def __init__(self, options: AudioPhaseOptions) -> None:
        super().__init__(options)
        self._hop: Hop | None = None
        self._hops: deque[tuple[Hop, NDArray[np.bool_]]] = deque()
        self._ahead = 0
        self._runs: dict[int, Run] = {}

    def cell(self, cell: Cell) -> None:
        """Take the next cell, and judge every hop around which a whole window is known."""
        for piece in cell.grains:
            number = piece.start // HOP
            if self._hop is not None and self._hop.number == number:
                self._hop.add(piece)
                continue
            self._finish_hop()
            self._hop = Hop(number, piece.start, piece.end, piece.samples, pair_sums(piece.products))

    def rest(self, at: Fraction) -> None:  # noqa: ARG002 - the cells have said where they end
        """Judge what waited for a whole window, and close every run."""
        self._finish_hop()
        while self._ahead:
            self._judge_next()
        self._hops.clear()
        for pair in tuple(self._runs):
            self._close(pair)

    def items(self) -> list[Item]:
        """Return the stretches by their starts; those of different pairs may overlap."""
        return sorted(self._items, key=starting)

    def _finish_hop(self) -> None:
        if self._hop is None:
            return
        self._hops.append((self._hop, self._hop.heard))
        self._hop = None
        self._ahead += 1
        if self._ahead > AFTER:
            self._judge_next()

    def _judge_next(self) -> None:
        """Judge the first hop that is not yet judged by the window around it, of which only counts where both channels are heard."""
        hop, heard = self._hops[-self._ahead]
        correlation = correlated(np.sum([other.sums * both.all(axis=0) for other, both in self._hops], axis=0))
        for pair, (left, right) in enumerate(heard.T):
            self._take(pair, hop, _kind(correlation[pair]) if left and right else None, is_silent=not left and not right)
        self.judge(hop.start, hop.end, float(max(0.0, -correlation[heard.all(axis=0)].min(initial=0.0))))
        self._ahead -= 1
        while len(self._hops) - self._ahead > BEFORE:
            self._hops.popleft()

    def _take(self, pair: int, hop: Hop, kind: str | None, *, is_silent: bool) -> None:
        """Let a run of `pair` go on, wait in silence, or end; and begin one."""
        run = self._runs.get(pair)
        if run is not None and (hop.end - run.end > LEAST if is_silent else kind != run.kind):
            self._close(pair)
            run = None
        if kind is None:
            return
        if run is None:
            self._runs[pair] = Run(kind, hop.start, hop.end, hop.sums[:, pair])
        else:
            run.end, run.sums = hop.end, run.sums + hop.sums[:, pair]

    def _close(self, pair: int) -> None:
        run = self._runs.pop(pair)
        if run.end - run.start >= LEAST:
            correlation = float(correlated(run.sums[:, None])[0])
            pairing: Item = {"pair": [2 * pair + 1, 2 * pair + 2], "kind": run.kind, "correlation": round(correlation, 3)}
            self.found({**pairing, **bounds(run.start, run.end)})


def pair_sums(products: NDArray[np.float64]) -> Sums:
    """Return what is needed of the summed sample products of all channels; a last channel without a partner is left out."""
    pairs = len(products) // 2 * 2
    left, right = np.arange(0, pairs, 2), np.arange(1, pairs, 2)
    return np.array([products[left, left], products[right, right], products[left, right]])


def correlated(sums: Sums) -> NDArray[np.float64]:
    """Return the correlation of each pair at no delay, -1 to 1; 0 where a channel has no energy."""
    scale = np.sqrt(sums[0] * sums[1])
    return np.asarray(np.divide(sums[2], scale, out=np.zeros_like(scale), where=scale > 0))


def _kind(correlation: float) -> str | None:
    if correlation <= REVERSED:
        return "reversed"
    return "dual_mono" if correlation >= DUAL_MONO else None
