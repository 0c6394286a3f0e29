"""How an axis runs."""

from itertools import pairwise

import pytest

from triptych.camera.motion import Axis, within

TICK_S = 0.02


@pytest.fixture
def axis():
    return Axis(speed_deg_s=100.0, force_deg_s2=500.0, step_deg=0.1, tick_s=TICK_S, start_deg=90.0)


def run(axis, seconds):
    places = []
    for _ in range(round(seconds / TICK_S)):
        axis.step()
        places.append(axis.shown_deg)
    return places


def test_an_axis_stands_where_it_is_taken_to_stand(axis):
    assert axis.rests
    assert run(axis, 1.0) == [90.0] * 50


def test_an_axis_reaches_its_aim_without_passing_it(axis):
    axis.aim(150.0, 1000.0)
    places = run(axis, 2.0)
    assert places == sorted(places)
    assert (places[-1], axis.rests) == (150.0, True)


@pytest.mark.parametrize(("cap", "speed"), [(1000.0, 100.0), (40.0, 40.0)])
def test_an_axis_keeps_to_its_own_top_speed_and_to_the_cap(axis, cap, speed):
    axis.aim(180.0, cap)
    places = run(axis, 1.0)
    fastest = max((later - earlier) / TICK_S for earlier, later in pairwise(places))
    assert fastest == pytest.approx(speed, abs=6)


def test_halt_stands_still_at_once(axis):
    axis.aim(180.0, 100.0)
    run(axis, 0.3)
    axis.halt()
    stood = axis.shown_deg
    assert axis.rests
    assert set(run(axis, 0.5)) == {stood}


def test_an_angle_is_led_to_the_nearest_within_the_limits():
    assert [within(angle, (-10.0, 20.0)) for angle in (-50.0, 5.0, 50.0)] == [-10.0, 5.0, 20.0]
