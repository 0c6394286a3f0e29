"""An arm of servos on a PCA9685 board."""

from triptych.camera.arms import Pca9685Options
from triptych.camera.arms.servo import ServoArm
from triptych.camera.boards.pca9685 import Bus, Pca9685Board
from triptych.contracts import Clock


class Pca9685Arm(ServoArm):
    """Drives the board over `bus`, opened by its number if none is given. Raises `Unavailable` when library, bus or board is missing."""

    def __init__(self, options: Pca9685Options, clock: Clock, bus: Bus | None = None) -> None:
        super().__init__(options, Pca9685Board(options.channels, options.bus, options.address, bus), clock)
