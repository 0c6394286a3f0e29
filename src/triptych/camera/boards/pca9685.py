"""Servos on a PCA9685, a chip of 16 pulse outputs on an I2C bus; registers as in NXP's data sheet, revision 4."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from triptych.camera.boards import PERIOD_US
from triptych.errors import Unavailable

MODE1, PRESCALE, CHANNEL_0 = 0x00, 0xFE, 0x06
SLEEP, AUTO_INCREMENT = 0x10, 0x20
FULL_OFF = 0x10
"""In the last register of a channel: no pulse at all."""
STEPS = 4096
OSCILLATOR_HZ = 25_000_000
WAKE_S = 0.0005


class Bus(Protocol):
    """The calls of an SMBus that the board needs; each raises `OSError` when nobody answers at the address."""

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        """Read one register."""
        ...

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        """Write one register."""
        ...

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: "Sequence[int]") -> None:
        """Write registers one after the other."""
        ...

    def close(self) -> None:
        """Give the bus back."""
        ...


class Pca9685Board:
    """One channel a servo. Only its own channels are touched, so that a head and an arm can share a board."""

    def __init__(self, channels: Sequence[int], number: int, address: int, bus: Bus | None = None) -> None:
        self._channels, self._address = channels, address
        self._bus = bus or _open(number)
        try:
            self._begin()
        except OSError as fault:
            self._bus.close()
            raise Unavailable(f"No PCA9685 answers at address 0x{address:02x} of I2C bus {number}.", code="board_silent") from fault

    def pulse(self, place: int, width_us: float | None) -> None:
        """Give this servo pulses of a width, or None to release it. Raises `OSError` when the board does not answer."""
        steps = round((width_us or 0.0) / PERIOD_US * STEPS)
        off = (0, FULL_OFF) if width_us is None else (steps & 0xFF, steps >> 8)
        self._bus.write_i2c_block_data(self._address, CHANNEL_0 + 4 * self._channels[place], [0, 0, *off])

    def close(self) -> None:
        """Release every servo and give the bus back."""
        with suppress(OSError):
            self._release()
        self._bus.close()

    def _begin(self) -> None:
        """Set the rate; that needs sleep, and sleep would stop the pulses of whoever else is on the board."""
        prescale = round(OSCILLATOR_HZ / STEPS * PERIOD_US / 1e6) - 1
        if self._bus.read_byte_data(self._address, PRESCALE) != prescale or self._sleeps():
            self._bus.write_byte_data(self._address, MODE1, SLEEP | AUTO_INCREMENT)
            self._bus.write_byte_data(self._address, PRESCALE, prescale)
            self._bus.write_byte_data(self._address, MODE1, AUTO_INCREMENT)
            time.sleep(WAKE_S)
        self._release()

    def _sleeps(self) -> bool:
        mode = self._bus.read_byte_data(self._address, MODE1)
        return bool(mode & SLEEP) or not mode & AUTO_INCREMENT

    def _release(self) -> None:
        for place in range(len(self._channels)):
            self.pulse(place, None)


def _open(number: int) -> Bus:
    try:
        from smbus2 import SMBus  # noqa: PLC0415 - a driver that few have
    except ImportError as fault:
        raise Unavailable("A PCA9685 needs smbus2: pip install 'triptych[ptz]'.", code="library_missing") from fault
    try:
        return SMBus(number)
    except OSError as fault:
        raise Unavailable(f"I2C bus {number} cannot be opened: {fault.strerror}.", code="bus_unusable") from fault
