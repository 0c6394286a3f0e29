"""camera L9: servos in a thread of their own, on a clock that the test turns."""

import threading

import pytest

from triptych.camera.motion import HEARTBEAT
from triptych.camera.servos import RELEASE, Joint, Servos
from triptych.media.sources.sim import VirtualClock

BOUND_S = 10.0
JOINT = Joint(limits_deg=(-60.0, 60.0), span_deg=(-90.0, 90.0), pulse_us=(500.0, 2500.0), speed_deg_s=120.0, force_deg_s2=800.0)


class Board:
    """Writes down the pulses that it is told; `broken` is one that does not answer."""

    def __init__(self):
        self.pulses, self.told, self.closed = [None, None], [], False
        self.broken = False
        self.news = threading.Condition()

    def pulse(self, place, width_us):
        with self.news:
            self.news.notify_all()
            if self.broken:
                raise OSError(121, "Remote I/O error")
            self.pulses[place] = width_us
            self.told.append((place, width_us))

    def close(self):
        self.closed = True

    def until(self, condition):
        with self.news:
            assert self.news.wait_for(condition, BOUND_S)


@pytest.fixture
def board():
    return Board()


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def servos(board, clock):
    made = Servos([JOINT, JOINT], board, clock, heartbeat=HEARTBEAT, release=RELEASE)
    yield made
    made.close()


def beat(clock):
    """Let 20 ms pass, and the thread see them."""
    clock.wait(0.02)
    threading.Event().wait(0.003)


def reach(servos, clock, aims):
    while servos.places() != aims or servos._rests_since is None:
        servos.move(aims, 120.0)
        beat(clock)


def until(condition):
    for _ in range(round(BOUND_S / 0.005)):
        if condition():
            return True
        threading.Event().wait(0.005)
    return False


def test_the_first_pulse_is_of_where_the_servo_is_taken_to_stand(servos, board, clock):
    """camera S1: no jump; nothing at all before the first command."""
    clock.wait(5.0)
    assert board.told == []
    servos.move((40.0, 0.0), 120.0)
    clock.wait(0.02)
    board.until(lambda: board.told)
    assert board.told[0][1] == pytest.approx(1500.0, abs=8)


def test_servos_are_released_after_a_rest_of_1_5_s_and_not_before(servos, board, clock):
    """camera L9."""
    reach(servos, clock, (2.0, -1.0))
    board.until(lambda: None not in board.pulses)
    clock.wait(1.4)
    threading.Event().wait(0.06)
    assert None not in board.pulses
    clock.wait(0.2)
    board.until(lambda: board.pulses == [None, None])
    assert servos.places() == (2.0, -1.0)


def test_a_released_servo_goes_on_from_where_it_stands(servos, board, clock):
    reach(servos, clock, (2.0, 0.0))
    board.until(lambda: None not in board.pulses)
    clock.wait(2.0)
    board.until(lambda: board.pulses == [None, None])
    told = len(board.told)
    servos.move((4.0, 0.0), 120.0)
    clock.wait(0.02)
    board.until(lambda: len(board.told) > told)
    assert board.told[told][1] == pytest.approx(JOINT.width_us(2.0), abs=8)


def test_without_a_command_for_300_ms_they_stand(servos, clock):
    """camera L9: nobody calls, the thread stops them."""
    servos.move((60.0, 60.0), 120.0)
    for _ in range(15):
        beat(clock)
    clock.wait(0.02)
    assert until(lambda: all(axis.rests for axis in servos._axes))
    stood = servos.places()
    assert 0 < stood[0] < 30
    clock.wait(1.0)
    threading.Event().wait(0.06)
    assert servos.places() == stood


def test_a_machine_that_stood_still_makes_up_for_nothing(servos, clock):
    """A profile that ran on while the process was frozen would throw the servo."""
    servos.move((60.0, 0.0), 120.0)
    clock.wait(0.2)
    assert until(lambda: servos.places()[0] > 0)
    assert servos.places()[0] < 4.0


def test_a_board_that_does_not_answer_is_told_of_and_nothing_runs_on(servos, board, clock):
    """camera 11: head not answering."""
    servos.move((60.0, 0.0), 120.0)
    board.broken = True
    clock.wait(0.04)
    assert until(lambda: servos.fault is not None)
    assert servos.fault.message == "The servo board does not answer."
    stood = servos.places()
    for _ in range(5):
        servos.move((60.0, 0.0), 120.0)
        beat(clock)
    assert servos.places() == stood
    board.broken = False
    assert until(lambda: servos.fault is None)
    servos.move((60.0, 0.0), 120.0)
    clock.wait(0.06)
    assert until(lambda: servos.places()[0] > stood[0])


def test_close_ends_the_thread_and_gives_the_board_back(board, clock):
    servos = Servos([JOINT], board, clock)
    servos.close()
    assert board.closed
    assert not servos._thread.is_alive()


@pytest.mark.parametrize(("reversed_", "low", "high"), [(False, 500.0, 2500.0), (True, 2500.0, 500.0)])
def test_a_pulse_is_in_proportion_and_can_be_turned_round(reversed_, low, high):
    joint = Joint(limits_deg=(0, 180), span_deg=(0, 180), pulse_us=(500, 2500), reversed=reversed_, speed_deg_s=1, force_deg_s2=1)
    assert [joint.width_us(angle) for angle in (0, 90, 180)] == [low, 1500.0, high]
