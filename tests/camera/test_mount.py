"""camera 1, 3.3: a head on an arm."""

from datetime import timedelta

import numpy as np
import pytest

from triptych.camera.arms import NoneOptions, SimOptions
from triptych.camera.arms.none import NoneArm
from triptych.camera.arms.sim import SimArm
from triptych.camera.heads import CropOptions
from triptych.camera.heads import NoneOptions as NoHead
from triptych.camera.heads.crop import CropHead
from triptych.camera.heads.none import NoneHead
from triptych.camera.kinematics import Geometry
from triptych.camera.mount import Carried, mounted
from triptych.contracts import Frame
from triptych.media.sources.sim import VirtualClock

GEOMETRY = Geometry(base_mm=65.0, links_mm=(85.0, 85.0, 50.0))


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def arm(clock):
    return SimArm(SimOptions(), clock)


@pytest.fixture
def head(arm, clock):
    return mounted(CropHead(CropOptions(), clock), arm, GEOMETRY)


def turn(arm, clock, joints, seconds=3.0):
    arm.move(joints, 60.0)
    clock.wait(seconds)


def test_joints_shift_the_view(head, arm, clock):
    """camera 1: simulated joints shift the simulated view; joint 1 towards 0 looks to the right, the forearm up looks up."""
    columns = np.broadcast_to(np.linspace(0, 255, 3840).astype(np.uint8)[None, :, None], (1080, 3840, 3))
    before = head.view(Frame(number=0, captured=clock.monotonic(), image=columns)).image
    turn(arm, clock, (75.0, 90.0, 95.0))
    after = head.view(Frame(number=1, captured=clock.monotonic(), image=columns)).image
    shift_px = 15 * 1280 / 60
    assert int(after[0, 0, 0]) - int(before[0, 0, 0]) == pytest.approx(shift_px / 3840 * 255, abs=1.5)
    assert (head.pose().pan_deg, head.pose().tilt_deg) == pytest.approx((15.0, 5.0), abs=0.11)


def test_a_frame_shows_what_the_arm_saw_when_it_was_taken(head, arm, clock):
    """camera L1."""
    image = np.broadcast_to(np.linspace(0, 255, 3840).astype(np.uint8)[None, :, None], (1080, 3840, 3))
    frame = Frame(number=0, captured=clock.monotonic(), image=image)
    before = head.view(frame).image
    turn(arm, clock, (60.0, 90.0, 90.0), 1.0)
    assert np.array_equal(head.view(frame).image, before)


def test_a_world_angle_is_kept_while_the_arm_turns(head, arm, clock):
    """camera 3.3: the arm's known pose is fed forward."""
    arm.move((105.0, 90.0, 90.0), 20.0)
    errors = []
    for _ in range(60):
        head.move(0.0, 0.0, 120.0)
        clock.wait(1 / 30)
        errors.append(abs(head.pose().pan_deg))
    assert max(errors[10:]) < 2.0
    assert head.axes.pose().pan_deg == pytest.approx(15.0, abs=0.2)
    head.stop()
    assert head.axes.limits.pan_deg == (-60.0, 60.0)
    assert head.limits.pan_deg == pytest.approx((-75.0, 45.0), abs=0.11)


def test_only_what_shows_in_the_picture_counts(arm, clock):
    """A simulated arm does not turn a real picture, and no arm turns nothing."""
    fixed, crop = NoneHead(NoHead(), clock), CropHead(CropOptions(), clock)
    assert mounted(fixed, arm, GEOMETRY) is fixed
    assert mounted(crop, NoneArm(NoneOptions(), clock), None) is crop


class Servo:
    """An arm of the real world, as far as the mount asks."""

    limits = ((0.0, 180.0),) * 3

    def __init__(self):
        self.now = (90.0, 90.0, 90.0)

    def joints(self):
        return self.now


def test_a_real_arm_turns_the_pose_and_leaves_the_picture_alone(clock):
    arm, image = Servo(), np.arange(3840, dtype=np.uint16)[None, :, None].repeat(1080, 0).repeat(3, 2).astype(np.uint8)
    head = mounted(CropHead(CropOptions(), clock), arm, GEOMETRY)
    assert isinstance(head, Carried)
    before = head.view(Frame(number=0, captured=timedelta(0), image=image)).image.copy()
    arm.now = (80.0, 90.0, 90.0)
    assert head.pose().pan_deg == pytest.approx(10.0)
    assert np.array_equal(head.view(Frame(number=1, captured=timedelta(0), image=image)).image, before)
    head.close()
