"""Hobby servos on a board of pulses: they run by a profile in a thread of their own, which is also who stops and releases them."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from triptych.camera.boards import Board
from triptych.camera.motion import Axis, within
from triptych.contracts import Clock
from triptych.errors import Unavailable

log = structlog.get_logger()

RELEASE = timedelta(seconds=1.5)
"""Servos that rest for this long get no more pulses: they neither hum nor warm (camera L9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """One servo: its soft limits, where it is taken to stand at first, and its `pulse_us` at the two ends of `span_deg`."""

    limits_deg: tuple[float, float]
    start_deg: float = 0.0
    span_deg: tuple[float, float]
    pulse_us: tuple[float, float]
    reversed: bool = False
    speed_deg_s: float
    force_deg_s2: float

    def axis(self) -> Axis:
        """Return how it runs."""
        return Axis(
            speed_deg_s=self.speed_deg_s, force_deg_s2=self.force_deg_s2, step_deg=_STEP_DEG, tick_s=_TICK_S, start_deg=self.start_deg
        )

    def width_us(self, at_deg: float) -> float:
        """Return the pulse that holds it at an angle."""
        part = (at_deg - self.span_deg[0]) / (self.span_deg[1] - self.span_deg[0])
        if self.reversed:
            part = 1 - part
        return self.pulse_us[0] + part * (self.pulse_us[1] - self.pulse_us[0])


class Servos:
    """The joints on one board. Nothing moves before the first command, and that one starts from where the joints are taken to stand.

    A servo tells no position: it is taken to be where its profile has come. With a `heartbeat` the joints stop by themselves when no
    command came for so long; with `release` they get no more pulses once they rested for so long.
    """

    def __init__(
        self, joints: Sequence[Joint], board: Board, clock: Clock, *, heartbeat: timedelta | None = None, release: timedelta | None = None
    ) -> None:
        self.fault: Unavailable | None = None
        self._joints, self._board, self._clock = joints, board, clock
        self._heartbeat, self._release = heartbeat, release
        self._axes = [joint.axis() for joint in joints]
        self._run_until = self._ordered = clock.monotonic()
        self._rests_since: timedelta | None = self._ordered
        self._powered, self._open = False, True
        self._sent: list[float | None] = [None] * len(joints)
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="servos", daemon=True)
        self._thread.start()

    def move(self, aims_deg: Sequence[float], cap_deg_s: float) -> None:
        """Send every joint to an angle within its limits, none faster than `cap_deg_s`."""
        with self._wake:
            self._ordered = self._clock.monotonic()
            if self._idle:
                self._run_until = self._ordered
            for joint, axis, aim in zip(self._joints, self._axes, aims_deg, strict=True):
                axis.aim(within(aim, joint.limits_deg), cap_deg_s)
            self._wake.notify()

    def places(self) -> tuple[float, ...]:
        """Return the angle of every joint."""
        with self._wake:
            return tuple(axis.shown_deg for axis in self._axes)

    def stop(self) -> None:
        """Hold every joint where it stands, at once."""
        with self._wake:
            self._halt()

    def close(self) -> None:
        """Stop, end the pulses and give the board back."""
        with self._wake:
            self._halt()
            was_open, self._open = self._open, False
            self._wake.notify()
        self._thread.join()
        if was_open:
            self._board.close()

    @property
    def _idle(self) -> bool:
        """Whether there is nothing to do until the next command."""
        resting = all(axis.rests for axis in self._axes)
        return resting and self.fault is None and (not self._powered or self._release is None)

    def _run(self) -> None:
        while self._open:
            with self._wake:
                if self._open:
                    self._wake.wait(None if self._idle else _TICK_S)
                widths = self._advance()
            self._send(widths)

    def _advance(self) -> list[float | None]:
        """Let the joints run until now; return their pulses. After a pause of the machine they go on from where they were."""
        now = self._clock.monotonic()
        if self._heartbeat is not None and now - self._ordered > self._heartbeat:
            self._halt()
        for _ in range(min((now - self._run_until) // _TICK, _MOST_TICKS) if self.fault is None else 0):
            for axis in self._axes:
                axis.step()
        self._run_until += (now - self._run_until) // _TICK * _TICK
        self._power(now)
        return [joint.width_us(axis.shown_deg) if self._powered else None for joint, axis in zip(self._joints, self._axes, strict=True)]

    def _power(self, now: timedelta) -> None:
        if not all(axis.rests for axis in self._axes):
            self._rests_since, self._powered = None, True
            return
        self._rests_since = self._rests_since or now
        if self._release is not None and now - self._rests_since >= self._release:
            self._powered = False

    def _halt(self) -> None:
        for axis in self._axes:
            axis.halt()

    def _send(self, widths: Sequence[float | None]) -> None:
        """Send the pulses that changed; a board that does not answer is asked again at the next tick."""
        try:
            for place, width in enumerate(widths):
                if width != self._sent[place] or self.fault is not None:
                    self._board.pulse(place, width)
                    self._sent[place] = width
        except OSError as fault:
            if self.fault is None:
                log.warning("board does not answer", fault=str(fault))
            self.fault = Unavailable("The servo board does not answer.", code="servos_silent")
        else:
            self.fault = None


_TICK_S = 0.02
_TICK = timedelta(seconds=_TICK_S)
"""A servo takes a pulse every 20 ms."""
_MOST_TICKS = 3
_STEP_DEG = 0.1
