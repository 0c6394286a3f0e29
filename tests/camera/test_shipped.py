"""camera 4: `scenario_1` ships in the user's and the system's table."""

import pytest

from triptych.camera.arms import SimOptions
from triptych.camera.kinematics import Geometry, tip
from triptych.camera.missions import check_reach, name_key
from triptych.camera.shipped import SCENARIOS

EVERY = [scenario for table in SCENARIOS.values() for scenario in table.values()]


def test_each_table_has_its_own_scenario_1():
    users, systems = SCENARIOS["missions"].values(), SCENARIOS["predicted_missions"].values()
    (user,) = [one for one in users if name_key(one.name) == "scenario_1"]
    (system,) = [one for one in systems if name_key(one.name) == "scenario_1"]
    assert user != system
    assert not set(SCENARIOS["missions"]) & set(SCENARIOS["predicted_missions"])


@pytest.mark.parametrize("scenario", EVERY)
def test_the_default_arm_can_play_it_in_a_loop(scenario):
    check_reach(scenario, SimOptions().joints_deg)
    assert scenario.loop


@pytest.mark.parametrize("position", [position for scenario in EVERY for position in scenario.positions])
def test_its_places_are_those_of_its_joints(position):
    arm = SimOptions()
    place = tip(Geometry(base_mm=arm.base_mm, links_mm=arm.links_mm), position.joints_deg).place_mm
    assert position.cartesian_coords == pytest.approx(place, abs=0.1)
