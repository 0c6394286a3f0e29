"""A head that an arm carries: in the world it looks where its own axes and the arm turn it to (camera 1, 3.3)."""

from datetime import timedelta

from triptych.camera.arms.sim import SimArm
from triptych.camera.heads.crop import CropHead
from triptych.camera.kinematics import Geometry, tip
from triptych.contracts import Arm, Frame, Head, Limits, Pose
from triptych.errors import Unavailable

Shift = tuple[float, float]


class Carried:
    """A head in world angles. `axes` is the head itself, in its own angles.

    A simulated arm shifts the window of a simulated head; what a real arm turns is in the picture already.
    """

    def __init__(self, axes: Head, arm: Arm, geometry: Geometry) -> None:
        self.axes = axes
        self._arm, self._geometry = arm, geometry
        self._home = tip(geometry, arm.joints())

    @property
    def fault(self) -> Unavailable | None:
        """Why the head does not answer, None while it does."""
        return self.axes.fault

    @property
    def limits(self) -> Limits:
        """Return how far the head reaches in the world, as the arm stands now."""
        (pan, tilt), own = self.shift(), self.axes.limits
        return Limits(pan_deg=(own.pan_deg[0] + pan, own.pan_deg[1] + pan), tilt_deg=(own.tilt_deg[0] + tilt, own.tilt_deg[1] + tilt))

    def move(self, pan_deg: float, tilt_deg: float, cap_deg_s: float, speed_deg_s: tuple[float, float] = (0.0, 0.0)) -> None:
        """Go towards a world angle, no faster than `cap_deg_s`: what the arm turns already, the head need not."""
        pan, tilt = self.shift()
        self.axes.move(pan_deg - pan, tilt_deg - tilt, cap_deg_s, speed_deg_s)

    def pose(self) -> Pose:
        """Return where it looks now."""
        pose, (pan, tilt) = self.axes.pose(), self.shift()
        return Pose(at=pose.at, pan_deg=pose.pan_deg + pan, tilt_deg=pose.tilt_deg + tilt)

    def stop(self) -> None:
        """Stop the axes; the arm goes its way."""
        self.axes.stop()

    def view(self, frame: Frame) -> Frame:
        """Return what it sees of `frame`."""
        if isinstance(self.axes, CropHead):
            return self.axes.view(frame, self.shift(frame.captured) if isinstance(self._arm, SimArm) else (0.0, 0.0))
        return self.axes.view(frame)

    def close(self) -> None:
        """Stop the head and give it back; the arm stays."""
        self.axes.close()

    def shift(self, moment: timedelta | None = None) -> Shift:
        """Return how far (pan, tilt) the arm turns the head, in degrees: now, or at a moment of the last two seconds if it is known."""
        joints = self._arm.at(moment) if moment is not None and isinstance(self._arm, SimArm) else self._arm.joints()
        end = tip(self._geometry, joints)
        return end.turn_deg - self._home.turn_deg, end.rise_deg - self._home.rise_deg


def mounted(head: Head, arm: Arm, geometry: Geometry | None) -> Head:
    """Return the head as it is on this arm: alone where there is no arm, or where the arm is simulated and the picture is not."""
    real_picture = isinstance(arm, SimArm) and not isinstance(head, CropHead)
    if geometry is None or not arm.joints() or real_picture:
        return head
    return Carried(head, arm, geometry)
