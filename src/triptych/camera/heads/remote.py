"""What the heads on a network have in common: a thread that says the newest command, and one that asks where the head looks."""

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from triptych.camera.control import rate
from triptych.camera.heads.none import whole
from triptych.camera.motion import HEARTBEAT, within
from triptych.contracts import Clock, Frame, Limits, Pose
from triptych.errors import Unavailable

log = structlog.get_logger()

Pair = tuple[float, float]
"""Pan and tilt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a device is to do next: turn at `rate_deg_s`, or go from `at_deg` to `goal_deg`, which is close by, at `speed_deg_s`."""

    at_deg: Pair
    goal_deg: Pair
    rate_deg_s: Pair
    speed_deg_s: float


class Device(Protocol):
    """A pan-tilt device, in degrees from home. `where` may be called while another call runs; the others never meet.

    Each call is bounded in time and raises `Unavailable` when the device does not answer.
    """

    by_speed: bool
    """Whether it is told speeds rather than positions; known once connected."""
    pace: timedelta
    """The least time between two commands."""

    def connect(self) -> None:
        """Learn what the device offers; nothing moves."""
        ...

    def send(self, step: Step) -> Pair:
        """Do a step; return the speeds (pan, tilt) in degrees a second that were really asked for."""
        ...

    def halt(self) -> None:
        """Stand still."""
        ...

    def where(self) -> Pair | None:
        """Return where it looks, or None when it does not tell."""
        ...

    def close(self) -> None:
        """Give the line back."""
        ...


class RemoteHead:
    """A head that takes commands at once and passes on the newest: no caller ever waits for the network.

    Opening moves nothing and does not wait for the device either; `fault` says why it does not answer. After a loss it is dialled again,
    and the first thing said is to stand still. Where the device tells no position, home is where it looked when opened, and the position
    is reckoned.
    """

    def __init__(self, limits: Limits, device: Device, clock: Clock) -> None:
        self.limits = limits
        self.fault: Unavailable | None = Unavailable("The head was not reached yet.", code="head_silent")
        self._device, self._clock = device, clock
        self._reckoning = Reckoning(clock.monotonic())
        self._order: _Order | None = None
        self._moving = self._halts = self._connected = False
        self._said, self._said_at = (0.0, 0.0), clock.monotonic()
        self._halted_at = self._said_at - _HALT_AGAIN
        self._tries = 0
        self._open = True
        self._wake = threading.Condition()
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True) for name, run in (("mover", self._run), ("watcher", self._watch))
        ]
        for thread in self._threads:
            thread.start()

    def move(self, pan_deg: float, tilt_deg: float, cap_deg_s: float, speed_deg_s: Pair = (0.0, 0.0)) -> None:
        """Go towards a position within the limits, no faster than `cap_deg_s`; without a fresh command for 300 ms the head stops."""
        aim = within(pan_deg, self.limits.pan_deg), within(tilt_deg, self.limits.tilt_deg)
        with self._wake:
            self._order = _Order(self._clock.monotonic(), aim, cap_deg_s, speed_deg_s)
            self._halts = False
            self._wake.notify_all()

    def pose(self) -> Pose:
        """Return where the head looks now: as the device told it last, and on from there as it was commanded."""
        with self._wake:
            now = self._clock.monotonic()
            pan, tilt = self._reckoning.at(now)
        return Pose(at=now, pan_deg=pan, tilt_deg=tilt)

    def stop(self) -> None:
        """Stand still at once: the next thing that is said to the device."""
        with self._wake:
            self._order, self._halts = None, True
            self._wake.notify_all()

    def view(self, frame: Frame) -> Frame:
        """Return the whole frame."""
        return whole(frame)

    def close(self) -> None:
        """Stop and hang up."""
        self.stop()
        with self._wake:
            self._open = False
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()
        self._device.close()

    def _run(self) -> None:
        """Steer until closed; the stop before the end is still said if the device answers."""
        while self._open or (self._halts and self._connected):
            try:
                self._reach()
                self._steer_once()
            except Unavailable as fault:
                self._lose(fault)
            self._pause()

    def _reach(self) -> None:
        """Connect if need be; after a loss the device may still be turning."""
        if self._connected or not self._open:
            return
        self._device.connect()
        if self._tries:
            self._device.halt()
        asked, place = self._clock.monotonic(), self._device.where()
        with self._wake:
            if place is not None:
                self._reckoning.correct(asked, place)
            self._connected, self._tries, self.fault = True, 0, None
            self._wake.notify_all()

    def _steer_once(self) -> None:
        with self._wake:
            now = self._clock.monotonic()
            order, halts = self._order, self._halts
            fresh = order is not None and now - order.at <= HEARTBEAT
            step = self._plan(order, now) if order is not None and fresh else None
            self._halts = False
        if step is not None:
            self._do(step, now)
        elif self._moving or (halts and now - self._halted_at >= _HALT_AGAIN):
            self._halt()

    def _plan(self, order: "_Order", now: timedelta) -> Step:
        """Return what comes next of an order: never beyond the limits, whatever its speeds say (camera L6, S2)."""
        at = self._reckoning.at(now)
        ranges = self.limits.pan_deg, self.limits.tilt_deg
        rates = [rate(aim, here, speed, order.cap_deg_s) for aim, here, speed in zip(order.aim_deg, at, order.speed_deg_s, strict=True)]
        pan, tilt = (_inside(one, here, ends, order.cap_deg_s) for one, here, ends in zip(rates, at, ranges, strict=True))
        far = order.cap_deg_s * _REACH_S
        goal = [here + within(aim - here, (-far, far)) for aim, here in zip(order.aim_deg, at, strict=True)]
        return Step(at_deg=at, goal_deg=(goal[0], goal[1]), rate_deg_s=(pan, tilt), speed_deg_s=order.cap_deg_s)

    def _do(self, step: Step, now: timedelta) -> None:
        wanted = step.rate_deg_s if self._device.by_speed else step.goal_deg
        at_rest = max(map(abs, wanted)) < _STILL_DEG_S if self._device.by_speed else _apart(wanted, step.at_deg) < _NEAR_DEG
        if at_rest:
            if self._moving and self._device.by_speed:
                self._halt()
            self._moving = False
            return
        same = self._moving and _apart(wanted, self._said) < _SAME
        if self._moving and now - self._said_at < (max(_RENEW, self._device.pace) if same else self._device.pace):
            return
        self._moving, self._said, self._said_at = True, wanted, now
        speeds = self._device.send(step)
        ends = _limits_of(speeds, self.limits) if self._device.by_speed else step.goal_deg
        with self._wake:
            self._reckoning.run(self._clock.monotonic(), speeds, ends)
        self._heard()

    def _halt(self) -> None:
        self._device.halt()
        with self._wake:
            self._moving, self._halted_at = False, self._clock.monotonic()
            self._reckoning.rest(self._halted_at)
        self._heard()

    def _watch(self) -> None:
        """Ask where the head looks until closed."""
        while self._open:
            with self._wake:
                self._wake.wait_for(lambda: not self._open, _ASK_S if self._moving else _ASK_AT_REST_S)
                ready = self._connected and self._open
            if ready:
                self._ask()

    def _ask(self) -> None:
        asked = self._clock.monotonic()
        try:
            place = self._device.where()
        except Unavailable as fault:
            self._lose(fault)
            return
        if place is not None:
            with self._wake:
                now = self._clock.monotonic()
                self._reckoning.correct(asked + (now - asked) / 2, place)
            self._heard()

    def _heard(self) -> None:
        with self._wake:
            if self._connected:
                self.fault = None

    def _lose(self, fault: Unavailable) -> None:
        with self._wake:
            if self.fault is None:
                log.warning("head does not answer", fault=fault.message)
            self.fault, self._connected = fault, False
            self._tries += 1
            self._reckoning.rest(self._clock.monotonic())
            self._wake.notify_all()

    def _pause(self) -> None:
        """Wait for the next command, or for the next beat of the one that is in force; after a loss for the next try."""
        with self._wake:
            if not self._connected:
                self._wake.wait_for(lambda: not self._open, _RETRY_S[min(max(self._tries, 1), len(_RETRY_S)) - 1])
            elif self._open and not self._halts:
                self._wake.wait(_IDLE_S if self._order is None and not self._moving else _BEAT_S)


class Reckoning:
    """Where a head looks, by what it told last and what it was commanded since. Pure; moments come in order."""

    def __init__(self, at: timedelta) -> None:
        self._since, self._from = at, (0.0, 0.0)
        self._speeds, self._ends = (0.0, 0.0), (0.0, 0.0)

    def at(self, moment: timedelta) -> Pair:
        """Return the position at `moment`."""
        gone_s = max((moment - self._since).total_seconds(), 0.0)
        pan, tilt = (_run(*axis, gone_s) for axis in zip(self._from, self._speeds, self._ends, strict=True))
        return pan, tilt

    def run(self, now: timedelta, speeds_deg_s: Pair, ends_deg: Pair) -> None:
        """Take it that from now on each axis runs at its speed as far as its end."""
        self._since, self._from = now, self.at(now)
        self._speeds, self._ends = speeds_deg_s, ends_deg

    def rest(self, now: timedelta) -> None:
        """Take it that both axes stand still."""
        self.run(now, (0.0, 0.0), self.at(now))

    def correct(self, moment: timedelta, place_deg: Pair) -> None:
        """Take it that the head looked there at `moment`, and went on as commanded."""
        self._since, self._from = max(moment, self._since), place_deg


@dataclass(frozen=True, slots=True)
class _Order:
    at: timedelta
    aim_deg: Pair
    cap_deg_s: float
    speed_deg_s: Pair


def _run(start_deg: float, speed_deg_s: float, end_deg: float, gone_s: float) -> float:
    if speed_deg_s == 0 or (end_deg - start_deg) * speed_deg_s <= 0:
        return start_deg
    place = start_deg + speed_deg_s * gone_s
    return min(place, end_deg) if speed_deg_s > 0 else max(place, end_deg)


def _inside(rate_deg_s: float, here_deg: float, ends_deg: Pair, cap_deg_s: float) -> float:
    """Return the speed that passes no limit before the next command can come; one beyond a limit is led back."""
    kept = within(rate_deg_s, ((ends_deg[0] - here_deg) / _REACH_S, (ends_deg[1] - here_deg) / _REACH_S))
    return within(kept, (-cap_deg_s, cap_deg_s))


def _limits_of(speeds: Pair, limits: Limits) -> Pair:
    return limits.pan_deg[speeds[0] > 0], limits.tilt_deg[speeds[1] > 0]


def _apart(one: Pair, other: Pair) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


_BEAT_S, _IDLE_S = 0.025, 0.5
_ASK_S, _ASK_AT_REST_S = 0.1, 0.5
_RENEW = timedelta(milliseconds=200)
_REACH_S = 0.4
"""How far ahead a goal lies, and in what time no limit may be passed: a little more than the heartbeat."""
_RETRY_S = (0.05, 0.5, 1.0, 2.0, 4.0)
"""The first soon: a device without a lease turns on until it is told to stand."""
_HALT_AGAIN = timedelta(seconds=0.5)
_STILL_DEG_S, _NEAR_DEG, _SAME = 0.3, 0.05, 0.3
