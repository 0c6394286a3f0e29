"""camera 1, 6: where an arm's tip is, and how it gets somewhere."""

import random

import pytest

from triptych.camera.kinematics import Geometry, reach, tip
from triptych.errors import Invalid

SIM = Geometry(base_mm=65.0, links_mm=(85.0, 85.0, 50.0))
START = (90.0, 90.0, 90.0)
LIMITS = [(0.0, 180.0)] * 3


def close(place):
    return pytest.approx(place, abs=1e-6)


def test_the_default_arm_starts_upright_with_its_last_link_level_ahead():
    """camera 1: base 65, links 85, 85, 50 mm, start 90."""
    end = tip(SIM, START)
    assert end.place_mm == close((0.0, 50.0, 235.0))
    assert (end.turn_deg, end.rise_deg) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("joints", "place", "turn", "rise"),
    [
        ((0, 90, 90), (50, 0, 235), 90, 0),
        ((180, 90, 90), (-50, 0, 235), -90, 0),
        ((90, 0, 180), (0, 135, 150), 0, 0),
        ((90, 90, 180), (0, 0, 285), 0, 90),
        ((90, 90, 135), (0, 50 / 2**0.5, 235 + 50 / 2**0.5), 0, 45),
        ((90, 90), (0, 0, 235), 0, 90),
        ((90,), (0, 0, 150), 0, 0),
    ],
)
def test_the_tip_by_hand(joints, place, turn, rise):
    end = tip(Geometry(base_mm=65.0, links_mm=SIM.links_mm[: len(joints)]), joints)
    assert end.place_mm == close(place)
    assert (end.turn_deg, end.rise_deg) == (turn, rise)


def test_the_way_back_leads_to_the_same_place():
    """A law: the tip of the joints that reach a place is that place."""
    dice = random.Random(4)
    for _ in range(500):
        place = tip(SIM, [dice.uniform(0, 180) for _ in range(3)]).place_mm
        found = reach(SIM, START, LIMITS, place)
        assert tip(SIM, found).place_mm == close(place)
        assert all(0 <= joint <= 180 for joint in found)


def test_further_joints_stay_as_they_are():
    arm = Geometry(base_mm=50.0, links_mm=(30.0, 100.0, 80.0, 40.0, 20.0))
    now, limits = [90.0, 90.0, 90.0, 120.0, 150.0], [(0.0, 180.0)] * 5
    x, y, z = tip(arm, now).place_mm
    found = reach(arm, now, limits, (x + 10, y - 5, z + 5))
    assert found[3:] == [120.0, 150.0]
    assert tip(arm, found).place_mm == close((x + 10, y - 5, z + 5))


def test_the_nearest_way_is_taken():
    assert reach(SIM, START, LIMITS, (0.0, 50.0, 235.0)) == pytest.approx(START)


@pytest.mark.parametrize("place", [(0, 0, 1000), (140, 0, 150), (0, 0, 151), (0, -20, 20)])
def test_out_of_reach_is_refused(place):
    """camera row 45."""
    with pytest.raises(Invalid, match="out of reach"):
        reach(SIM, START, LIMITS, place)


def test_an_arm_with_too_few_joints_knows_no_axes():
    with pytest.raises(Invalid, match="three joints"):
        reach(SIM, (90.0, 90.0), LIMITS[:2], (0.0, 100.0, 100.0))
