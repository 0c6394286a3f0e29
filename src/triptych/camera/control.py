"""Where to turn the head: from faces seen late to commands in time. Pure; every moment is an argument."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from triptych.contracts import Limits, Pose


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """How a picture maps to angles: `view_deg` is what it spans (across, down); `linear` as in a panorama, else a true lens's tangent."""

    view_deg: tuple[float, float]
    linear: bool = False

    @classmethod
    def of_width(cls, hfov_deg: float, size: tuple[int, int]) -> Self:
        """Return the tangent lens that sees `hfov_deg` across a picture of `size` (width, height) square pixels."""
        down = 2 * math.degrees(math.atan(math.tan(math.radians(hfov_deg / 2)) * size[1] / size[0]))
        return cls(view_deg=(hfov_deg, down))

    def angles(self, x: float, y: float) -> tuple[float, float]:
        """Return (pan, tilt) in degrees from the axis of the lens, right and up positive, of a point in fractions of the picture."""
        return self._angle(x - 0.5, self.view_deg[0]), self._angle(0.5 - y, self.view_deg[1])

    def point(self, pan_deg: float, tilt_deg: float) -> tuple[float, float]:
        """Return the point, in fractions of the picture from its top left, at an angle from the axis of the lens."""
        return 0.5 + self._offset(pan_deg, self.view_deg[0]), 0.5 - self._offset(tilt_deg, self.view_deg[1])

    def _angle(self, offset: float, view_deg: float) -> float:
        if self.linear:
            return offset * view_deg
        return math.degrees(math.atan(2 * offset * math.tan(math.radians(view_deg / 2))))

    def _offset(self, angle_deg: float, view_deg: float) -> float:
        if self.linear:
            return angle_deg / view_deg
        return math.tan(math.radians(angle_deg)) / math.tan(math.radians(view_deg / 2)) / 2


class PoseTrail:
    """Where a head looked in the last two seconds, so that a frame is judged by the angle at its capture (camera L1)."""

    def __init__(self) -> None:
        self._poses: deque[Pose] = deque()

    def note(self, pose: Pose) -> None:
        """Add the newest pose; poses come in order of time."""
        self._poses.append(pose)
        while len(self._poses) > 1 and self._poses[1].at < pose.at - _MEMORY:
            self._poses.popleft()

    def at(self, moment: timedelta) -> Pose:
        """Return the pose at `moment`: interpolated, the newest after the newest, the oldest before the oldest. There must be one."""
        later = self._poses[-1]
        for pose in reversed(self._poses):
            if pose.at <= moment:
                return _between(pose, later, moment)
            later = pose
        return Pose(at=moment, pan_deg=later.pan_deg, tilt_deg=later.tilt_deg)


def _between(earlier: Pose, later: Pose, moment: timedelta) -> Pose:
    span = later.at - earlier.at
    part = min((moment - earlier.at) / span, 1.0) if span else 0.0
    return Pose(
        at=moment,
        pan_deg=earlier.pan_deg + part * (later.pan_deg - earlier.pan_deg),
        tilt_deg=earlier.tilt_deg + part * (later.tilt_deg - earlier.tilt_deg),
    )


class Phase(StrEnum):
    """What a follower is doing; the words of the track state."""

    SEARCHING = "searching"
    LOCKED = "locked"
    COASTING = "coasting"
    HOLDING = "holding"
    HOMING = "homing"
    SWEEPING = "sweeping"
    LEARNING = "learning"
    STILL = "still"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How a camera follows: `alpha` and `beta` are the estimator's gains for angle and speed.

    One that `leads` adds the head's lag to the prediction. The head starts to move
    when the target is `outer_deg` off and stops within `inner_deg`; it never turns faster than `cap_deg_s`.
    """

    alpha: float = 0.5
    beta: float = 0.12
    leads: bool
    outer_deg: float
    inner_deg: float
    cap_deg_s: float


CALM = Preset(leads=False, outer_deg=1.5, inner_deg=0.5, cap_deg_s=60.0)
NORMAL = Preset(leads=True, outer_deg=1.2, inner_deg=0.4, cap_deg_s=120.0)
PRESETS = MappingProxyType({"calm": CALM, "normal": NORMAL})
"""The one knob (camera 7.2); `ai` null chooses calm, `official_ai` normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """What happens when the target is out of sight, by the time since it was seen (camera L8)."""

    coast: timedelta = timedelta(seconds=0.8)
    hold: timedelta = timedelta(seconds=3)
    search: timedelta = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The target as one frame showed it: its number, the capture time (monotonic) and its world angle, degrees from home."""

    target: int
    at: timedelta
    pan_deg: float
    tilt_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What the head is to do now: go to an angle, no faster than `cap_deg_s`, or with `moves` False stand still.

    `speed_deg_s` is how fast (pan, tilt) that angle itself moves. `at_limit` says that the target is beyond what the head may reach.
    """

    phase: Phase
    moves: bool
    pan_deg: float
    tilt_deg: float
    cap_deg_s: float
    speed_deg_s: tuple[float, float] = (0.0, 0.0)
    at_limit: bool = False


class Estimate:
    """Angle and speed of one axis of the target: an alpha-beta filter with a gate for jumps (camera L2, L3).

    The first sights teach it the speed by and by: two noisy ones alone would tell of a run that never was.
    """

    def __init__(self, at: timedelta, angle_deg: float) -> None:
        self.at, self.angle_deg, self.speed_deg_s = at, angle_deg, 0.0
        self._sights = 1
        self._jump_to: float | None = None

    def see(self, at: timedelta, angle_deg: float, preset: Preset) -> None:
        """Take a measurement. One that is far from the prediction waits for the next to agree; alone it changes nothing."""
        span_s = (at - self.at).total_seconds()
        if span_s <= 0:
            return
        predicted = self.angle_deg + self.speed_deg_s * span_s
        surprise = angle_deg - predicted
        self.at = at
        if abs(surprise) <= _GATE_DEG:
            self.angle_deg = predicted + preset.alpha * surprise
            self.speed_deg_s += preset.beta * min(self._sights / _SURE_AFTER, 1.0) * surprise / span_s
            self._sights += 1
            self._jump_to = None
        elif self._jump_to is not None and abs(angle_deg - self._jump_to) <= _AGREE_DEG:
            self.angle_deg, self.speed_deg_s, self._jump_to = angle_deg, self.speed_deg_s / 2, None
        else:
            self.angle_deg, self._jump_to = predicted, angle_deg

    def expect(self, ahead_s: float) -> float:
        """Return the angle `ahead_s` after the last measurement, at constant speed."""
        return self.angle_deg + self.speed_deg_s * ahead_s

    def coast(self, ahead_s: float) -> float:
        """Return the angle `ahead_s` after the last measurement, the speed decaying."""
        return self.angle_deg + self.speed_deg_s * _DECAY_S * (1 - math.exp(-ahead_s / _DECAY_S))


class _Axis:
    """One axis of the head with its dead zone (camera L4): inside it the axis holds still, and nothing adds up."""

    def __init__(self) -> None:
        self.runs = False
        self._hold_deg: float | None = None

    def settle(self, aim_deg: float, head_deg: float, speed_deg_s: float, preset: Preset) -> float:
        """Return where to send this axis: to the aim while it runs, else to where it came to rest."""
        error = abs(aim_deg - head_deg)
        if self.runs:
            self.runs = error >= preset.inner_deg or abs(speed_deg_s) >= _STILL_DEG_S
        else:
            self.runs = error > preset.outer_deg
        if self.runs:
            self._hold_deg = None
            return aim_deg
        if self._hold_deg is None or abs(self._hold_deg - head_deg) > preset.inner_deg:
            self._hold_deg = head_deg
        return self._hold_deg


class Controller:
    """Follows one target with one head: call `update` once a frame and do what the command says.

    `lag` is the time from a command to its effect, 60 ms until it is learnt. The target is kept in world angles, so the head's own motion
    never enters the loop.
    """

    def __init__(
        self, preset: Preset, limits: Limits, *, lag: timedelta = timedelta(milliseconds=60), patience: Patience | None = None
    ) -> None:
        self.preset, self.lag = preset, lag
        self.limits, self._patience = limits, patience or Patience()
        self._axes = _Axis(), _Axis()
        self._target: int | None = None
        self._estimates: tuple[Estimate, Estimate] | None = None
        self._since: timedelta | None = None

    @property
    def last_sight(self) -> timedelta | None:
        """Return when the target was last seen, None before the first sight."""
        return None if self._estimates is None else self._estimates[0].at

    def forget(self) -> None:
        """Drop the target and begin to search anew."""
        self._estimates = self._target = self._since = None

    def update(self, now: timedelta, head: Pose, sight: Sight | None) -> Command:
        """Return the command for `now`: `head` is where the head looks, `sight` what the newest frame showed, None if not the target."""
        if sight is not None:
            self._see(sight)
        if self._estimates is None:
            return self._await(now, head)
        unseen = now - self._estimates[0].at
        if unseen < self._patience.hold:
            return self._follow(unseen, head)
        if unseen < self._patience.search:
            return self._search(unseen - self._patience.hold, head)
        return self._go_home(head)

    def _see(self, sight: Sight) -> None:
        angles = sight.pan_deg, sight.tilt_deg
        fresh = self._estimates is None or self._target != sight.target or sight.at - self._estimates[0].at > self._patience.coast
        if fresh or self._estimates is None:
            self._estimates = Estimate(sight.at, angles[0]), Estimate(sight.at, angles[1])
            self._target = sight.target
            return
        for estimate, angle in zip(self._estimates, angles, strict=True):
            estimate.see(sight.at, angle, self.preset)

    def _await(self, now: timedelta, head: Pose) -> Command:
        """Before the first sight: look where the head looks, then go home and keep watching."""
        if self._since is None:
            self._since = now
        if now - self._since < self._patience.hold:
            return _still(Phase.SEARCHING, head)
        return self._go_home(head)

    def _follow(self, unseen: timedelta, head: Pose) -> Command:
        assert self._estimates is not None  # noqa: S101 - update asks only with a sight behind it
        unseen_s, coast_s = unseen.total_seconds(), self._patience.coast.total_seconds()
        lead_s = self.lag.total_seconds() if self.preset.leads else 0.0
        if unseen <= _BLINK:
            aims = [estimate.expect(unseen_s + lead_s) for estimate in self._estimates]
            return self._steer(Phase.LOCKED, aims, [estimate.speed_deg_s for estimate in self._estimates], head)
        aims = [estimate.coast(min(unseen_s, coast_s) + lead_s) for estimate in self._estimates]
        phase = Phase.COASTING if unseen < self._patience.coast else Phase.HOLDING
        return self._steer(phase, aims, [0.0, 0.0], head)

    def _search(self, elapsed: timedelta, head: Pose) -> Command:
        """Sweep to and fro round the last sight, wider from row to row."""
        assert self._estimates is not None  # noqa: S101 - update asks only with a sight behind it
        coast_s = self._patience.coast.total_seconds()
        aside = _raster(elapsed.total_seconds())
        aims = [estimate.coast(coast_s) + off for estimate, off in zip(self._estimates, aside, strict=True)]
        return self._steer(Phase.SEARCHING, aims, [_STILL_DEG_S, 0.0], head, cap_deg_s=_HASTE_DEG_S)

    def _go_home(self, head: Pose) -> Command:
        if max(abs(head.pan_deg), abs(head.tilt_deg)) <= _HOME_DEG:
            return _still(Phase.SEARCHING, head)
        cap = min(_HASTE_DEG_S, self.preset.cap_deg_s)
        return Command(phase=Phase.HOMING, moves=True, pan_deg=0.0, tilt_deg=0.0, cap_deg_s=cap)

    def _steer(self, phase: Phase, aims: Sequence[float], speeds: Sequence[float], head: Pose, cap_deg_s: float = math.inf) -> Command:
        ranges = self.limits.pan_deg, self.limits.tilt_deg
        places = head.pan_deg, head.tilt_deg
        within = [min(max(aim, low), high) for aim, (low, high) in zip(aims, ranges, strict=True)]
        sent = [
            axis.settle(aim, place, speed, self.preset) for axis, aim, place, speed in zip(self._axes, within, places, speeds, strict=True)
        ]
        return Command(
            phase=phase,
            moves=any(axis.runs for axis in self._axes),
            pan_deg=sent[0],
            tilt_deg=sent[1],
            cap_deg_s=min(cap_deg_s, self.preset.cap_deg_s) * min(map(_slowing, sent, places, ranges)),
            speed_deg_s=(speeds[0], speeds[1]) if phase is Phase.LOCKED else (0.0, 0.0),
            at_limit=list(aims) != within,
        )


def rate(aim_deg: float, head_deg: float, speed_deg_s: float, cap_deg_s: float) -> float:
    """Return the speed for a head that takes speeds only: proportional to the world error, plus the target's own speed (camera L6)."""
    return min(max(_GAIN_PER_S * (aim_deg - head_deg) + speed_deg_s, -cap_deg_s), cap_deg_s)


def _raster(elapsed_s: float) -> tuple[float, float]:
    """Return how far (pan, tilt) from the last sight to look: sweeps at one speed, each row wider than the one before, the tilt in turn."""
    row = 1
    while elapsed_s > (span_s := 4 * row * _WIDER_DEG / _SWEEP_DEG_S):
        elapsed_s -= span_s
        row += 1
    part = elapsed_s / span_s
    swing = 4 * part if part < _TURN else 4 * part - 4 if part > 1 - _TURN else 2 - 4 * part
    return row * _WIDER_DEG * swing, _ROWS_DEG[(row - 1) % len(_ROWS_DEG)]


def _slowing(aim_deg: float, head_deg: float, limits: tuple[float, float]) -> float:
    """Return the part of the cap that is left close to a limit that the axis runs towards (camera L5)."""
    room = limits[1] - head_deg if aim_deg > head_deg else head_deg - limits[0]
    return min(max(room / _SLOW_OVER_DEG, _SLOWEST), 1.0)


def _still(phase: Phase, head: Pose) -> Command:
    return Command(phase=phase, moves=False, pan_deg=head.pan_deg, tilt_deg=head.tilt_deg, cap_deg_s=0.0)


_MEMORY = timedelta(seconds=2)
_SURE_AFTER = 15
_GATE_DEG, _AGREE_DEG = 4.0, 2.0
_STILL_DEG_S = 3.0
_DECAY_S = 1.5
_BLINK = timedelta(seconds=0.2)
_SWEEP_DEG_S, _WIDER_DEG, _ROWS_DEG, _TURN = 30.0, 10.0, (0.0, 2.0, -2.0), 0.25
_HOME_DEG, _HASTE_DEG_S = 0.2, 45.0
_GAIN_PER_S = 4.0
_SLOW_OVER_DEG, _SLOWEST = 2.0, 0.1
