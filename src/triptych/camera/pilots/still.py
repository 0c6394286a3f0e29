"""Watches without turning the head (camera 4, `non_moving_target`)."""

from collections.abc import Sequence
from datetime import timedelta

from triptych.camera.control import Command, Phase
from triptych.camera.track import Lock, Track
from triptych.contracts import Frame, Pose


class Still:
    """Follows a target with the eye only."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def watch(self, frame: Frame, pose: Pose, tracks: Sequence[Track]) -> Track | None:  # noqa: ARG002 - the tracks know where the head looked
        """Return the target."""
        return self._lock.update(frame.captured, tracks)

    def steer(self, now: timedelta, head: Pose) -> Command:  # noqa: ARG002 - it never moves
        """Stand still."""
        return Command(phase=Phase.STILL, moves=False, pan_deg=head.pan_deg, tilt_deg=head.tilt_deg, cap_deg_s=0.0)

    def forget(self) -> None:
        """Watch nobody; the next choice is free."""
        self._lock.release()
