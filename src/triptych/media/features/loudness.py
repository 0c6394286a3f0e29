"""LOUDNESS: how loud each programme is, and how high it peaks, by BS.1770-5, R 128 and A/85 (media 4.3, 11.2).

The ear weighs each channel and finds its true peak, ten times a second; what belongs together is put together in Reduce. That waits a
second, until it is known which channels carry compressed data, for those are not heard.
"""

from array import array
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from math import log10

import numpy as np
from numpy.typing import NDArray

from triptych.media.bursts import DECIDED_AFTER, Rows
from triptych.media.ears import BLOCK, Samples
from triptych.media.feature import Feature
from triptych.media.features.programmes import Programmes, declared_place
from triptych.media.measured import Bass, Cell, Heard, Indexed
from triptych.media.meters import MOMENTARY, PARTS, SHORT_TERM, Meters, lufs
from triptych.media.options import LoudnessOptions, LoudnessTarget
from triptych.media.spans import Item, bounds
from triptych.media.truepeak import TruePeak
from triptych.media.weighting import KWeighting

TARGETS = {
    "ebu_r128": LoudnessTarget(lufs=-23.0, tolerance=0.5, truePeak=-1.0),
    "atsc_a85": LoudnessTarget(lufs=-24.0, tolerance=2.0, truePeak=-2.0),
}
WORST_LU = 10
FLOOR_LUFS = -100.0
ROUNDING = 1e-9
LEAST_BLOCK = BLOCK * 99 / 100

Powers = NDArray[np.float64]


class LoudnessEar:
    """Returns of each block the mean square after K-weighting of each fifth, and the true peak, channel by channel."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._weighting = KWeighting(rate_hz, channels, -(-rate_hz * BLOCK.numerator // BLOCK.denominator))
        self._peak = TruePeak(rate_hz, channels)

    def hear(self, first: int, samples: Samples) -> bytes:  # noqa: ARG002 - blocks touch
        """Return (6, channels) float32, full scale 1: five powers, then the peak."""
        heard = np.empty((PARTS + 1, len(samples)), np.float32)
        heard[:PARTS] = mean_squares(self._weighting.weigh(samples), PARTS).T
        heard[PARTS] = self._peak.peak(samples)
        return heard.tobytes()


def mean_squares(samples: NDArray[np.float64], parts: int) -> NDArray[np.float64]:
    """Return the mean square of each of `parts` parts of (channels, n) samples, as (channels, parts); n is at least `parts`."""
    edges = np.arange(parts + 1) * samples.shape[1] // parts
    return np.asarray(np.add.reduceat(samples * samples, edges[:-1], axis=1) / np.maximum(1, np.diff(edges)))


@dataclass(slots=True)
class Recording:
    """The powers of every channel, step by step, of one stretch without gaps."""

    start: Fraction
    end: Fraction
    powers: "array[float]" = field(default_factory=lambda: array("f"))


class Loudness(Feature):
    """One item for each programme, when all has been heard."""

    def __init__(self, options: LoudnessOptions) -> None:
        super().__init__(options)
        self._target = TARGETS[options.target] if isinstance(options.target, str) else options.target
        self._blocks: deque[Heard] = deque()
        self._cells: deque[Cell] = deque()
        self._rows = Rows()
        self._declared = 0
        self._sum: Sum | None = None
        self._recordings: list[Recording] | None = [] if options.series else None
        self._bounds: tuple[Fraction, Fraction] | None = None

    def ear(self, rate_hz: int, channels: int) -> LoudnessEar:
        """Return an ear of its own."""
        return LoudnessEar(rate_hz, channels)

    def begin(self, index: Indexed) -> None:
        """Keep where the streams say that 5.1 lies."""
        self._declared = declared_place(index.audio)

    def heard(self, heard: Heard) -> None:
        """Keep the block until it is known what its channels carry."""
        self._blocks.append(heard)

    def bass(self, block: Bass) -> None:
        """Pass on what tells an LFE."""
        self._summed(len(block.low)).programmes.bass(block)

    def cell(self, cell: Cell) -> None:
        """Take the next cell, and every block of which it is now known what it carries."""
        self._rows.add(cell.bursts)
        self._cells.append(cell)
        while self._blocks and self._blocks[0].end + DECIDED_AFTER <= cell.end:
            self._take(self._blocks.popleft())

    def rest(self, at: Fraction) -> None:
        """Take the blocks that waited."""
        while self._blocks and self._blocks[0].start < at:
            self._take(self._blocks.popleft())
        self._cells.clear()

    def items(self) -> list[Item]:
        """Return the programmes in order of their channels."""
        return [self._item(self._sum, number) for number in self._sum.programmes.found()] if self._sum is not None else []

    def _take(self, block: Heard) -> None:
        total, values = self._valued(block)
        carried = list(self._rows.carried(block.start, block.end))
        values[:, carried] = 0
        while self._cells and self._cells[0].start < block.end:
            cell = self._cells.popleft()
            active = cell.active
            active[carried] = False
            total.programmes.add(cell, active)
        touches = self._bounds is not None and self._bounds[1] == block.start
        self._bounds = (self._bounds[0] if self._bounds else block.start, block.end)
        whole = block.end - block.start >= LEAST_BLOCK
        total.add(values, touches=touches, whole=whole)
        if whole:
            self._record(block, values[:PARTS].mean(axis=0), touches=touches)
        self.judge(block.start, block.end, total.severity(self._target) if self.alarm is not None else 0.0)

    def _valued(self, block: Heard) -> "tuple[Sum, Powers]":
        values = np.frombuffer(block.value, np.float32).reshape(PARTS + 1, -1).astype(np.float64)
        return self._summed(values.shape[1]), values

    def _summed(self, channels: int) -> "Sum":
        if self._sum is None:
            self._sum = Sum(channels, self._declared)
        return self._sum

    def _record(self, block: Heard, powers: Powers, *, touches: bool) -> None:
        if self._recordings is None:
            return
        if not touches:
            self._recordings.append(Recording(block.start, block.end))
        self._recordings[-1].end = block.end
        self._recordings[-1].powers.extend(powers)

    def _item(self, total: "Sum", number: int) -> Item:
        programmes, readings = total.programmes, total.meters.readings(number)
        peak = max(total.peaks[channel] for channel in programmes.candidates[number].channels)
        true_peak = 20 * log10(peak) if peak > 0 else None
        item: Item = {
            "programme": programmes.name(number),
            "integratedLufs": _rounded(readings.integrated_lufs),
            "rangeLu": _rounded(readings.range_lu),
            "maxTruePeakDbtp": _rounded(true_peak),
            "maxMomentaryLufs": _rounded(readings.momentary_lufs),
            "maxShortTermLufs": _rounded(readings.short_term_lufs),
            "channels": [channel + 1 for channel in programmes.candidates[number].channels],
            "withinTarget": is_within(self._target, readings.integrated_lufs, true_peak),
            **bounds(*(self._bounds or (Fraction(0), Fraction(0)))),
        }
        if self._recordings is not None:
            item["series"] = [_series(recording, total.weights[number]) for recording in self._recordings]
        return item


class Sum:
    """Everything that is kept of the channels: which programmes there are, their meters, and each channel's peak."""

    def __init__(self, channels: int, declared: int = 0) -> None:
        self.programmes = Programmes(channels, declared)
        self.weights = np.zeros((len(self.programmes.candidates), channels))
        for row, programme in zip(self.weights, self.programmes.candidates, strict=True):
            row[list(programme.channels)] = programme.weights
        self.meters = Meters(len(self.weights))
        self.peaks = np.zeros(channels)

    def add(self, values: Powers, *, touches: bool, whole: bool) -> None:
        """Take the next block; one that is not whole is too short for a step, but may hold a peak."""
        if not touches:
            self.meters.restart()
        self.peaks = np.maximum(self.peaks, values[PARTS])
        if whole:
            self.meters.add(values[:PARTS] @ self.weights.T)

    def severity(self, target: LoudnessTarget) -> float:
        """Return how far the worst programme's last 3 s lie outside the target, 1 for 10 LU (media 3.4)."""
        levels, found = self.meters.short_term(), self.programmes.found()
        if levels is None or not found:
            return 0.0
        outside = np.abs(levels[found] - target.lufs) - target.tolerance
        return float(np.clip(outside / WORST_LU, 0, 1).max())


def is_within(target: LoudnessTarget, integrated_lufs: float | None, true_peak_dbtp: float | None) -> bool:
    """Say whether a programme meets its target: loudness within the tolerance, and no peak above the limit."""
    if integrated_lufs is None or abs(integrated_lufs - target.lufs) > target.tolerance + ROUNDING:
        return False
    return true_peak_dbtp is None or true_peak_dbtp <= target.truePeak + ROUNDING


def _series(recording: Recording, weights: Powers) -> Item:
    """Return the values at the end of each step of 100 ms, None until there is enough before it."""
    powers = np.frombuffer(recording.powers, np.float32).reshape(-1, len(weights)) @ weights
    return {
        **bounds(recording.start, recording.end),
        "momentaryLufs": _over(powers, MOMENTARY),
        "shortTermLufs": _over(powers, SHORT_TERM),
    }


def _over(powers: Powers, steps: int) -> list[float | None]:
    summed = np.concatenate([[0.0], np.cumsum(powers)])
    levels = lufs(np.maximum(0, summed[steps:] - summed[:-steps]) / steps)
    return [None] * min(steps - 1, len(powers)) + [_rounded(max(float(level), FLOOR_LUFS)) for level in levels]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
