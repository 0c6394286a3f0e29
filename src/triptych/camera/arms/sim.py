"""An arm that is a model: its joints run as servos would, and shift what a simulated camera on it sees."""

import threading
from collections import deque
from collections.abc import Sequence
from datetime import timedelta

from triptych.camera.arms import SimOptions
from triptych.camera.motion import Axis, within
from triptych.contracts import Clock


class SimArm:
    """The default arm. Commands come from one thread or several; the joints are of the clock that it is given."""

    def __init__(self, options: SimOptions, clock: Clock) -> None:
        self.limits: Sequence[tuple[float, float]] = options.joints_deg
        self._clock = clock
        self._axes = [
            Axis(speed_deg_s=options.speed_deg_s, force_deg_s2=options.force_deg_s2, step_deg=_STEP_DEG, tick_s=_TICK_S, start_deg=start)
            for start in options.start_deg
        ]
        self._tick = clock.monotonic() // _TICK
        self._trail: deque[tuple[int, tuple[float, ...]]] = deque([(self._tick, options.start_deg)])
        self._lock = threading.Lock()

    def move(self, joints_deg: Sequence[float], cap_deg_s: float) -> None:
        """Send every joint towards an angle within its limits, none faster than `cap_deg_s`."""
        with self._lock:
            self._advance()
            for axis, aim, limits in zip(self._axes, joints_deg, self.limits, strict=True):
                axis.aim(within(aim, limits), cap_deg_s)

    def joints(self) -> tuple[float, ...]:
        """Return where the joints stand now."""
        with self._lock:
            self._advance()
            return self._trail[-1][1]

    def at(self, moment: timedelta) -> tuple[float, ...]:
        """Return where the joints stood at `moment` of the last two seconds, monotonic since boot."""
        with self._lock:
            self._advance()
            tick = moment // _TICK
            return next((joints for then, joints in reversed(self._trail) if then <= tick), self._trail[0][1])

    def stop(self) -> None:
        """Hold every joint where it stands, at once."""
        with self._lock:
            self._advance()
            for axis in self._axes:
                axis.halt()

    def close(self) -> None:
        """Stop."""
        self.stop()

    def _advance(self) -> None:
        """Let the joints run until now; while they rest, time costs nothing."""
        goal = self._clock.monotonic() // _TICK
        while self._tick < goal:
            if all(axis.rests for axis in self._axes):
                self._tick = goal
                return
            self._tick += 1
            for axis in self._axes:
                axis.step()
            self._trail.append((self._tick, tuple(axis.shown_deg for axis in self._axes)))
            while len(self._trail) > 1 and self._trail[1][0] < self._tick - _MEMORY_TICKS:
                self._trail.popleft()


_TICK_S, _STEP_DEG = 0.004, 0.1
_TICK = timedelta(seconds=_TICK_S)
_MEMORY_TICKS = 500
