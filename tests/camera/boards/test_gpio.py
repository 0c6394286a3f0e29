"""Servo pulses on the pins of a Raspberry Pi; gpiozero's mock pins stand for it."""

import sys

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from triptych.camera.boards.gpio import GpioBoard
from triptych.errors import Unavailable


@pytest.fixture
def pins(monkeypatch):
    factory = MockFactory(pin_class=MockPWMPin)
    monkeypatch.setattr(gpiozero.Device, "pin_factory", factory)
    yield factory
    factory.close()


def test_a_pulse_of_1500_us_is_7_5_percent_of_50_hz_and_none_is_silence(pins):
    board = GpioBoard([17, 18])
    assert [pins.pin(f"GPIO{number}").state for number in (17, 18)] == [0, 0]
    board.pulse(1, 1500.0)
    assert (pins.pin("GPIO17").state, pins.pin("GPIO18").state) == (0, 0.075)
    assert pins.pin("GPIO18").frequency == 50
    board.pulse(1, None)
    assert pins.pin("GPIO18").state == 0
    board.close()


def test_pins_are_given_back(pins):
    GpioBoard([17, 18]).close()
    GpioBoard([17, 18]).close()


def test_a_pin_that_is_taken_is_named_and_the_others_are_given_back(pins):
    taken = GpioBoard([18])
    with pytest.raises(Unavailable, match="GPIO pin 18 cannot be used") as raised:
        GpioBoard([17, 18])
    assert raised.value.code == "pin_unusable"
    GpioBoard([17]).close()
    taken.close()


def test_a_machine_without_pins_says_so(monkeypatch):
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "absent")
    with pytest.raises(Unavailable, match="GPIO pin 17 cannot be used") as raised:
        GpioBoard([17])
    assert len(raised.value.message) <= 200


def test_without_the_library_the_extra_is_named(monkeypatch):
    """camera 9: a head library missing."""
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(Unavailable, match=r"pip install 'triptych\[ptz\]'") as raised:
        GpioBoard([17])
    assert raised.value.code == "library_missing"


def test_a_reason_that_shouts_is_told_as_a_sentence(monkeypatch):
    """camera W3: gpiozero ends some of its errors with an exclamation mark."""

    def refuse(*_, **__):
        raise gpiozero.BadPinFactory("Unable to load any default pin factory!")

    monkeypatch.setattr(gpiozero, "PWMOutputDevice", refuse)
    with pytest.raises(Unavailable, match=r"cannot be used: Unable to load any default pin factory\.$"):
        GpioBoard([17])
