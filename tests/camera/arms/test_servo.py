"""What arms of servos make of their options, and of a board that does not answer."""

import threading

import pytest

from camera.i2cbus import I2cBus
from triptych.camera.arms import GpioOptions, Pca9685Options, SimOptions
from triptych.camera.arms.pca9685 import Pca9685Arm
from triptych.clock import SystemClock
from triptych.errors import Unavailable


@pytest.fixture
def bus():
    return I2cBus()


def test_a_move_raises_while_the_board_does_not_answer(bus):
    arm = Pca9685Arm(Pca9685Options(), SystemClock(), bus)
    bus.unplugged = True
    with pytest.raises(Unavailable, match="The servo board does not answer"):
        _move_for_long(arm)
    arm.close()


def _move_for_long(arm):
    for _ in range(500):
        arm.move((120.0, 90.0, 90.0), 60.0)
        threading.Event().wait(0.02)


def test_an_arm_of_two_joints_with_one_turned_round(bus):
    ranges = ((0.0, 180.0), (20.0, 160.0))
    options = Pca9685Options(
        joints_deg=ranges, start_deg=(90.0, 45.0), links_mm=(100.0, 80.0), reversed=(False, True), channels=(8, 9), speed_deg_s=500.0
    )
    arm = Pca9685Arm(options, SystemClock(), bus)
    assert (arm.limits, arm.joints()) == (ranges, (90.0, 45.0))
    arm.move((90.0, 45.5), 500.0)
    for _ in range(500):
        if bus.pulse_us(9) == pytest.approx(2500 - 45.5 / 180 * 2000, abs=5):
            break
        threading.Event().wait(0.02)
    else:
        pytest.fail("the joint never came")
    arm.close()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"joints_deg": ()}, "1 to 8 joints"),
        ({"start_deg": (90.0, 90.0)}, "start_deg must have one value for each of the 3 joints"),
        ({"links_mm": (1.0,)}, "links_mm"),
        ({"start_deg": (90.0, 200.0, 90.0)}, "start_deg between"),
        ({"joints_deg": ((5.0, 5.0),) * 3, "start_deg": (5.0,) * 3}, "low, high"),
    ],
)
def test_joints_that_cannot_be_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        SimOptions(**options)


@pytest.mark.parametrize(
    ("kind", "options", "word"),
    [
        (GpioOptions, {"pins": (1, 2, 2)}, "pins must not name one twice"),
        (GpioOptions, {"reversed": (True,)}, "reversed"),
        (Pca9685Options, {"channels": (1, 2)}, "channels"),
        (Pca9685Options, {"joints_deg": ((0.0, 270.0), (0.0, 90.0), (0.0, 90.0))}, "travel_deg"),
    ],
)
def test_servos_that_do_not_fit_the_joints_are_refused(kind, options, word):
    with pytest.raises(ValueError, match=word):
        kind(**options)
