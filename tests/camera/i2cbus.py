"""An I2C bus with one PCA9685 on it: registers as in NXP's data sheet."""

import threading

MODE1, PRESCALE, CHANNEL_0 = 0x00, 0xFE, 0x06
SLEEP, AUTO_INCREMENT = 0x10, 0x20


class I2cBus:
    """`unplugged` is a bus on which nobody answers."""

    def __init__(self, address=0x40):
        self.registers = bytearray(256)
        self.registers[MODE1], self.registers[PRESCALE] = 0x11, 0x1E
        for channel in range(16):
            self.registers[CHANNEL_0 + 4 * channel + 3] = 0x10
        self.unplugged = self.closed = False
        self.writes = []
        self.written = threading.Condition()
        self._address = address

    def read_byte_data(self, i2c_addr, register):
        self._called(i2c_addr)
        return self.registers[register]

    def write_byte_data(self, i2c_addr, register, value):
        self._called(i2c_addr)
        if register == PRESCALE:
            assert self.registers[MODE1] & SLEEP, "the rate can be set in sleep only"
        self._write(register, value)

    def write_i2c_block_data(self, i2c_addr, register, data):
        self._called(i2c_addr)
        for place, value in enumerate(data):
            self._write(register + (place if self.registers[MODE1] & AUTO_INCREMENT else 0), value)

    def close(self):
        self.closed = True

    def pulse_us(self, channel):
        """The pulse of a channel, or None while it gives none."""
        on_low, on_high, off_low, off_high = self.registers[CHANNEL_0 + 4 * channel : CHANNEL_0 + 4 * channel + 4]
        if off_high & 0x10 or self._sleeps():
            return None
        assert (on_low, on_high) == (0, 0)
        period_us = 4096 * (self.registers[PRESCALE] + 1) / 25
        return (off_low | off_high << 8) / 4096 * period_us

    def _sleeps(self):
        return bool(self.registers[MODE1] & SLEEP)

    def _write(self, register, value):
        with self.written:
            self.registers[register] = value
            self.writes.append((register, value))
            self.written.notify_all()

    def _called(self, address):
        assert not self.closed
        if self.unplugged or address != self._address:
            raise OSError(121, "Remote I/O error")
