"""What a head's answer to a known motion tells: its lag, its play, its speed, and the true size of the view. Pure (camera 4, `learn`)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from triptych.contracts import Limits

Times = NDArray[np.float64]

REACH_DEG = 8.0
PERIOD_S = 4.0
LONGEST_S = 30.0


class Stage(StrEnum):
    """What a calibration run does one after the other."""

    SETTLE = "settle"
    PAN = "pan"
    JUMPS = "jumps"
    TILT = "tilt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One moment of the plan: the stage, and where (pan, tilt) the head is to look."""

    stage: Stage
    pan_deg: float
    tilt_deg: float


class Plan:
    """Where a calibration sends a head, by the time since its start: a slow sine of pan, jumps, a slow sine of tilt.

    Each is +-8 degrees (jumps +-15) about the place next to home that has the room; a head with narrower limits uses what there is.
    """

    def __init__(self, limits: Limits) -> None:
        self.pan_deg, self.pan_reach_deg = _room(limits.pan_deg, REACH_DEG)
        self.tilt_deg, self.tilt_reach_deg = _room(limits.tilt_deg, REACH_DEG)
        _, self._jump_deg = _room(limits.pan_deg, _JUMP_DEG)
        self._limits = limits

    @property
    def tilts(self) -> bool:
        """Whether there is room enough to learn the tilt."""
        return self.tilt_reach_deg >= _LEAST_REACH_DEG

    @property
    def turns(self) -> bool:
        """Whether there is room enough to learn anything."""
        return self.pan_reach_deg >= _LEAST_REACH_DEG

    @property
    def start(self) -> Step:
        """Where everything begins."""
        return Step(stage=Stage.SETTLE, pan_deg=self.pan_deg, tilt_deg=self.tilt_deg)

    def at(self, elapsed_s: float) -> Step | None:
        """Return the step that is due, None once the run is over."""
        for stage, length_s in _STAGES:
            if elapsed_s < length_s:
                return self._step(stage, elapsed_s) if stage is not Stage.TILT or self.tilts else None
            elapsed_s -= length_s
        return None

    def _step(self, stage: Stage, elapsed_s: float) -> Step:
        pan, tilt = self.pan_deg, self.tilt_deg
        swing = math.sin(2 * math.pi * elapsed_s / PERIOD_S)
        if stage is Stage.PAN:
            pan += self.pan_reach_deg * swing
        elif stage is Stage.JUMPS:
            low, high = self._limits.pan_deg
            pan = min(max(pan + self._jump_deg * _JUMPS[int(elapsed_s / _JUMP_S)], low), high)
        elif stage is Stage.TILT:
            tilt += self.tilt_reach_deg * swing
        return Step(stage=stage, pan_deg=pan, tilt_deg=tilt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a run found; the words are those of a `Calibration`."""

    lag_s: float
    factor: tuple[float, float]
    speed_deg_s: float
    play_deg: float
    residual_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How pictures followed commands: `turn = command * gain` after `lag_s` and `play_deg`, the gain in told degrees for a true one."""

    lag_s: float
    gain: float
    play_deg: float
    residual_deg: float


def align(sent: Sequence[tuple[float, float]], seen: Sequence[tuple[float, float]]) -> Fit:
    """Return the lag, gain and play under which the commands `sent` explain the turns `seen` best.

    Both are (seconds, degrees) on one clock, in order. The lag is sought from 0 to 1 s, the play from 0 to 2 degrees.
    """
    sent_at, sent_deg = np.array(sent, np.float64).T
    seen_at, seen_deg = np.array(seen, np.float64).T

    def best_lag(play_deg: float) -> Fit:
        played = _played(sent_deg, play_deg)
        fit = min((_fit(sent_at, played, seen_at, seen_deg, lag, play_deg) for lag in np.arange(0.0, _MOST_LAG_S, 0.02)), key=_residual)
        finer = np.arange(fit.lag_s - 0.02, fit.lag_s + 0.02, 0.001)
        return min((_fit(sent_at, played, seen_at, seen_deg, max(lag, 0.0), play_deg) for lag in finer), key=_residual)

    coarse = min((best_lag(play) for play in np.arange(0.0, _MOST_PLAY_DEG, 0.2)), key=_residual)
    finer = np.arange(max(coarse.play_deg - 0.2, 0.0), coarse.play_deg + 0.2, 0.05)
    return min((best_lag(play) for play in finer), key=_residual)


def gain_of(sent: Sequence[tuple[float, float]], seen: Sequence[tuple[float, float]], lag_s: float) -> float:
    """Return the gain alone, where the lag is known already; 0 where there is nothing to tell it by."""
    if len(seen) < _FEWEST:
        return 0.0
    sent_at, sent_deg = np.array(sent, np.float64).T
    seen_at, seen_deg = np.array(seen, np.float64).T
    return _fit(sent_at, sent_deg, seen_at, seen_deg, lag_s, 0.0).gain


def top_speed(seen: Sequence[tuple[float, float]]) -> float:
    """Return the fastest turn in degrees a second over two successive frames, of sights (seconds, degrees) in order."""
    at, turned = np.array(seen, np.float64).reshape(-1, 2).T
    spans = np.maximum(at[2:] - at[:-2], _SHORTEST_S)
    return float(np.max(np.abs(turned[2:] - turned[:-2]) / spans, initial=0.0))


def _room(limits_deg: tuple[float, float], reach_deg: float) -> tuple[float, float]:
    """Return the middle and the reach of a swing within the limits, as near to home as they allow."""
    low, high = limits_deg
    reach = min(reach_deg, (high - low) / 2)
    return min(max(0.0, low + reach), high - reach), reach


def _played(sent_deg: Times, play_deg: float) -> Times:
    """Return where an axis with play stands: it is only taken along when the command leaves the slack."""
    half, at = play_deg / 2, float(sent_deg[0])
    places = []
    for command in sent_deg.tolist():
        at = min(max(at, command - half), command + half)
        places.append(at)
    return np.array(places)


def _fit(sent_at: Times, played: Times, seen_at: Times, seen_deg: Times, lag_s: float, play_deg: float) -> Fit:  # noqa: PLR0917 - two signals and the two unknowns
    there = np.interp(seen_at - lag_s, sent_at, played)
    there -= there.mean()
    turned = seen_deg - seen_deg.mean()
    power = float(there @ there)
    gain = float(there @ turned) / power if power else 0.0
    residual = math.sqrt(float(np.mean((turned - gain * there) ** 2)))
    return Fit(lag_s=float(lag_s), gain=gain, play_deg=float(play_deg), residual_deg=residual)


def _residual(fit: Fit) -> float:
    return fit.residual_deg


_JUMP_DEG, _JUMP_S, _JUMPS = 15.0, 0.8, (1, -1, 1, 0)
_STAGES = ((Stage.SETTLE, 2.0), (Stage.PAN, 2 * PERIOD_S), (Stage.JUMPS, _JUMP_S * len(_JUMPS)), (Stage.TILT, 1.5 * PERIOD_S))
_LEAST_REACH_DEG = 1.0
_FEWEST = 20
_MOST_LAG_S, _MOST_PLAY_DEG = 1.0, 2.0
_SHORTEST_S = 1e-3
