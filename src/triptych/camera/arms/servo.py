"""What the arms of servos have in common."""

from collections.abc import Sequence

from triptych.camera.arms import GpioOptions, Pca9685Options
from triptych.camera.boards import Board
from triptych.camera.servos import Joint, Servos
from triptych.contracts import Clock


class ServoArm:
    """One servo a joint. They get no pulse before the first command, and hold from then on: a joint let go would fall."""

    def __init__(self, options: GpioOptions | Pca9685Options, board: Board, clock: Clock) -> None:
        self.limits = options.joints_deg
        self._servos = Servos(_joints(options), board, clock)

    def move(self, joints_deg: Sequence[float], cap_deg_s: float) -> None:
        """Send every joint towards an angle within its limits, none faster than `cap_deg_s`; a joint that was sent on holds there.

        Raises `Unavailable` while the board does not answer.
        """
        self._servos.move(joints_deg, cap_deg_s)
        if self._servos.fault is not None:
            raise self._servos.fault

    def joints(self) -> tuple[float, ...]:
        """Return where the profile has brought the joints."""
        return self._servos.places()

    def stop(self) -> None:
        """Hold every joint where it stands, at once."""
        self._servos.stop()

    def close(self) -> None:
        """Stop, release the servos and give the board back."""
        self._servos.close()


def _joints(options: GpioOptions | Pca9685Options) -> list[Joint]:
    return [
        Joint(
            limits_deg=limits,
            start_deg=start,
            span_deg=(0.0, options.travel_deg),
            pulse_us=options.pulse_us,
            reversed=turned,
            speed_deg_s=options.speed_deg_s,
            force_deg_s2=options.force_deg_s2,
        )
        for limits, start, turned in zip(options.joints_deg, options.start_deg, options.reversed, strict=True)
    ]
