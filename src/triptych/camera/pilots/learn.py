"""Turns the head in a known way and learns from the pictures what it is like (camera 4, `learn`)."""

from collections.abc import Sequence
from datetime import timedelta

from triptych.camera.control import NORMAL, Command, Lens, Phase
from triptych.camera.flow import Gauge
from triptych.camera.learn import Fit, Learnt, Plan, Stage, Step, align, gain_of, top_speed
from triptych.camera.track import Track
from triptych.contracts import Frame, Limits, Pose

Series = list[tuple[float, float]]


class Learner:
    """Plays the plan of a calibration. One of `learnt` and `fault` is set when it is over; no face is needed, and none becomes the target.

    Time counts only while it steers, so after a pause it goes on where it stood.
    """

    def __init__(self, lens: Lens, limits: Limits) -> None:
        self.learnt: Learnt | None = None
        self.fault: str | None = None
        self._lens, self._plan = lens, Plan(limits)
        self._stage: Stage | None = None
        self._elapsed_s = self._settling_s = 0.0
        self._last: timedelta | None = None
        self._trusted_from = timedelta(0)
        self._gauge = Gauge(lens)
        self._frames = 0
        self._sent: dict[Stage, Series] = {stage: [] for stage in Stage}
        self._seen: dict[Stage, Series] = {stage: [] for stage in Stage}
        self._fit: Fit | None = None

    def watch(self, frame: Frame, pose: Pose, tracks: Sequence[Track]) -> Track | None:  # noqa: ARG002 - only the picture counts
        """Measure how far the picture turned."""
        if self._stage is None or self._stage is Stage.SETTLE or self._over:
            return None
        turn = self._gauge.measure(frame.image)
        if self._trusted_from <= frame.captured <= (self._last or frame.captured) + _STALE:
            self._frames += 1
            if turn is not None:
                turned_deg = turn.tilt_deg if self._stage is Stage.TILT else turn.pan_deg
                self._seen[self._stage].append((frame.captured.total_seconds(), turned_deg))
        return None

    def steer(self, now: timedelta, head: Pose) -> Command:
        """Return where the plan wants the head now."""
        step = self._next(now, head)
        if step is None or self._over:
            return Command(phase=Phase.LEARNING, moves=False, pan_deg=head.pan_deg, tilt_deg=head.tilt_deg, cap_deg_s=0.0)
        sent_deg = step.tilt_deg if step.stage is Stage.TILT else step.pan_deg
        self._sent[step.stage].append((now.total_seconds(), sent_deg))
        return Command(phase=Phase.LEARNING, moves=True, pan_deg=step.pan_deg, tilt_deg=step.tilt_deg, cap_deg_s=NORMAL.cap_deg_s)

    def forget(self) -> None:
        """Keep on: it follows nobody."""

    @property
    def _over(self) -> bool:
        return self.learnt is not None or self.fault is not None

    def _next(self, now: timedelta, head: Pose) -> Step | None:
        passed = timedelta(0) if self._last is None else now - self._last
        if passed > _STALE:
            self._trusted_from, passed = now + _RECOVERY, timedelta(0)
        self._last = now
        self._elapsed_s += passed.total_seconds()
        step = self._plan.at(self._elapsed_s)
        if step is not None and step.stage is not Stage.SETTLE and self._stage is Stage.SETTLE and self._still_on_the_way(head, passed):
            step = self._plan.start
        stage = None if step is None else step.stage
        if stage is not self._stage and not self._over:
            self._conclude(self._stage, last=stage is None)
            self._stage, self._gauge, self._frames = stage, Gauge(self._lens), 0
        return step

    def _still_on_the_way(self, head: Pose, passed: timedelta) -> bool:
        """Wait, for a while, until a slow head has arrived where the plan begins."""
        start = self._plan.start
        away = max(abs(head.pan_deg - start.pan_deg), abs(head.tilt_deg - start.tilt_deg)) > _ARRIVED_DEG
        self._settling_s += passed.total_seconds()
        if not away or self._settling_s > _SETTLES_WITHIN_S:
            return False
        self._elapsed_s -= passed.total_seconds()
        return True

    def _conclude(self, stage: Stage | None, *, last: bool) -> None:
        if stage is Stage.PAN:
            self._conclude_pan()
        if last and self._fit is not None and not self._over:
            self._conclude_all(self._fit)

    def _conclude_pan(self) -> None:
        seen = self._seen[Stage.PAN]
        if len(seen) < max(_FEWEST, self._frames * _LEAST_PART):
            self.fault = "The picture shows too little to measure the head by: it needs texture and light."
            return
        fit = align(self._sent[Stage.PAN], seen)
        if abs(fit.gain) < _LEAST_GAIN:
            self.fault = "The head did not turn the picture: it is silent or stuck."
        elif fit.residual_deg > _MOST_RESIDUAL * abs(fit.gain) * self._plan.pan_reach_deg:
            self.fault = "The picture did not follow the head closely enough to measure it."
        else:
            self._fit = fit

    def _conclude_all(self, fit: Fit) -> None:
        tilt = gain_of(self._sent[Stage.TILT], self._seen[Stage.TILT], fit.lag_s)
        across = 1 / fit.gain
        self.learnt = Learnt(
            lag_s=round(fit.lag_s, 4),
            factor=(round(across, 4), round(1 / tilt if abs(tilt) >= _LEAST_GAIN else abs(across), 4)),
            speed_deg_s=round(abs(across) * top_speed(self._seen[Stage.JUMPS]), 1),
            play_deg=round(fit.play_deg, 2),
            residual_deg=round(fit.residual_deg, 3),
        )


_STALE, _RECOVERY = timedelta(seconds=0.3), timedelta(seconds=0.6)
_ARRIVED_DEG, _SETTLES_WITHIN_S = 0.5, 5.0
_FEWEST, _LEAST_PART = 30, 0.5
_LEAST_GAIN, _MOST_RESIDUAL = 0.1, 0.1
