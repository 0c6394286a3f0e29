"""The servo model and the window of the default head."""

from datetime import timedelta

import numpy as np
import pytest

from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import Buffers, CropHead
from triptych.contracts import Frame
from triptych.media.sources.sim import VirtualClock

STEP_S = 0.012


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def head(clock):
    return CropHead(CropOptions(), clock)


def run(clock, head, pan_deg, seconds, cap_deg_s=120.0):
    """Repeat a command every 24 ms; return the pan angle every 12 ms, which is three steps of the model."""
    places = []
    for tick in range(round(seconds / STEP_S)):
        if tick % 2 == 0:
            head.move(pan_deg, 0.0, cap_deg_s)
        clock.wait(STEP_S)
        places.append(head.pose().pan_deg)
    return places


def test_the_servo_answers_after_30_ms(clock, head):
    places = run(clock, head, 40.0, 0.1)
    assert places[1] == 0.0
    assert places[3] > 0.0


def test_the_servo_keeps_its_speed_and_acceleration_and_does_not_overshoot(clock, head):
    places = np.array(run(clock, head, 50.0, 1.5))
    speeds = np.diff(places) / STEP_S
    assert speeds.max() == pytest.approx(120.0, abs=11)
    assert np.convolve(np.diff(speeds) / STEP_S, np.ones(8) / 8, "valid").max() <= 1000
    assert places.max() == pytest.approx(50.0)
    assert places[-1] == pytest.approx(50.0)


def test_a_command_can_ask_for_less_speed(clock, head):
    places = np.array(run(clock, head, 30.0, 1.0, cap_deg_s=20.0))
    assert places[-1] == pytest.approx(19.0, abs=1.0)


def test_the_servo_stands_on_whole_steps(clock, head):
    assert run(clock, head, 3.14159, 1.0)[-1] == pytest.approx(3.1)


def test_without_a_fresh_command_the_servo_stops_within_300_ms(clock, head):
    """camera L9, row 40: whatever the rest does."""
    for _ in range(10):
        head.move(60.0, 8.0, 30.0)
        clock.wait(0.03)
    before = head.pose().pan_deg
    clock.wait(0.31)
    stopped = head.pose().pan_deg
    assert before + 5 < stopped < 30
    clock.wait(5)
    assert head.pose().pan_deg == stopped


def test_poses_of_the_past_are_remembered(clock, head):
    places = run(clock, head, 30.0, 0.5)
    earlier = head.at(clock.monotonic() - timedelta(milliseconds=240))
    assert earlier.pan_deg == pytest.approx(places[-21], abs=0.6)


def test_a_long_rest_costs_nothing(clock, head):
    clock.wait(30 * 86400.0)
    assert head.pose().pan_deg == 0.0
    assert run(clock, head, 5.0, 0.5)[-1] == pytest.approx(5.0)


def test_the_window_moves_with_the_pose_at_the_capture(clock, head):
    wide = np.zeros((1080, 3840, 3), np.uint8)
    wide[:, :, 0] = (np.arange(3840) // 16)[None, :]
    run(clock, head, 15.0, 1.0)
    settled = clock.monotonic()
    run(clock, head, -15.0, 0.5)
    window = head.view(Frame(number=1, captured=settled, image=wide)).image
    assert window.shape == (720, 1280, 3)
    assert window[0, 0, 0] == (1280 + 15 * 1280 // 60) // 16


def test_the_window_stays_within_the_picture(clock):
    head = CropHead(CropOptions(pan_deg=(-90.0, 90.0)), clock)
    run(clock, head, 90.0, 2.0)
    wide = np.zeros((1080, 3840, 3), np.uint8)
    assert head.view(Frame(number=1, captured=clock.monotonic(), image=wide)).image.shape == (720, 1280, 3)


def test_a_buffer_is_not_used_again_while_somebody_holds_it():
    buffers = Buffers((2, 2, 3))
    kept = buffers.take()
    view = buffers.take()[:1]
    assert not np.shares_memory(kept, view)
    third = buffers.take()
    assert not np.shares_memory(third, kept)
    assert not np.shares_memory(third, view)


def test_a_buffer_that_nobody_holds_is_used_again():
    buffers = Buffers((2, 2, 3))
    places = {buffers.take().ctypes.data for _ in range(20)}
    assert len(places) == 1


def test_more_buffers_than_are_pooled_are_still_each_its_own():
    buffers = Buffers((2, 2, 3))
    held = [buffers.take() for _ in range(40)]
    assert len({one.ctypes.data for one in held}) == 40
