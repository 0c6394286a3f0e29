"""A head of two servos on the pins of a Raspberry Pi."""

from triptych.camera.boards.gpio import GpioBoard
from triptych.camera.heads import GpioOptions
from triptych.camera.heads.servo import ServoHead
from triptych.contracts import Clock


class GpioHead(ServoHead):
    """Drives its pins with gpiozero. Raises `Unavailable` when there is no such library or no such pin."""

    def __init__(self, options: GpioOptions, clock: Clock) -> None:
        super().__init__(options, GpioBoard(options.pins), clock)
