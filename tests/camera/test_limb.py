"""camera 3.3, 3.2: who moves the joints, and how a mission waits, holds and goes on."""

import math

import pytest

from triptych.camera.arms import SimOptions
from triptych.camera.arms.sim import SimArm
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.limb import Limb
from triptych.camera.missions import Polar, Position, Scenario
from triptych.camera.steering import Steering
from triptych.camera.wheel import Owner, Wheel
from triptych.errors import Invalid, Unavailable
from triptych.media.sources.sim import VirtualClock

TICK_S = 0.03


class Bench:
    """An arm and a head on the virtual clock, ticked as the thread ticks them."""

    def __init__(self, *, head=True):
        self.clock = VirtualClock()
        self.arm = SimArm(SimOptions(), self.clock)
        self.steering = Steering(Wheel(CropHead(CropOptions(), self.clock)), self.clock) if head else None
        self.limb = Limb(self.arm, self.clock, lambda: self.steering)
        self.news = 0

    def run(self, seconds):
        for _ in range(round(seconds / TICK_S)):
            self.limb.run_once()
            if self.steering is not None:
                self.steering.run_once()
            self.clock.wait(TICK_S)

    def begin(self, scenario):
        return self.limb.begin(scenario, self.hear)

    def hear(self):
        self.news += 1


def position(*joints_deg, delay_s=0.0, count=1):
    size = len(joints_deg)
    polar = Polar(coords=tuple(map(math.radians, joints_deg)), delays=(delay_s,) * size, divide_counts=(count,) * size)
    return Position(name="p", cartesian_coords=(0.0, 0.0, 0.0), polar_params=polar)


def scenario(*positions, loop=True):
    return Scenario(name="s", positions=positions, loop=loop)


SWEEP = scenario(position(120, 90, 90, delay_s=0.05, count=60), position(60, 90, 90, delay_s=0.05, count=60))


@pytest.fixture
def bench():
    return Bench()


def near(joints, bound=0.3):
    return pytest.approx(joints, abs=bound)


def test_nothing_moves_before_it_is_asked_for(bench):
    """camera S1."""
    assert not bench.limb.run_once()
    bench.run(2)
    assert bench.arm.joints() == (90.0, 90.0, 90.0)


def test_a_mission_goes_round_on_its_arm(bench):
    """camera row 27: joints move."""
    player = bench.begin(SWEEP)
    bench.run(3.1)
    assert bench.arm.joints() == near((120, 90, 90), 1.5)
    assert player.step == 2
    bench.run(2.9)
    assert bench.arm.joints() == near((60, 90, 90), 4)
    bench.run(1.5)
    assert player.step == 1


def test_a_mission_that_does_not_loop_ends_and_says_so(bench):
    """camera 4: `loop:false`."""
    player = bench.begin(scenario(position(100, 90, 90), position(95, 90, 90), loop=False))
    bench.run(2)
    assert (player.finished, bench.news) == (True, 2)
    assert bench.arm.joints() == near((95, 90, 90))
    assert not bench.limb.run_once()


def test_held_joints_stand_at_once_and_go_on_in_the_same_sub_step(bench):
    """camera 3.2, row 27: joints hold within 200 ms; the same sub-step of the same position."""
    straight = Bench()
    straight.begin(SWEEP)
    bench.begin(SWEEP)
    for each in (straight, bench):
        each.run(1.2)
    bench.limb.hold()
    held = bench.arm.joints()
    bench.run(5)
    assert bench.arm.joints() == held
    bench.limb.go_on()
    for each in (straight, bench):
        each.run(0.9)
    assert bench.arm.joints() == near(straight.arm.joints(), 0.6)


def test_a_move_by_hand_goes_before_a_mission_which_goes_on_3_s_later(bench):
    """camera 3.3: manual move before mission; a lower owner waits."""
    bench.begin(SWEEP)
    bench.run(1.0)
    bench.limb.move_to((90.0, 120.0, 90.0))
    bench.run(1.5)
    assert bench.arm.joints() == near((90, 120, 90))
    bench.run(1.8)
    assert bench.arm.joints() == near((90, 120, 90))
    bench.run(2.5)
    assert bench.arm.joints()[1] == near(90)


def test_limits_hold_for_moves_by_hand(bench):
    """camera S2, 6: past a limit ERROR, no motion."""
    with pytest.raises(Invalid, match="joint 2 may be 0 to 180"):
        bench.limb.move_to((90.0, 181.0, 90.0))
    with pytest.raises(Invalid, match="joint 3"):
        bench.limb.play(scenario(position(90, 90, -1)))
    bench.run(1)
    assert bench.arm.joints() == (90.0, 90.0, 90.0)


def test_steps_by_hand_add_up(bench):
    bench.limb.move_to((95.0, 90.0, 90.0))
    assert bench.limb.aims() == near((95, 90, 90), 1e-6)
    assert bench.limb.busy
    bench.run(2)
    assert bench.limb.aims() == near((95, 90, 90))
    assert not bench.limb.busy


def test_no_joint_is_sent_further_than_it_goes_in_300_ms(bench):
    """camera L9: whatever becomes of the thread that sends it, a joint stands soon."""
    bench.limb.move_to((180.0, 90.0, 90.0))
    bench.limb.run_once()
    bench.clock.wait(30)
    assert bench.arm.joints()[0] == near(108)


def test_a_halt_holds_every_joint_and_lasts(bench):
    """camera row 42, S2."""
    bench.begin(SWEEP)
    bench.run(0.5)
    bench.limb.move_to((90.0, 0.0, 90.0))
    bench.run(0.5)
    bench.limb.halt()
    held = bench.arm.joints()
    bench.run(4)
    assert bench.arm.joints() == held
    bench.limb.hold()
    bench.limb.ease()
    bench.run(4)
    assert bench.arm.joints() == held


def test_a_mission_may_take_the_axes_of_the_head_as_joints(bench):
    """camera 3.3, 6: joints n+1 (tilt), n+2 (pan); track waits."""
    bench.begin(scenario(position(100, 90, 90, 5, -20, delay_s=0.05, count=20), loop=False))
    assert bench.steering.wheel.owner is Owner.MISSION
    bench.run(1.5)
    pose = bench.steering.wheel.axes.pose()
    assert (pose.tilt_deg, pose.pan_deg) == near((5, -20), 1.1)
    assert bench.limb.joints(expanded=True) == near((100, 90, 90, 5, -20), 1.1)
    assert (bench.news, bench.steering.wheel.owner) == (1, Owner.TRACK)


def test_a_hand_on_the_head_lets_such_a_mission_wait(bench):
    bench.begin(scenario(position(120, 90, 90, 0, 40, delay_s=0.1, count=50)))
    bench.run(0.5)
    bench.steering.turn_by("pan", -5.0)
    bench.run(0.3)
    held = bench.arm.joints()
    bench.run(2)
    assert bench.arm.joints() == near(held, 1.0)
    bench.run(4)
    assert bench.arm.joints()[0] > held[0] + 3


def test_a_held_mission_keeps_the_head_and_gives_it_back_at_its_end(bench):
    bench.begin(scenario(position(90, 90, 90, 0, 40, delay_s=0.1, count=50)))
    bench.run(1)
    bench.limb.hold()
    held = bench.steering.wheel.axes.pose().pan_deg
    bench.run(1)
    assert (bench.steering.wheel.axes.pose().pan_deg, bench.steering.wheel.owner) == (held, Owner.MISSION)
    bench.limb.drop()
    assert bench.steering.wheel.owner is Owner.TRACK


def test_a_move_with_head_axes_may_be_played_by_hand(bench):
    bench.limb.play(scenario(position(95, 90, 90, 3, 10), loop=False))
    bench.run(0.1)
    assert bench.steering.wheel.owner is Owner.MANUAL
    bench.run(2)
    pose = bench.steering.wheel.axes.pose()
    assert (pose.tilt_deg, pose.pan_deg) == near((3, 10))


def test_without_a_head_its_axes_are_home_and_cannot_be_played():
    bench = Bench(head=False)
    assert bench.limb.joints(expanded=True) == (90.0, 90.0, 90.0, 0.0, 0.0)
    with pytest.raises(Unavailable):
        bench.begin(scenario(position(90, 90, 90, 0, 0)))


def test_joints_that_are_not_there_are_refused(bench):
    """camera 3.1: no joints for it."""
    with pytest.raises(Invalid, match="2 joints; this camera has 3"):
        bench.begin(scenario(position(90, 90)))
