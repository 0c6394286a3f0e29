"""Where to turn the head: from faces seen late to commands in time. Pure; every moment is an argument."""

import math
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from triptych.contracts import Pose


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


_MEMORY = timedelta(seconds=2)
