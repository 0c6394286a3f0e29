"""camera 4, `learn`: the plan of the run, and what a known motion tells."""

import math
from itertools import pairwise

import numpy as np
import pytest

from triptych.camera.learn import LONGEST_S, Plan, Stage, align, gain_of, top_speed
from triptych.contracts import Limits

WIDE = Limits(pan_deg=(-60.0, 60.0), tilt_deg=(-8.0, 8.0))


def played(commands, play_deg):
    at, out = commands[0], []
    for command in commands:
        at = min(max(at, command - play_deg / 2), command + play_deg / 2)
        out.append(at)
    return out


@pytest.mark.parametrize(("lag_s", "gain", "play_deg"), [(0.07, 1.0, 0.0), (0.32, -1.25, 0.0), (0.12, 0.8, 1.2), (0.0, 1.0, 0.4)])
def test_lag_gain_and_play_are_found_together(lag_s, gain, play_deg):
    random = np.random.default_rng(5)
    fine = np.arange(0.0, 9.0, 0.001)
    there = played([8 * math.sin(math.pi / 2 * moment) for moment in fine], play_deg)
    sent = [(number / 30, 8 * math.sin(math.pi / 2 * number / 30)) for number in range(240)]
    seen = [
        (moment, gain * float(np.interp(moment - lag_s, fine, there)) + 3.0 + random.normal(0, 0.05))
        for moment in (number / 30 + 0.011 for number in range(240))
    ]
    fit = align(sent, seen)
    assert fit.lag_s == pytest.approx(lag_s, abs=0.008)
    assert fit.gain == pytest.approx(gain, rel=0.01)
    assert fit.play_deg == pytest.approx(play_deg, abs=0.1)
    assert fit.residual_deg < 0.15
    if not play_deg:
        assert gain_of(sent, seen, fit.lag_s) == pytest.approx(gain, rel=0.01)


def test_no_answer_has_no_gain():
    sent = [(number / 30, math.sin(number / 10)) for number in range(100)]
    assert align(sent, [(at, 0.0) for at, _ in sent]).gain == pytest.approx(0.0)
    assert gain_of(sent, [], 0.1) == 0.0


def test_the_top_speed_is_that_of_the_fastest_frames():
    places = [0.0, 0.0, 1.0, 5.0, 9.0, 10.0, 10.0]
    assert top_speed([(number / 30, place) for number, place in enumerate(places)]) == pytest.approx(120.0)
    assert top_speed([]) == 0.0


def steps(plan):
    return [step for number in range(30 * 40) if (step := plan.at(number / 30))]


def test_the_run_is_a_slow_sine_of_8_degrees_within_30_seconds():
    """camera 4: +-8 degrees, slow, <= 30 s with the five seconds that a slow head may need to arrive."""
    found = steps(Plan(WIDE))
    assert len(found) / 30 + 5 <= LONGEST_S
    sine = [step.pan_deg for step in found if step.stage is Stage.PAN]
    assert (max(sine), min(sine)) == pytest.approx((8.0, -8.0), abs=0.1)
    assert max(abs(later - earlier) * 30 for earlier, later in pairwise(sine)) < 15
    assert {step.stage for step in found} == set(Stage)


@pytest.mark.parametrize("pan_deg", [(-2.0, 2.0), (5.0, 40.0), (-100.0, -10.0)])
def test_the_plan_stays_within_the_limits(pan_deg):
    plan = Plan(Limits(pan_deg=pan_deg, tilt_deg=(-1.5, 30.0)))
    found = steps(plan)
    assert plan.turns
    assert all(pan_deg[0] <= step.pan_deg <= pan_deg[1] and -1.5 <= step.tilt_deg <= 30.0 for step in found)
    assert max(step.pan_deg for step in found) - min(step.pan_deg for step in found) >= min(16.0, pan_deg[1] - pan_deg[0]) - 0.1


def test_a_head_that_cannot_tilt_is_not_tilted_and_one_that_cannot_turn_learns_nothing():
    flat = Plan(Limits(pan_deg=(-60.0, 60.0), tilt_deg=(0.0, 0.0)))
    assert (flat.tilts, Stage.TILT in {step.stage for step in steps(flat)}) == (False, False)
    assert not Plan(Limits(pan_deg=(0.0, 0.0), tilt_deg=(0.0, 0.0))).turns
