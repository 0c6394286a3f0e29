"""Turns a head by hand: to a place, or at a speed for as long as its driver says so again (camera 3.3, 6, 11)."""

import math
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from triptych.camera.motion import within
from triptych.camera.wheel import Owner, Wheel
from triptych.contracts import Clock
from triptych.errors import Conflict, Invalid

GRACE = timedelta(seconds=3)
"""How long after the last move by hand lower owners wait."""
SILENCE = timedelta(milliseconds=500)
LEASE = timedelta(seconds=1)
CAP_DEG_S = 60.0
FASTEST_DEG_S = 360.0
ARRIVED_DEG = 0.15
PATIENCE = timedelta(seconds=10)

HeadAxis = Literal["pan", "tilt"]


@dataclass(slots=True, kw_only=True)
class _Drive:
    driver: str
    told: timedelta
    speed_deg_s: tuple[float, float]
    stands: bool = False


class Steering:
    """The hand on one head. `run_once` is to be called often while it returns True, and passes on what is asked for here."""

    def __init__(self, wheel: Wheel, clock: Clock) -> None:
        self.wheel = wheel
        self._clock = clock
        self._goal: tuple[float, float] | None = None
        self._since = self._last = self._moved = clock.monotonic()
        self._drive: _Drive | None = None
        self._lock = threading.Lock()

    def turn_by(self, axis: HeadAxis, angle_deg: float) -> None:
        """Turn one axis by an angle from where it stands or was sent. Raises `Invalid` past a limit, `Conflict` while somebody drives."""
        with self._lock:
            self._check_driver(None)
            pan, tilt = self._goal or self._place()
            aims = (pan + angle_deg, tilt) if axis == "pan" else (pan, tilt + angle_deg)
            low, high = self.wheel.axes.limits.pan_deg if axis == "pan" else self.wheel.axes.limits.tilt_deg
            if not low <= aims[axis == "tilt"] <= high:
                raise Invalid(f"quantity is past a limit: {axis} may be {low:g} to {high:g} degrees.", field="quantity")
            self._send(aims)

    def go(self, pan_deg: float, tilt_deg: float) -> None:
        """Turn to an angle within the limits. Raises `Conflict` while somebody drives."""
        with self._lock:
            self._check_driver(None)
            limits = self.wheel.axes.limits
            self._send((within(pan_deg, limits.pan_deg), within(tilt_deg, limits.tilt_deg)))

    def drive(self, driver: str, pan_deg_s: float, tilt_deg_s: float) -> None:
        """Turn at a speed until 500 ms after the last time this was said. Raises `Conflict` within 1 s of another driver's word."""
        if not all(math.isfinite(speed) and abs(speed) <= FASTEST_DEG_S for speed in (pan_deg_s, tilt_deg_s)):
            raise Invalid(f"pan and tilt must be -{FASTEST_DEG_S:g} to {FASTEST_DEG_S:g} degrees a second.", field="drive")
        with self._lock:
            self._check_driver(driver)
            now = self._clock.monotonic()
            if self._drive is None or self._drive.stands:
                self._goal, self._moved = self._place(), now
            self._drive = _Drive(driver=driver, told=now, speed_deg_s=(pan_deg_s, tilt_deg_s))
            self._claim(now)

    def drop(self) -> None:
        """Give up every goal and the head."""
        with self._lock:
            self._goal = self._drive = None
            self.wheel.release(Owner.MANUAL)

    def run_once(self) -> bool:
        """Move on; False once the head is given back and nobody drives."""
        with self._lock:
            now = self._clock.monotonic()
            if self._drive is not None:
                self._obey(self._drive, now)
            elif self._goal is not None:
                self._approach(self._goal, now)
            elif now - self._last >= GRACE:
                self.wheel.release(Owner.MANUAL)
                return False
            return True

    def _send(self, goal: tuple[float, float]) -> None:
        now = self._clock.monotonic()
        self._goal, self._since, self._drive = goal, now, None
        self._claim(now)

    def _claim(self, now: timedelta) -> None:
        self._last = now
        self.wheel.claim(Owner.MANUAL)

    def _approach(self, goal: tuple[float, float], now: timedelta) -> None:
        self._last = now
        arrived = all(abs(aim - place) <= ARRIVED_DEG for aim, place in zip(goal, self._place(), strict=True))
        if arrived or now - self._since > PATIENCE:
            self._goal = None
            self.wheel.stop(Owner.MANUAL)
            return
        self.wheel.turn(Owner.MANUAL, *goal, CAP_DEG_S)

    def _obey(self, drive: _Drive, now: timedelta) -> None:
        if now - drive.told > LEASE:
            self._drive = self._goal = None
        if drive.stands:
            return
        self._last = now
        if now - drive.told > SILENCE or drive.speed_deg_s == (0.0, 0.0):
            drive.stands = True
            self.wheel.stop(Owner.MANUAL)
            return
        self._goal = self._ahead(drive.speed_deg_s, (now - self._moved).total_seconds())
        self._moved = now
        cap = max(map(abs, drive.speed_deg_s)) * _HASTE
        self.wheel.turn(Owner.MANUAL, *self._goal, cap, drive.speed_deg_s)

    def _ahead(self, speed_deg_s: tuple[float, float], span_s: float) -> tuple[float, float]:
        """Return the goal moved on at a speed: within the limits, and never far ahead of a head that lags."""
        goal, limits = self._goal or self._place(), self.wheel.axes.limits
        moved = [
            within(within(at + speed * span_s, (place - _LEASH_DEG, place + _LEASH_DEG)), ends)
            for at, speed, place, ends in zip(goal, speed_deg_s, self._place(), (limits.pan_deg, limits.tilt_deg), strict=True)
        ]
        return moved[0], moved[1]

    def _place(self) -> tuple[float, float]:
        pose = self.wheel.axes.pose()
        return pose.pan_deg, pose.tilt_deg

    def _check_driver(self, driver: str | None) -> None:
        leased = self._drive is not None and self._clock.monotonic() - self._drive.told <= LEASE
        if leased and self._drive is not None and self._drive.driver != driver:
            raise Conflict("Somebody else drives the head; try again in a second.", code="head_leased")


_HASTE, _LEASH_DEG = 1.5, 10.0
