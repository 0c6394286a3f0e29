"""What the heads of two servos have in common."""

from triptych.camera.boards import Board
from triptych.camera.heads import ServoOptions
from triptych.camera.heads.none import whole
from triptych.camera.motion import HEARTBEAT
from triptych.camera.servos import RELEASE, Joint, Servos
from triptych.contracts import Clock, Frame, Pose
from triptych.errors import Unavailable


class ServoHead:
    """Two servos, pan and tilt. Where they really stand is not known: at first they are taken to be at home, and get no pulse."""

    def __init__(self, options: ServoOptions, board: Board, clock: Clock) -> None:
        self.limits = options.limits
        self._clock = clock
        self._servos = Servos(_joints(options), board, clock, heartbeat=HEARTBEAT, release=RELEASE)

    @property
    def fault(self) -> Unavailable | None:
        """Why the board does not answer, None while it does."""
        return self._servos.fault

    def move(self, pan_deg: float, tilt_deg: float, cap_deg_s: float, speed_deg_s: tuple[float, float] = (0.0, 0.0)) -> None:  # noqa: ARG002 - it takes positions
        """Go towards a position within the limits, no faster than `cap_deg_s`; without a fresh command for 300 ms the head stops."""
        self._servos.move((pan_deg, tilt_deg), cap_deg_s)

    def pose(self) -> Pose:
        """Return where the profile has brought the head."""
        pan, tilt = self._servos.places()
        return Pose(at=self._clock.monotonic(), pan_deg=pan, tilt_deg=tilt)

    def stop(self) -> None:
        """Stand still at once."""
        self._servos.stop()

    def view(self, frame: Frame) -> Frame:
        """Return the whole frame."""
        return whole(frame)

    def close(self) -> None:
        """Stop, release the servos and give the board back."""
        self._servos.close()


def _joints(options: ServoOptions) -> list[Joint]:
    half = options.travel_deg / 2
    return [
        Joint(
            limits_deg=limits,
            span_deg=(-half - trim, half - trim),
            pulse_us=options.pulse_us,
            reversed=turned,
            speed_deg_s=options.speed_deg_s,
            force_deg_s2=options.force_deg_s2,
        )
        for limits, trim, turned in zip((options.pan_deg, options.tilt_deg), options.trim_deg, options.reversed, strict=True)
    ]
