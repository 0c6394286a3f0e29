"""An arm of servos on the pins of a Raspberry Pi."""

from triptych.camera.arms import GpioOptions
from triptych.camera.arms.servo import ServoArm
from triptych.camera.boards.gpio import GpioBoard
from triptych.contracts import Clock


class GpioArm(ServoArm):
    """Drives its pins with gpiozero. Raises `Unavailable` when there is no such library or no such pin."""

    def __init__(self, options: GpioOptions, clock: Clock) -> None:
        super().__init__(options, GpioBoard(options.pins), clock)
