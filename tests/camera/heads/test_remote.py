"""camera L6, L9, 11: heads on a network, with a device that the test holds in its hand."""

import threading
from datetime import timedelta

import pytest

from camera.turret import Turret
from triptych.camera.heads.remote import Reckoning, RemoteHead
from triptych.clock import SystemClock
from triptych.contracts import Limits
from triptych.errors import Unavailable

LIMITS = Limits(pan_deg=(-20.0, 20.0), tilt_deg=(-10.0, 10.0))
SILENT = Unavailable("The device does not answer.", code="head_silent")


class Held:
    """Takes speeds; `silent` answers nothing; `gate` shut holds a command as a slow network does."""

    pace = timedelta(milliseconds=50)

    def __init__(self, *, by_speed=True, tells=True):
        self.by_speed, self.tells = by_speed, tells
        self.turret = Turret()
        self.steps, self.calls = [], []
        self.silent = False
        self.gate = threading.Event()
        self.gate.set()

    def connect(self):
        self._say("connect")

    def send(self, step):
        self._say("send")
        self.gate.wait(5.0)
        self.steps.append(step)
        speeds = step.rate_deg_s if self.by_speed else tuple(step.speed_deg_s for _ in range(2))
        self.turret.run(speeds, (None, None) if self.by_speed else step.goal_deg)
        return speeds

    def halt(self):
        self._say("halt")
        self.turret.halt()

    def where(self):
        if self.silent:
            raise SILENT
        return self.turret.place() if self.tells else None

    def close(self):
        self.calls.append("close")

    def _say(self, call):
        self.calls.append(call)
        if self.silent:
            raise SILENT


@pytest.fixture
def device():
    return Held()


@pytest.fixture
def head(device):
    found = RemoteHead(LIMITS, device, SystemClock())
    assert until(lambda: found.fault is None)
    yield found
    found.close()


def until(condition, seconds=10.0):
    for _ in range(round(seconds / 0.01)):
        if condition():
            return True
        threading.Event().wait(0.01)
    return False


def test_a_head_that_takes_speeds_gets_the_error_times_four_and_the_speed_of_the_target(head, device):
    """camera L6: P on the world error + speed feed-forward."""
    head.move(2.0, -1.0, 60.0, (5.0, 0.0))
    assert until(lambda: device.steps)
    pan, tilt = device.steps[0].rate_deg_s
    assert pan == pytest.approx(4 * 2.0 + 5.0, abs=0.5)
    assert tilt == pytest.approx(4 * -1.0, abs=0.5)


def test_the_speed_of_the_target_carries_no_head_past_a_limit(head, device):
    """camera L5, S2: a target that runs on beyond never winds up."""
    for _ in range(20):
        head.move(20.0, 0.0, 200.0, (90.0, 0.0))
        threading.Event().wait(0.03)
    assert until(lambda: head.move(20.0, 0.0, 200.0, (90.0, 0.0)) or head.pose().pan_deg > 19.5)
    assert device.turret.place()[0] < 20.5
    assert all(abs(rate) <= 200.0 for step in device.steps for rate in step.rate_deg_s)


def test_no_caller_waits_for_a_slow_network_and_only_the_newest_command_is_said(head, device):
    device.gate.clear()
    head.move(5.0, 0.0, 60.0)
    assert until(lambda: "send" in device.calls)
    clock = SystemClock()
    begun = clock.monotonic()
    for aim in range(200):
        head.move(-aim / 20, 0.0, 60.0)
        head.pose()
    assert clock.monotonic() - begun < timedelta(seconds=1)
    device.gate.set()
    assert until(lambda: len(device.steps) > 1)
    assert device.steps[1].rate_deg_s[0] < -30


def test_a_stop_is_the_next_thing_said_after_a_slow_answer(head, device):
    device.gate.clear()
    head.move(15.0, 0.0, 60.0)
    assert until(lambda: "send" in device.calls)
    head.stop()
    device.gate.set()
    assert until(lambda: "halt" in device.calls)
    assert device.calls.index("halt") == device.calls.index("send") + 1


def test_a_device_that_falls_silent_is_told_of_tried_again_and_then_stopped_first(head, device):
    """camera 11: head not answering."""
    head.move(15.0, 0.0, 60.0)
    assert until(lambda: device.steps)
    device.silent = True
    assert until(lambda: head.fault is not None)
    assert head.fault.message == "The device does not answer."
    said = len(device.calls)
    device.silent = False
    assert until(lambda: head.fault is None)
    assert next(call for call in device.calls[said:] if call != "connect") == "halt"
    assert until(lambda: head.pose().pan_deg == pytest.approx(device.turret.place()[0], abs=0.2))


def test_a_silent_device_is_not_dialled_at_the_rate_of_the_commands(head, device):
    device.silent = True
    assert until(lambda: head.fault is not None)
    before = device.calls.count("connect")
    for _ in range(20):
        head.move(5.0, 0.0, 60.0)
        head.stop()
        threading.Event().wait(0.02)
    assert device.calls.count("connect") - before <= 3


def test_without_told_positions_they_are_reckoned_from_the_commands():
    device = Held(tells=False)
    head = RemoteHead(LIMITS, device, SystemClock())
    assert until(lambda: head.fault is None)
    assert until(lambda: head.move(8.0, 4.0, 40.0) or device.turret.place() == pytest.approx((8.0, 4.0), abs=0.3))
    assert (head.pose().pan_deg, head.pose().tilt_deg) == pytest.approx((8.0, 4.0), abs=1.5)
    head.close()


def test_a_head_that_takes_positions_gets_goals_no_further_off_than_the_cap_allows():
    """camera L9: should the stop be lost, it has not far to go."""
    device = Held(by_speed=False)
    head = RemoteHead(LIMITS, device, SystemClock())
    assert until(lambda: head.fault is None)
    head.move(20.0, 10.0, 10.0)
    assert until(lambda: device.steps)
    assert device.steps[0].goal_deg == pytest.approx((4.0, 4.0))
    head.close()


def test_closing_says_stop_and_hangs_up(device):
    """camera S2."""
    head = RemoteHead(LIMITS, device, SystemClock())
    assert until(lambda: head.fault is None)
    head.move(15.0, 0.0, 60.0)
    assert until(lambda: device.steps)
    head.close()
    assert device.calls[-2:] == ["halt", "close"]
    assert not any(thread.is_alive() for thread in head._threads)


def test_a_device_that_never_answers_can_be_closed(device):
    device.silent = True
    head = RemoteHead(LIMITS, device, SystemClock())
    head.move(5.0, 0.0, 60.0)
    head.close()
    assert head.fault is not None


def s(seconds):
    return timedelta(seconds=seconds)


def test_reckoning_runs_as_far_as_the_end_and_no_further():
    reckoning = Reckoning(s(0))
    reckoning.run(s(1), (10.0, -5.0), (15.0, -100.0))
    assert [reckoning.at(s(at)) for at in (1, 2, 3)] == [(0.0, 0.0), (10.0, -5.0), (15.0, -10.0)]


def test_reckoning_stands_after_a_rest_and_before_any_command():
    reckoning = Reckoning(s(0))
    assert reckoning.at(s(9)) == (0.0, 0.0)
    reckoning.run(s(10), (10.0, 0.0), (90.0, 0.0))
    reckoning.rest(s(11))
    assert reckoning.at(s(20)) == (10.0, 0.0)


def test_a_told_position_is_where_reckoning_goes_on_from():
    reckoning = Reckoning(s(0))
    reckoning.run(s(1), (10.0, 0.0), (90.0, 0.0))
    reckoning.correct(s(2), (12.0, 1.0))
    assert reckoning.at(s(3)) == (22.0, 1.0)


def test_a_position_told_from_before_the_last_command_does_not_turn_time_back():
    reckoning = Reckoning(s(0))
    reckoning.run(s(2), (10.0, 0.0), (90.0, 0.0))
    reckoning.correct(s(1), (3.0, 0.0))
    assert reckoning.at(s(2)) == (3.0, 0.0)
