"""What heads of two servos make of their options."""

import pytest

from triptych.camera.heads import ServoOptions
from triptych.camera.heads.servo import ServoHead
from triptych.media.sources.sim import VirtualClock


class Board:
    def __init__(self):
        self.closed = False

    def pulse(self, place, width_us):
        """Nobody asks for the pulses here."""

    def close(self):
        self.closed = True


@pytest.fixture
def made():
    heads = []

    def make(**options):
        heads.append(ServoHead(ServoOptions(**options), Board(), VirtualClock()))
        return heads[-1]

    yield make
    for head in heads:
        head.close()


def pulses(head, pan_deg, tilt_deg):
    return [joint.width_us(angle) for joint, angle in zip(head._servos._joints, (pan_deg, tilt_deg), strict=True)]


def test_home_is_the_middle_of_the_travel(made):
    assert pulses(made(), 0, 0) == [1500.0, 1500.0]
    assert pulses(made(), 45, -45) == [2000.0, 1000.0]


def test_trim_moves_home_and_reversed_turns_round(made):
    assert pulses(made(trim_deg=(9.0, -9.0)), 0, 0) == [1600.0, 1400.0]
    assert pulses(made(reversed=(True, False)), 45, 45) == [1000.0, 2000.0]


def test_a_servo_of_another_travel_and_pulse(made):
    assert pulses(made(travel_deg=270.0, pulse_us=(600.0, 2400.0)), 45, 0) == pytest.approx([1800.0, 1500.0])


def test_limits_are_those_of_the_options(made):
    head = made(pan_deg=(-30.0, 40.0), tilt_deg=(0.0, 10.0))
    assert (head.limits.pan_deg, head.limits.tilt_deg) == ((-30.0, 40.0), (0.0, 10.0))


def test_a_board_that_answers_is_no_fault_and_closing_gives_it_back(made):
    head = made()
    board = head._servos._board
    assert head.fault is None
    head.close()
    assert board.closed


@pytest.mark.parametrize("options", [{"pan_deg": (-91.0, 0.0)}, {"pan_deg": (-60.0, 85.0), "trim_deg": (10.0, 0.0)}, {"travel_deg": 90.0}])
def test_limits_beyond_the_travel_are_refused(options):
    with pytest.raises(ValueError, match="within half of travel_deg"):
        ServoOptions(**options)
