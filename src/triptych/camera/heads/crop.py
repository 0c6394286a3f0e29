"""A head made of pixels: a window that a servo model moves over a wider picture, as a real one would turn."""

import sys
import threading
from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from triptych.camera.control import PoseTrail
from triptych.camera.heads import CropOptions
from triptych.camera.motion import HEARTBEAT, Axis, within
from triptych.contracts import Clock, Frame, Pose


class CropHead:
    """The default head. Commands come from one thread or several; poses and pictures are of the clock that it is given."""

    fault = None

    def __init__(self, options: CropOptions, clock: Clock) -> None:
        self._options, self._clock = options, clock
        self.limits = options.limits
        self._axes = _axis(options), _axis(options)
        self._orders: deque[_Order] = deque()
        self._tick = clock.monotonic() // _TICK
        self._last_order = timedelta(0)
        self._trail = PoseTrail()
        self._buffers = Buffers((options.size[1], options.size[0], 3))
        self._lock = threading.Lock()
        self._note()

    def move(self, pan_deg: float, tilt_deg: float, cap_deg_s: float, speed_deg_s: tuple[float, float] = (0.0, 0.0)) -> None:  # noqa: ARG002 - it takes positions
        """Go towards a position within the limits, no faster than `cap_deg_s`; without a fresh command for 300 ms the head stops."""
        with self._lock:
            now = self._advance()
            self._last_order = now
            aims = within(pan_deg, self.limits.pan_deg), within(tilt_deg, self.limits.tilt_deg)
            due = (now + timedelta(seconds=self._options.lag_s)) // _TICK
            self._orders.append(_Order(tick=due, aims=aims, cap_deg_s=cap_deg_s))

    def pose(self) -> Pose:
        """Return where the head looks now."""
        with self._lock:
            return self._trail.at(self._advance())

    def at(self, moment: timedelta) -> Pose:
        """Return where the head looked at `moment` of the last two seconds, monotonic since boot."""
        with self._lock:
            self._advance()
            return self._trail.at(moment)

    def stop(self) -> None:
        """Stand still at once."""
        with self._lock:
            self._advance()
            self._halt()

    def view(self, frame: Frame, shift_deg: tuple[float, float] = (0.0, 0.0)) -> Frame:
        """Return the window of `frame` that the head looked through when it was taken; a picture of its own, not a part of `frame`.

        `shift_deg` is how far (pan, tilt) something that carries the head had turned it then.
        """
        pose = self.at(frame.captured)
        width, height = self._options.size
        middle_x = frame.image.shape[1] / 2 + (pose.pan_deg + shift_deg[0]) * width / self._options.view_deg[0]
        middle_y = frame.image.shape[0] / 2 - (pose.tilt_deg + shift_deg[1]) * height / self._options.view_deg[1]
        left = round(within(middle_x - width / 2, (0, frame.image.shape[1] - width)))
        top = round(within(middle_y - height / 2, (0, frame.image.shape[0] - height)))
        part = frame.image[top : top + height, left : left + width]
        if part.strides[0] == 0:  # one pixel that stands for all, as the sim source gives: nothing to keep safe
            return replace(frame, image=part)
        window = self._buffers.take()
        np.copyto(window, part)
        return replace(frame, image=window)

    def close(self) -> None:
        """Stop."""
        self.stop()

    def _advance(self) -> timedelta:
        """Let the servos run until now; while they rest, time costs nothing."""
        now = self._clock.monotonic()
        goal = now // _TICK
        while self._tick < goal:
            resting = not self._orders and all(axis.rests for axis in self._axes)
            self._tick = goal if resting else self._tick + 1
            self._obey()
            for axis in self._axes:
                axis.step()
            self._note()
        return now

    def _obey(self) -> None:
        while self._orders and self._orders[0].tick <= self._tick:
            order = self._orders.popleft()
            for axis, aim in zip(self._axes, order.aims, strict=True):
                axis.aim(aim, order.cap_deg_s)
        if self._tick * _TICK - self._last_order > HEARTBEAT:
            self._halt()

    def _halt(self) -> None:
        self._orders.clear()
        for axis in self._axes:
            axis.halt()

    def _note(self) -> None:
        pan, tilt = self._axes
        self._trail.note(Pose(at=self._tick * _TICK, pan_deg=pan.shown_deg, tilt_deg=tilt.shown_deg))


@dataclass(frozen=True, slots=True)
class _Order:
    tick: int
    aims: tuple[float, float]
    cap_deg_s: float


class Buffers:
    """Picture buffers that are used again once nobody holds them: fresh memory for every frame costs more than the copy."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._pool = [np.empty(shape, np.uint8)]
        self._alone = self._holders(0)

    def take(self) -> NDArray[np.uint8]:
        """Return a (H, W, 3) uint8 buffer with arbitrary contents that is the caller's as long as it, or a view of it, is referenced."""
        for place in range(len(self._pool)):
            if self._holders(place) == self._alone:
                return self._pool[place]
        fresh = np.empty(self._shape, np.uint8)
        if len(self._pool) < _MOST_BUFFERS:
            self._pool.append(fresh)
        return fresh

    def _holders(self, place: int) -> int:
        return sys.getrefcount(self._pool[place])


def _axis(options: CropOptions) -> Axis:
    return Axis(speed_deg_s=options.speed_deg_s, force_deg_s2=options.force_deg_s2, step_deg=options.step_deg, tick_s=_TICK_S)


_TICK_S = 0.004
_TICK = timedelta(seconds=_TICK_S)
_MOST_BUFFERS = 12
