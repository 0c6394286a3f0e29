"""The arm on a PCA9685; what it does is proved by tests/contracts/test_arms.py."""

import pytest

from camera.i2cbus import I2cBus
from triptych.camera.arms import Pca9685Options
from triptych.camera.arms.pca9685 import Pca9685Arm
from triptych.clock import SystemClock
from triptych.errors import Unavailable


def test_a_board_that_is_not_there_is_named():
    with pytest.raises(Unavailable, match="address 0x41"):
        Pca9685Arm(Pca9685Options(address=0x41), SystemClock(), I2cBus(address=0x40))
