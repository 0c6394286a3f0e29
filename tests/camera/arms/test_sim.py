"""camera 1: the simulated arm."""

import pytest

from triptych.camera.arms import ARMS, SimOptions
from triptych.camera.arms.sim import SimArm
from triptych.media.sources.sim import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def arm(clock):
    return SimArm(SimOptions(), clock)


def test_it_is_the_default_and_starts_with_three_joints_at_90_degrees(arm, clock):
    """camera 1: 3 joints 0-180 deg, start 90. camera S1: nothing moves before a command."""
    assert next(iter(ARMS)) == "sim"
    clock.wait(10)
    assert arm.joints() == (90.0, 90.0, 90.0)
    assert list(arm.limits) == [(0.0, 180.0)] * 3


def test_joints_run_at_bounded_speed_and_hold_where_they_were_sent(arm, clock):
    arm.move((120.0, 60.0, 90.0), 30.0)
    clock.wait(0.5)
    first, second, third = arm.joints()
    assert 100 < first <= 105
    assert 75 <= second < 80
    assert third == 90.0
    clock.wait(5)
    assert arm.joints() == pytest.approx((120.0, 60.0, 90.0))


def test_limits_hold_for_every_owner(arm, clock):
    """camera S2."""
    arm.move((500.0, -500.0, 90.0), 1000.0)
    clock.wait(5)
    assert arm.joints() == pytest.approx((180.0, 0.0, 90.0))


def test_stop_holds_every_joint_at_once(arm, clock):
    """camera row 42."""
    arm.move((180.0, 0.0, 0.0), 60.0)
    clock.wait(0.7)
    arm.stop()
    held = arm.joints()
    clock.wait(1)
    assert arm.joints() == held != (90.0, 90.0, 90.0)


def test_it_knows_where_its_joints_stood(arm, clock):
    """A frame is judged by the pose at its capture (camera L1)."""
    before = clock.monotonic()
    arm.move((180.0, 90.0, 90.0), 60.0)
    clock.wait(0.5)
    middle, there = clock.monotonic(), arm.joints()
    clock.wait(0.5)
    assert arm.at(before) == (90.0, 90.0, 90.0)
    assert arm.at(middle) == there
    assert arm.at(clock.monotonic()) == arm.joints() != there
