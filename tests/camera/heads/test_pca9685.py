"""The head on a PCA9685; what it does is proved by tests/contracts/test_heads.py."""

import threading

import pytest

from camera.i2cbus import I2cBus
from triptych.camera.heads import Pca9685Options
from triptych.camera.heads.pca9685 import Pca9685Head
from triptych.clock import SystemClock
from triptych.errors import Unavailable


def test_a_board_that_is_not_there_is_named():
    with pytest.raises(Unavailable, match="address 0x41"):
        Pca9685Head(Pca9685Options(address=0x41), SystemClock(), I2cBus(address=0x40))


def test_a_board_that_is_unplugged_on_the_way_is_told_of_and_taken_up_again():
    """camera 11: head not answering."""
    bus = I2cBus()
    head = Pca9685Head(Pca9685Options(channels=(4, 5)), SystemClock(), bus)
    bus.unplugged = True
    assert _until(head, lambda: head.fault is not None)
    bus.unplugged = False
    assert _until(head, lambda: head.fault is None)
    assert bus.pulse_us(4) is not None
    head.close()
    assert bus.pulse_us(4) is None


def _until(head, condition):
    for _ in range(500):
        head.move(40.0, 0.0, 20.0)
        if condition():
            return True
        threading.Event().wait(0.02)
    return False
