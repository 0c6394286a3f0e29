"""camera 3.3, 6, 11: turning a head by hand."""

import math

import pytest

from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.steering import Steering
from triptych.camera.wheel import Owner, Wheel
from triptych.errors import Conflict, Invalid
from triptych.media.sources.sim import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def steering(clock):
    return Steering(Wheel(CropHead(CropOptions(), clock)), clock)


def run(steering, clock, seconds):
    """Tick as the thread does."""
    for _ in range(round(seconds / 0.03)):
        steering.run_once()
        clock.wait(0.03)


def pan(steering):
    return steering.wheel.axes.pose().pan_deg


def test_an_axis_turns_by_an_angle_and_steps_add_up(steering, clock):
    steering.turn_by("pan", 6.0)
    steering.turn_by("pan", 6.0)
    steering.turn_by("tilt", -3.0)
    run(steering, clock, 1.5)
    pose = steering.wheel.axes.pose()
    assert (pose.pan_deg, pose.tilt_deg) == pytest.approx((12.0, -3.0), abs=0.2)
    steering.go(0.0, 0.0)
    run(steering, clock, 1.5)
    assert pan(steering) == pytest.approx(0.0, abs=0.2)


def test_past_a_limit_is_refused_and_nothing_moves(steering, clock):
    """camera 6, S2."""
    with pytest.raises(Invalid, match="-60 to 60"):
        steering.turn_by("pan", 60.1)
    with pytest.raises(Invalid, match="-8 to 8"):
        steering.turn_by("tilt", -9.0)
    assert not steering.wheel.owner
    run(steering, clock, 0.5)
    assert pan(steering) == 0.0


def test_lower_owners_wait_until_3_s_after_the_last_move(steering, clock):
    """camera 3.3: tracking takes over 3 s after the last manual move."""
    steering.turn_by("pan", 6.0)
    run(steering, clock, 1.0)
    assert pan(steering) == pytest.approx(6.0, abs=0.2)
    run(steering, clock, 2.1)
    assert steering.wheel.owner is Owner.MANUAL
    run(steering, clock, 0.9)
    assert steering.wheel.owner is Owner.TRACK
    assert not steering.run_once()


def test_driving_turns_at_the_speed_it_says(steering, clock):
    for _ in range(10):
        steering.drive("a", 20.0, 0.0)
        run(steering, clock, 0.21)
    assert pan(steering) == pytest.approx(20 * 2.1, abs=2.5)


def test_a_drive_that_is_not_repeated_stops_within_500_ms(steering, clock):
    """camera row 40, 6: `drive` not repeated within 500 ms stops the head."""
    steering.drive("a", 20.0, 4.0)
    run(steering, clock, 0.57)
    stopped = steering.wheel.axes.pose()
    assert stopped.pan_deg > 5
    run(steering, clock, 2.0)
    assert steering.wheel.axes.pose().pan_deg == stopped.pan_deg


def test_a_drive_of_nothing_stops_at_once(steering, clock):
    steering.drive("a", 30.0, 0.0)
    run(steering, clock, 0.3)
    steering.drive("a", 0.0, 0.0)
    run(steering, clock, 0.03)
    stopped = pan(steering)
    run(steering, clock, 0.4)
    assert pan(steering) == stopped > 1


def test_a_drive_ends_at_the_limits_without_winding_up(steering, clock):
    """camera L5, S2."""
    for _ in range(20):
        steering.drive("a", 90.0, 0.0)
        run(steering, clock, 0.21)
    assert pan(steering) == pytest.approx(60.0, abs=0.11)
    steering.drive("a", -30.0, 0.0)
    run(steering, clock, 0.3)
    assert pan(steering) < 57


def test_driving_is_leased_for_1_s(steering, clock):
    """camera 11, two clients: a second driver gets ERROR."""
    steering.drive("a", 10.0, 0.0)
    run(steering, clock, 0.9)
    with pytest.raises(Conflict, match="Somebody else"):
        steering.drive("b", -10.0, 0.0)
    with pytest.raises(Conflict):
        steering.turn_by("pan", 1.0)
    run(steering, clock, 0.2)
    steering.drive("b", -10.0, 0.0)
    with pytest.raises(Conflict):
        steering.drive("a", 10.0, 0.0)


@pytest.mark.parametrize("speed", [math.nan, math.inf, 1e9, -361.0])
def test_a_speed_that_is_none_is_refused(steering, clock, speed):
    """camera 11."""
    with pytest.raises(Invalid, match="degrees a second"):
        steering.drive("a", 0.0, speed)
    run(steering, clock, 0.3)
    assert steering.wheel.axes.pose().tilt_deg == 0.0


def test_a_head_that_does_not_arrive_is_given_back(steering, clock):
    steering.wheel.halt()
    steering.turn_by("pan", 20.0)
    run(steering, clock, 13.2)
    assert (pan(steering), steering.wheel.owner) == (0.0, Owner.TRACK)
