"""The seam of what decides where a head goes: one pilot at a time is at the wheel of a camera."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from triptych.camera.control import Command
from triptych.camera.track import Track
from triptych.contracts import Frame, Pose


class Pilot(Protocol):
    """Watches every frame, and steers after each one unless its camera is paused. Called by the frame loop alone, and never waits."""

    def watch(self, frame: Frame, pose: Pose, tracks: Sequence[Track]) -> Track | None:
        """Take in a frame, where the head looked at its capture, and the faces known by then; return the target among them."""
        ...

    def steer(self, now: timedelta, head: Pose) -> Command:
        """Return the command for `now`, when the head looks at `head`; asked after each `watch` but for those during a pause."""
        ...

    def forget(self) -> None:
        """Drop the target: it was out of sight too long in a pause."""
        ...
