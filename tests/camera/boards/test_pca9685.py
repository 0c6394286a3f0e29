"""Servo pulses on a PCA9685; a bus with modelled registers stands for the chip."""

import sys

import pytest

from camera.i2cbus import CHANNEL_0, I2cBus
from triptych.camera.boards.pca9685 import Pca9685Board
from triptych.errors import Unavailable


def test_a_fresh_chip_is_woken_at_50_hz_and_gives_no_pulse():
    bus = I2cBus()
    Pca9685Board([0, 1], 1, 0x40, bus)
    assert bus.registers[0xFE] == 121
    assert not bus.registers[0x00] & 0x10
    assert [bus.pulse_us(channel) for channel in range(16)] == [None] * 16


@pytest.mark.parametrize("width_us", [500.0, 1500.0, 2500.0])
def test_a_pulse_is_as_long_as_asked_for(width_us):
    """One step of the chip is 4.9 us."""
    bus = I2cBus()
    board = Pca9685Board([0, 5], 1, 0x40, bus)
    board.pulse(1, width_us)
    assert bus.pulse_us(5) == pytest.approx(width_us, abs=5)
    assert bus.pulse_us(0) is None
    board.pulse(1, None)
    assert bus.pulse_us(5) is None


def test_a_second_board_object_leaves_the_pulses_of_the_first_alone():
    """A head and an arm share a board."""
    bus = I2cBus()
    head = Pca9685Board([0, 1], 1, 0x40, bus)
    head.pulse(0, 1500.0)
    before = bus.registers[CHANNEL_0 : CHANNEL_0 + 8]
    arm = Pca9685Board([2, 3, 4], 1, 0x40, bus)
    assert bus.registers[CHANNEL_0 : CHANNEL_0 + 8] == before
    assert bus.pulse_us(0) == pytest.approx(1500.0, abs=5)
    arm.pulse(0, 2000.0)
    arm.close()
    assert bus.pulse_us(0) == pytest.approx(1500.0, abs=5)


def test_pulses_that_a_killed_process_left_are_ended_at_opening():
    """camera S1."""
    bus = I2cBus()
    Pca9685Board([0, 1], 1, 0x40, bus).pulse(0, 1500.0)
    Pca9685Board([0, 1], 1, 0x40, bus)
    assert bus.pulse_us(0) is None


def test_a_board_that_is_not_there_is_named():
    bus = I2cBus()
    bus.unplugged = True
    with pytest.raises(Unavailable, match="No PCA9685 answers at address 0x40 of I2C bus 1") as raised:
        Pca9685Board([0, 1], 1, 0x40, bus)
    assert raised.value.code == "board_silent"
    assert bus.closed


def test_closing_an_unplugged_board_gives_the_bus_back_all_the_same():
    bus = I2cBus()
    board = Pca9685Board([0, 1], 1, 0x40, bus)
    bus.unplugged = True
    board.close()
    assert bus.closed


def test_a_bus_that_is_not_there_is_named():
    with pytest.raises(Unavailable, match="I2C bus 63 cannot be opened: No such file or directory"):
        Pca9685Board([0, 1], 63, 0x40)


def test_without_the_library_the_extra_is_named(monkeypatch):
    """camera 9: a head library missing."""
    monkeypatch.setitem(sys.modules, "smbus2", None)
    with pytest.raises(Unavailable, match=r"pip install 'triptych\[ptz\]'") as raised:
        Pca9685Board([0, 1], 1, 0x40)
    assert raised.value.code == "library_missing"
