"""camera 3.1, 3.2, 4: the activity `mission`."""

import math
import time

import msgspec
import pytest

from triptych.camera.missions import Polar, Position, Scenario
from triptych.camera.parameters import Parameters
from triptych.errors import Invalid, Unavailable

BOUND_S = 20


def position(*joints_deg, delay_s=0.05, count=40):
    size = len(joints_deg)
    polar = Polar(coords=tuple(map(math.radians, joints_deg)), delays=(delay_s,) * size, divide_counts=(count,) * size)
    return Position(name="p", cartesian_coords=(0.0, 0.0, 0.0), polar_params=polar)


def data(*positions, name="sweep", loop=True):
    return {"scenario": msgspec.to_builtins(Scenario(name=name, positions=positions, loop=loop))}


SWEEP = data(position(110, 90, 90), position(70, 90, 90))
WITH_HEAD = data(position(90, 90, 90, 2, 10), position(90, 90, 90, -2, -10))


def until(condition, bound_s=BOUND_S):
    deadline = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state(session):
    return session.state()["mission"]


def joints(session):
    return session.manual.limb.arm.joints()


def moved(session, by=2.0):
    before = joints(session)
    until(lambda: max(abs(now - then) for now, then in zip(joints(session), before, strict=True)) > by)


def stands(session):
    before = joints(session)
    time.sleep(0.3)
    return joints(session) == before


def test_it_plays_without_the_source_and_stops_where_it_is(opened, notes):
    """camera row 27; a mission on the arm alone needs no picture."""
    session = opened()
    session.start("mission", SWEEP)
    assert state(session) == {"state": "on", "scenario": "sweep", "step": 1}
    moved(session)
    assert session.eye is None
    assert session.live
    session.stop("mission")
    assert stands(session)
    assert (state(session), notes.rests) == ({"state": "off", "scenario": None, "step": None}, [None])


def test_paused_joints_hold_within_200_ms_and_go_on(opened):
    """camera 3.2."""
    session = opened()
    session.start("mission", SWEEP)
    moved(session)
    begun = time.monotonic()
    session.pause("mission")
    held = joints(session)
    assert time.monotonic() - begun < 0.2
    assert (state(session)["state"], session.state()["state"]) == ("paused", "paused")
    time.sleep(0.3)
    assert joints(session) == held
    session.resume("mission")
    assert state(session) == {"state": "on", "scenario": "sweep", "step": 1}
    moved(session)


def test_starting_again_changes_nothing_and_resumes_what_is_paused(opened):
    """camera 3.1: PUT mission while running, while paused."""
    session = opened()
    session.start("mission", SWEEP)
    player = session.activities["mission"]._player
    session.start("mission", SWEEP)
    session.pause()
    session.start("mission", SWEEP)
    assert session.activities["mission"]._player is player
    assert state(session)["state"] == "on"


def test_another_scenario_replaces_the_running_one(opened):
    """camera 3.1."""
    session = opened()
    session.start("mission", SWEEP)
    session.start("mission", data(position(90, 120, 90), name="lean"))
    assert state(session)["scenario"] == "lean"
    until(lambda: joints(session)[1] > 100)


def test_one_without_a_loop_finishes_and_the_session_rests(opened, notes):
    """camera 4: `loop:false` once, then `finished`."""
    session = opened()
    session.start("mission", data(position(95, 90, 90, count=2), loop=False))
    notes.until(lambda: notes.rests == [None])
    assert state(session) == {"state": "finished", "scenario": "sweep", "step": None}
    assert session.state()["state"] == "idle"
    session.start("mission", SWEEP)
    assert state(session)["state"] == "on"


@pytest.mark.parametrize("wrong", [{}, {"scenario": None}, {"scenario": {"name": "x"}}, data(position(90, 90)), WITH_HEAD])
def test_what_cannot_be_played_is_refused_and_nothing_changes(opened, wrong):
    """camera 3.1: scenario null, unknown or no joints for it."""
    session = opened()
    with pytest.raises(Invalid, match="scenario"):
        session.start("mission", wrong)
    assert (state(session)["state"], session.eye) == ("off", None)
    session.start("mission", SWEEP)
    with pytest.raises(Invalid):
        session.start("mission", wrong)
    assert state(session) == {"state": "on", "scenario": "sweep", "step": 1}


def test_with_arm_expansion_it_turns_the_head_which_track_then_does_not(opened):
    """camera 3.3: mission with `arm_expansion` before track."""
    session = opened(Parameters(arm_expansion=True), figures=0)
    session.start("mission", WITH_HEAD)
    until(lambda: session.state()["head"]["pan"] > 5)
    session.start("track")
    until(lambda: session.state()["head"]["pan"] < -5)
    with pytest.raises(Invalid, match="arm_expansion"):
        session.configure(Parameters(), None)
    session.stop("mission")
    session.configure(Parameters(), None)


def test_a_lost_picture_ends_a_mission_of_the_head_only(opened):
    """camera 11: the arm needs no source."""
    session = opened(Parameters(arm_expansion=True))
    session.start("mission", WITH_HEAD)
    mission = session.activities["mission"]
    mission.blind(Unavailable("lost", code="source_lost"))
    assert (state(session)["state"], mission.fault.message) == ("failed", "lost")
    session.start("mission", SWEEP)
    mission.blind(Unavailable("lost", code="source_lost"))
    assert state(session)["state"] == "on"


class Silent:
    """An arm whose board went away."""

    limits = ((0.0, 180.0),) * 3

    def joints(self):
        return (90.0, 90.0, 90.0)

    def move(self, joints_deg, cap_deg_s):
        raise Unavailable("The servo board does not answer.", code="head_silent")

    def stop(self):
        pass

    def close(self):
        pass


def test_an_arm_that_does_not_answer_fails_its_mission_and_nothing_else(opened, notes):
    """camera 11: the rest goes on, and another start is tried."""
    session = opened()
    session.start("record")
    session.manual.limb.arm, arm = Silent(), session.manual.limb.arm
    session.start("mission", SWEEP)
    notes.until(lambda: state(session)["state"] == "failed")
    assert session.state()["record"]["state"] == "on"
    assert "mission: The arm does not answer." in session.state()["warnings"]
    session.manual.limb.arm = arm
    session.start("mission", SWEEP)
    moved(session)


def test_tracking_goes_on_while_the_arm_moves(opened, notes):
    """camera 3.3: the arm's known pose is fed forward to the controller."""
    session = opened(Parameters(ai="official_ai"))
    session.start("track")
    notes.until(lambda: not session.waits_for_lock)
    session.start("mission", SWEEP)
    seen, turns = [], []
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        target = session.state()["track"]["target"]
        seen.append(target is not None and abs(target["box"][0] + target["box"][2] / 2 - 0.5) < 0.15)
        turns.append(joints(session)[0])
        time.sleep(0.05)
    assert max(turns) - min(turns) > 25
    assert sum(seen) / len(seen) > 0.8


@pytest.mark.parametrize("call", ["stop", "pause", "resume", "adapt"])
def test_what_is_off_stays_off(opened, call):
    """camera row 20."""
    session = opened()
    getattr(session.activities["mission"], call)()
    assert state(session)["state"] == "off"
    assert session.manual._limb is None
