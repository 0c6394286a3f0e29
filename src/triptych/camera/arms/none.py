"""A camera without an arm."""

from collections.abc import Sequence

from triptych.camera.arms import NoneOptions
from triptych.contracts import Clock


class NoneArm:
    """Has no joint: nothing to move, nothing to hold."""

    limits: Sequence[tuple[float, float]] = ()

    def __init__(self, options: NoneOptions, clock: Clock) -> None:
        """Every arm is built alike."""

    def move(self, joints_deg: Sequence[float], cap_deg_s: float) -> None:
        """Take no angles."""

    def joints(self) -> tuple[float, ...]:
        """Return no angles."""
        return ()

    def stop(self) -> None:
        """Stand still, as always."""

    def close(self) -> None:
        """Nothing is held."""
