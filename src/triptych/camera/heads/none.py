"""The head of a camera that does not turn."""

from dataclasses import replace

from triptych.camera.heads import NoneOptions
from triptych.contracts import Clock, Frame, Pose


class NoneHead:
    """Looks home for ever; moves are taken and change nothing."""

    fault = None

    def __init__(self, options: NoneOptions, clock: Clock) -> None:
        self.limits = options.limits
        self._clock = clock

    def move(self, pan_deg: float, tilt_deg: float, cap_deg_s: float, speed_deg_s: tuple[float, float] = (0.0, 0.0)) -> None:
        """Stay: the limits leave no other place."""

    def pose(self) -> Pose:
        """Return home."""
        return Pose(at=self._clock.monotonic(), pan_deg=0.0, tilt_deg=0.0)

    def stop(self) -> None:
        """Stand still, as always."""

    def view(self, frame: Frame) -> Frame:
        """Return the whole frame."""
        return whole(frame)

    def close(self) -> None:
        """Nothing is held."""


def whole(frame: Frame) -> Frame:
    """Return the frame as it is; copied where its source draws the next one in the same place."""
    return frame if frame.image.flags.owndata else replace(frame, image=frame.image.copy())
