"""Loudness meters of several programmes at once, fed ten times a second (ITU-R BS.1770-5, EBU R 128, Tech 3341, Tech 3342).

Integrated loudness and range come from histograms of 0.01 LU, so a meter needs the same memory after a day as after a minute.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OFFSET_LU = -0.691
MOMENTARY = 4
SHORT_TERM = 30
"""How many steps of 100 ms each covers."""
PARTS = 5
"""A step comes in so many parts, as a short sound need not begin with a step: the greatest values are looked for at each."""
GATE_LUFS = -70.0
INTEGRATED_GATE_LU = -10.0
RANGE_GATE_LU = -20.0
LOW, HIGH = 0.10, 0.95
STEPS_A_LU = 100
HIGHEST_LUFS = 40
BINS = STEPS_A_LU * int(HIGHEST_LUFS - GATE_LUFS)
LEAST_POWER = 1e-20

Powers = NDArray[np.float64]


def lufs(power: Powers) -> Powers:
    """Return weighted mean squares as LUFS; nothing at all is -200.691."""
    return np.asarray(OFFSET_LU + 10 * np.log10(np.maximum(power, LEAST_POWER)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What one meter has measured; None where nothing was long or loud enough to tell."""

    integrated_lufs: float | None
    range_lu: float | None
    momentary_lufs: float | None
    short_term_lufs: float | None


class Meters:
    """One meter for each of `count` programmes."""

    def __init__(self, count: int) -> None:
        self._momentary = [Gated() for _ in range(count)]
        self._short_term = [Gated() for _ in range(count)]
        self._greatest = np.zeros((2, count))
        self._recent = np.zeros(((SHORT_TERM + 1) * PARTS, count))
        self._held = 0

    def restart(self) -> None:
        """Forget the last seconds: what follows does not touch what came before."""
        self._held = 0

    def add(self, powers: Powers) -> None:
        """Take the next 100 ms as (5, programmes): the weighted mean square over each 20 ms."""
        self._recent[:-PARTS] = self._recent[PARTS:]
        self._recent[-PARTS:] = powers
        self._held += 1
        summed = np.cumsum(self._recent, axis=0)
        self._note(0, MOMENTARY, summed, self._momentary)
        self._note(1, SHORT_TERM, summed, self._short_term)

    def short_term(self) -> Powers | None:
        """Return the loudness of the last 3 s in LUFS, None before there are so many."""
        return lufs(self._recent[PARTS:].mean(axis=0)) if self._held >= SHORT_TERM else None

    def readings(self, number: int) -> Readings:
        """Return what meter `number` has measured."""
        momentary, short_term = (_told(value) for value in self._greatest[:, number])
        return Readings(
            integrated_lufs=self._momentary[number].integrated(),
            range_lu=self._short_term[number].range(),
            momentary_lufs=momentary,
            short_term_lufs=short_term,
        )

    def _note(self, row: int, steps: int, summed: Powers, histograms: "list[Gated]") -> None:
        """Look for the greatest value at each of the last parts, and put the one at the step's end into the histograms."""
        if self._held < steps:
            return
        size = steps * PARTS
        powers = (summed[-PARTS:] - summed[-PARTS - size : -size]) / size
        self._greatest[row] = np.maximum(self._greatest[row], powers.max(axis=0) if self._held > steps else powers[-1])
        for histogram, level, power in zip(histograms, lufs(powers[-1]).tolist(), powers[-1].tolist(), strict=True):
            if level > GATE_LUFS:
                histogram.add(level, power)


class Gated:
    """The windows above -70 LUFS, by loudness: how many, and their power."""

    def __init__(self) -> None:
        self._counts = np.zeros(BINS, np.int64)
        self._powers = np.zeros(BINS)

    def add(self, level_lufs: float, power: float) -> None:
        """Take a window that is above the gate."""
        place = min(BINS - 1, int((level_lufs - GATE_LUFS) * STEPS_A_LU))
        self._counts[place] += 1
        self._powers[place] += power

    def integrated(self) -> float | None:
        """Return the loudness of the windows less than 10 LU below that of all."""
        loud = self._above(INTEGRATED_GATE_LU)
        return float(lufs(self._powers[loud].sum() / self._counts[loud].sum())) if loud.any() else None

    def range(self) -> float | None:
        """Return what lies between the 10th and the 95th percent of the windows less than 20 LU below the loudness of all."""
        loud = self._above(RANGE_GATE_LU)
        if not loud.any():
            return None
        counts = np.where(loud, self._counts, 0)
        below = np.cumsum(counts)
        low, high = (self._level(int(np.searchsorted(below, int((below[-1] - 1) * share + 0.5), side="right"))) for share in (LOW, HIGH))
        return high - low

    def _above(self, gate_lu: float) -> NDArray[np.bool_]:
        """Return the places whose windows are louder than the loudness of all plus `gate_lu`."""
        filled = self._counts > 0
        if not filled.any():
            return filled
        gate = self._powers.sum() / self._counts.sum() * 10 ** (gate_lu / 10)
        return np.asarray(filled & (self._powers > gate * self._counts))

    def _level(self, place: int) -> float:
        return float(lufs(self._powers[place] / self._counts[place]))


def _told(power: float) -> float | None:
    return float(lufs(np.array(power))) if power > 0 else None
