"""How an axis of a head or an arm runs: to its aim, with bounded speed and acceleration. Pure."""

import math
from datetime import timedelta

HEARTBEAT = timedelta(milliseconds=300)
"""Without a fresh command for this long a head stops by itself (camera L9)."""


class Axis:
    """One axis that stands at `start_deg`: it keeps to `speed_deg_s` and `force_deg_s2`, and is shown in whole steps of `step_deg`."""

    def __init__(self, *, speed_deg_s: float, force_deg_s2: float, step_deg: float, tick_s: float, start_deg: float = 0.0) -> None:
        self._force, self._step_deg, self._tick_s = force_deg_s2, step_deg, tick_s
        self._at = self._aim = start_deg
        self._speed = 0.0
        self._top = self._cap = speed_deg_s

    @property
    def rests(self) -> bool:
        """Whether it stands where it was sent."""
        return self._at == self._aim and self._speed == 0.0

    @property
    def shown_deg(self) -> float:
        """The position in whole steps."""
        return self._whole(self._at)

    def aim(self, aim_deg: float, cap_deg_s: float) -> None:
        """Run to `aim_deg` from the next step on, no faster than `cap_deg_s`."""
        self._aim, self._cap = self._whole(aim_deg), min(cap_deg_s, self._top)

    def halt(self) -> None:
        """Stand still where it is."""
        self._speed, self._aim = 0.0, self.shown_deg
        self._at = self._aim

    def step(self) -> None:
        """Run for one tick: as fast as still allows to brake in time."""
        gap = self._aim - self._at
        brakes_in_time = self._force * (math.sqrt(self._tick_s**2 + 2 * abs(gap) / self._force) - self._tick_s)
        wanted = math.copysign(min(self._cap, brakes_in_time), gap)
        change = self._force * self._tick_s
        self._speed += min(max(wanted - self._speed, -change), change)
        self._at += self._speed * self._tick_s
        if abs(self._aim - self._at) < _NEAR_DEG and abs(self._speed) <= change:
            self._at, self._speed = self._aim, 0.0

    def _whole(self, angle_deg: float) -> float:
        return round(angle_deg / self._step_deg) * self._step_deg


def within(angle_deg: float, limits: tuple[float, float]) -> float:
    """Return the angle between (low, high) that is nearest to `angle_deg`."""
    return min(max(angle_deg, limits[0]), limits[1])


_NEAR_DEG = 0.01
