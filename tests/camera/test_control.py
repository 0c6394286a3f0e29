"""The control law, rule by rule."""

from datetime import timedelta

import pytest

from triptych.camera.control import CALM, NORMAL, PRESETS, Controller, Estimate, Lens, Patience, Phase, PoseTrail, Sight, rate
from triptych.contracts import Limits, Pose

LIMITS = Limits(pan_deg=(-60.0, 60.0), tilt_deg=(-8.0, 8.0))
FRAME = timedelta(seconds=1 / 30)


def seconds(number):
    return timedelta(seconds=number)


class Rig:
    """A controller whose head obeys at once, told of a target frame by frame without delay."""

    def __init__(self, preset=NORMAL, lag_s=0.0):
        self.controller = Controller(preset, LIMITS, lag=seconds(lag_s))
        self.now = seconds(100)
        self.pan = self.tilt = 0.0
        self.command = None

    def step(self, pan_deg=None, tilt_deg=0.0, target=1):
        self.now += FRAME
        sight = None if pan_deg is None else Sight(target=target, at=self.now, pan_deg=pan_deg, tilt_deg=tilt_deg)
        self.command = self.controller.update(self.now, Pose(at=self.now, pan_deg=self.pan, tilt_deg=self.tilt), sight)
        if self.command.moves:
            self.pan, self.tilt = self.command.pan_deg, self.command.tilt_deg
        return self.command

    def unseen(self, span_s):
        for _ in range(round(span_s * 30)):
            self.step()
        return self.command

    def unseen_until(self, phase, within_s):
        assert any(self.step().phase is phase for _ in range(round(within_s * 30)))


@pytest.mark.parametrize("lens", [Lens(view_deg=(60.0, 34.0), linear=True), Lens.of_width(60.0, (1280, 720))])
def test_a_lens_maps_points_and_angles_both_ways(lens):
    """Camera L1."""
    assert lens.angles(0.5, 0.5) == (0.0, 0.0)
    assert lens.angles(1.0, 0.5)[0] == pytest.approx(30.0)
    assert lens.angles(0.5, 0.0)[1] == pytest.approx(lens.view_deg[1] / 2)
    assert lens.point(*lens.angles(0.2, 0.7)) == pytest.approx((0.2, 0.7))


@pytest.mark.parametrize("lens", [Lens(view_deg=(60.0, 34.0), linear=True), Lens.of_width(60.0, (1280, 720))])
def test_a_lens_is_corrected_by_what_was_learnt(lens):
    """camera 4: true degrees per pixel, with sign."""
    near = lens.angles(0.51, 0.49)
    told = lens.scaled((-1.25, 0.8))
    assert told.angles(0.51, 0.49) == pytest.approx((-1.25 * near[0], 0.8 * near[1]), rel=1e-3)
    assert told.point(*told.angles(0.3, 0.6)) == pytest.approx((0.3, 0.6))


def test_a_true_lens_is_a_tangent():
    assert Lens.of_width(60.0, (1280, 720)).view_deg[1] == pytest.approx(35.98, abs=0.01)
    assert Lens.of_width(60.0, (1280, 720)).angles(0.75, 0.5)[0] == pytest.approx(16.1, abs=0.01)


def test_a_pose_of_the_past_is_interpolated_and_kept_for_two_seconds():
    """Camera L1."""
    trail = PoseTrail()
    for tenth in range(41):
        trail.note(Pose(at=seconds(tenth / 10), pan_deg=float(tenth), tilt_deg=-float(tenth)))
    assert trail.at(seconds(3.25)).pan_deg == pytest.approx(32.5)
    assert trail.at(seconds(9)).pan_deg == 40.0
    assert trail.at(seconds(2.0)).tilt_deg == pytest.approx(-20.0)
    assert trail.at(seconds(0.5)).pan_deg == pytest.approx(19.0)


def test_the_estimate_learns_a_steady_speed():
    """Camera L2."""
    estimate = Estimate(seconds(0), 0.0)
    for number in range(1, 60):
        estimate.see(number * FRAME, 20.0 * number / 30, CALM)
    assert estimate.speed_deg_s == pytest.approx(20.0, abs=0.5)
    assert estimate.expect(0.1) == pytest.approx(20.0 * 59 / 30 + 2.0, abs=0.2)


def test_the_estimate_uses_the_true_interval():
    estimate = Estimate(seconds(0), 0.0)
    moment = 0.0
    for number in range(80):
        moment += (1 / 30, 1 / 10)[number % 2]
        estimate.see(seconds(moment), 10.0 * moment, CALM)
    assert estimate.speed_deg_s == pytest.approx(10.0, abs=0.5)


def test_a_lone_outlier_moves_nothing():
    """Camera L3."""
    estimate = Estimate(seconds(0), 5.0)
    estimate.see(FRAME, 25.0, NORMAL)
    estimate.see(2 * FRAME, 5.0, NORMAL)
    assert (estimate.angle_deg, estimate.speed_deg_s) == (5.0, 0.0)


def test_a_jump_that_is_confirmed_is_followed_and_halves_the_speed():
    """Camera L3."""
    estimate = Estimate(seconds(0), 0.0)
    for number in range(1, 60):
        estimate.see(number * FRAME, 10.0 * number / 30, NORMAL)
    speed = estimate.speed_deg_s
    estimate.see(60 * FRAME, 40.0, NORMAL)
    estimate.see(61 * FRAME, 41.0, NORMAL)
    assert estimate.angle_deg == 41.0
    assert estimate.speed_deg_s == pytest.approx(speed / 2)


def test_two_jumps_that_disagree_move_nothing():
    estimate = Estimate(seconds(0), 0.0)
    estimate.see(FRAME, 20.0, NORMAL)
    estimate.see(2 * FRAME, -20.0, NORMAL)
    assert estimate.angle_deg == 0.0


@pytest.mark.parametrize("preset", PRESETS.values())
def test_inside_the_dead_zone_the_head_is_stopped(preset):
    """Camera L4."""
    rig = Rig(preset)
    for _ in range(60):
        assert not rig.step(preset.outer_deg - 0.1).moves


@pytest.mark.parametrize("preset", PRESETS.values())
def test_beyond_the_outer_limit_it_moves_until_it_is_inside_the_inner_one(preset):
    """Camera L4."""
    rig = Rig(preset)
    rig.step(preset.outer_deg + 0.5)
    assert rig.command.moves
    for _ in range(30):
        rig.step(preset.outer_deg + 0.5)
    assert not rig.command.moves
    assert abs(rig.pan - preset.outer_deg - 0.5) < preset.inner_deg


@pytest.mark.parametrize("preset", PRESETS.values())
def test_between_the_limits_a_head_at_rest_stays_and_a_moving_one_goes_on(preset):
    """Camera L4: hysteresis."""
    between = (preset.outer_deg + preset.inner_deg) / 2
    assert not Rig(preset).step(between).moves
    moving = Rig(preset)
    moving.step(5.0)
    moving.pan = 5.0 - between
    assert moving.step(5.0).moves


def test_a_target_on_the_run_keeps_the_head_moving_also_inside():
    """Camera L4: it stops only once the speed is below 3 deg/s."""
    rig = Rig()
    for number in range(90):
        rig.step(5.0 * number / 30)
    assert abs(rig.pan - rig.command.pan_deg) < NORMAL.inner_deg
    assert rig.command.moves


def test_nothing_adds_up_inside_the_dead_zone():
    """Camera L4: a minute of a small error leaves no trace in the next command."""
    rig, fresh = Rig(), Rig()
    for _ in range(60 * 30):
        rig.step(1.0)
    assert rig.pan == 0.0
    fresh.step(1.0)
    assert rig.step(3.0).pan_deg == pytest.approx(fresh.step(3.0).pan_deg)


def test_an_axis_at_rest_stays_while_the_other_moves():
    rig = Rig()
    rig.step(10.0, tilt_deg=0.8)
    assert rig.command.moves
    assert (rig.command.pan_deg, rig.command.tilt_deg) == (10.0, 0.0)


def test_the_command_leads_by_the_age_of_the_frame_and_the_lag():
    """Camera L2."""
    plain, leading = Controller(CALM, LIMITS, lag=seconds(0.06)), Controller(NORMAL, LIMITS, lag=seconds(0.06))
    for number in range(90):
        moment = number * FRAME
        sight = Sight(target=1, at=moment, pan_deg=10.0 * number / 30, tilt_deg=0.0)
        now = moment + seconds(0.1)
        calm, normal = (law.update(now, Pose(at=now, pan_deg=0.0, tilt_deg=0.0), sight) for law in (plain, leading))
    assert calm.pan_deg == pytest.approx(10.0 * 89 / 30 + 1.0, abs=0.2)
    assert normal.pan_deg - calm.pan_deg == pytest.approx(0.6, abs=0.05)


def test_a_target_beyond_the_limits_is_told_and_does_not_wind_up():
    """Camera L5."""
    rig = Rig()
    for _ in range(90):
        rig.step(70.0)
    assert rig.command.at_limit
    assert rig.pan == 60.0
    rig.step(50.0)
    rig.step(50.0)
    assert not rig.command.at_limit
    assert rig.pan == pytest.approx(50.0)


def test_the_head_slows_over_the_last_two_degrees():
    """Camera L5."""
    rig = Rig()
    rig.pan = 57.0
    assert rig.step(60.0).cap_deg_s == NORMAL.cap_deg_s
    rig.pan = 59.0
    rig.step(65.0, target=2)
    assert rig.command.cap_deg_s == pytest.approx(NORMAL.cap_deg_s / 2)


def test_a_head_of_speeds_gets_error_and_feed_forward():
    """Camera L6."""
    assert rate(10.0, 10.0, 5.0, 60.0) == 5.0
    assert rate(12.0, 10.0, 0.0, 60.0) == 8.0
    assert rate(90.0, 0.0, 0.0, 60.0) == 60.0
    assert rate(-90.0, 0.0, 0.0, 60.0) == -60.0


def test_a_lost_target_is_coasted_held_searched_and_then_the_head_goes_home():
    """Camera L8."""
    rig = Rig()
    for number in range(60):
        rig.step(10.0 + 0.3 * number)
    assert rig.command.phase is Phase.LOCKED
    last = rig.pan
    assert rig.unseen(0.5).phase is Phase.COASTING
    assert last + 1.0 < rig.pan < last + 0.5 * 9.0
    assert rig.unseen(0.5).phase is Phase.HOLDING
    held = rig.pan
    rig.unseen(1.8)
    assert rig.command.phase is Phase.HOLDING
    assert rig.pan == held
    assert rig.unseen(0.4).phase is Phase.SEARCHING
    rig.unseen(16.4)
    assert rig.command.phase is Phase.SEARCHING
    rig.unseen_until(Phase.HOMING, 0.5)
    assert rig.unseen(0.5).phase is Phase.SEARCHING
    assert (rig.pan, rig.tilt) == (0.0, 0.0)
    assert not rig.command.moves


def test_the_search_widens_and_stays_within_the_limits():
    """Camera L8."""
    rig = Rig()
    rig.step(10.0)
    rig.unseen(3.0)
    reaches = []
    for row in (1, 2, 3, 4):
        places = [rig.step().pan_deg for _ in range(40 * row)]
        reaches.append(max(places) - min(places))
    assert reaches == pytest.approx([20.0, 40.0, 60.0, 80.0], abs=3.0)
    assert rig.command.cap_deg_s == 45.0
    assert LIMITS.tilt_deg[0] <= rig.tilt <= LIMITS.tilt_deg[1]


def test_a_miss_of_some_frames_is_no_loss():
    rig = Rig()
    rig.step(5.0)
    assert rig.unseen(0.1).phase is Phase.LOCKED


def test_before_the_first_sight_it_watches_and_then_goes_home():
    rig = Rig()
    rig.pan = 30.0
    assert rig.unseen(1.0).phase is Phase.SEARCHING
    assert rig.pan == 30.0
    rig.unseen_until(Phase.HOMING, 2.2)
    assert rig.unseen(1.0).phase is Phase.SEARCHING
    assert rig.pan == 0.0


def test_a_new_target_begins_without_the_speed_of_the_old_one():
    rig = Rig()
    for number in range(60):
        rig.step(0.5 * number)
    rig.step(10.0, target=2)
    assert rig.command.pan_deg == pytest.approx(10.0)


def test_forgetting_begins_anew():
    rig = Rig()
    rig.step(20.0)
    assert rig.controller.last_sight == rig.now
    rig.controller.forget()
    assert rig.controller.last_sight is None
    assert rig.step().phase is Phase.SEARCHING


def test_patience_is_a_setting():
    controller = Controller(CALM, LIMITS, patience=Patience(coast=seconds(0.4), hold=seconds(0.6), search=seconds(0.8)))
    home = Pose(at=seconds(0), pan_deg=20.0, tilt_deg=0.0)
    controller.update(seconds(0), home, Sight(target=1, at=seconds(0), pan_deg=20.0, tilt_deg=0.0))
    phases = [controller.update(seconds(moment), home, None).phase for moment in (0.3, 0.5, 0.7, 0.9)]
    assert phases == [Phase.COASTING, Phase.HOLDING, Phase.SEARCHING, Phase.HOMING]
