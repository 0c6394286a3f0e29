"""camera 6, 11, S2: moves by hand of a whole camera, and the emergency stop."""

import math
import time
from datetime import timedelta

import pytest

from triptych.camera.definition import Definition
from triptych.camera.manual import Manual, Move
from triptych.camera.missions import straight_to
from triptych.camera.parameters import Parameters
from triptych.clock import SystemClock
from triptych.errors import Conflict, Invalid

BOUND_S = 20
QUARTER = math.pi / 2


def until(condition):
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def degrees(session):
    return [math.degrees(joint) for joint in session.manual.where()["polar_coords"]]


def step(kind, place, quantity=0.0):
    return Move(type=kind, id=place, quantity=quantity)


def test_where_it_stands_is_told_and_nothing_is_opened(opened):
    """camera 6, S4: GET never moves an axis."""
    session = opened()
    where = session.manual.where()
    assert where["cartesian_coords"] == [0.0, 50.0, 235.0]
    assert where["polar_coords"] == pytest.approx([QUARTER] * 3, abs=1e-4)
    assert where["head"] == {"pan": 0.0, "tilt": 0.0, "zoom": 1.0}
    assert session.eye is None


def test_a_joint_turns_by_degrees_and_back(opened):
    """camera row 45: move joint 3, -3."""
    session = opened()
    session.manual.move(step("joint", "3", 3.0))
    until(lambda: degrees(session) == pytest.approx([90, 90, 93], abs=0.01))
    session.manual.move(step("joint", "3", -3.0))
    until(lambda: degrees(session) == pytest.approx([90, 90, 90], abs=0.01))


def test_the_tip_moves_along_an_axis(opened):
    """camera row 45: axis in reach."""
    session = opened()
    session.manual.move(step("axis", "y", 20.0))
    session.manual.move(step("axis", "z", -10.0))
    until(lambda: session.manual.where()["cartesian_coords"] == pytest.approx([0, 70, 225], abs=0.5))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (step("joint", "0", 1.0), "id"),
        (step("joint", "4", 1.0), "id"),
        (step("joint", "x", 1.0), "id"),
        (step("joint", "1", 91.0), "quantity"),
        (step("joint", "1", math.nan), "quantity"),
        (step("joint", "1", 1e9), "quantity"),
        (step("axis", "w", 1.0), "id"),
        (step("axis", "z", 500.0), "quantity"),
        (step("head", "roll", 1.0), "id"),
        (step("head", "zoom", 1.0), "id"),
        (step("head", "pan", 61.0), "quantity"),
    ],
)
def test_what_cannot_be_done_is_refused_without_motion(opened, wrong, field):
    """camera row 45, 11: out of reach or past a limit ERROR, no motion."""
    session = opened()
    with pytest.raises(Invalid) as refused:
        session.manual.move(wrong)
    assert refused.value.field == field
    assert session.manual._ticker._thread is None
    assert degrees(session) == pytest.approx([90] * 3, abs=0.01)


def test_without_an_arm_there_is_no_joint():
    """camera row 45: arm `none`."""

    class Body:
        definition, parameters, clock, eye = Definition(arm={"kind": "none"}), Parameters(arm_expansion=True), SystemClock(), None

    manual = Manual(Body())
    for wrong in (step("joint", "1", 1.0), step("axis", "x", 1.0)):
        with pytest.raises(Invalid, match="no arm"):
            manual.move(wrong)
    assert manual.where() == {"cartesian_coords": None, "polar_coords": [], "head": {"pan": 0.0, "tilt": 0.0, "zoom": 1.0}}
    manual.close()


def test_the_head_turns_goes_home_and_joins_the_joints(opened):
    """camera 6: head pan, tilt, home; joint n+1 is tilt, n+2 pan."""
    session = opened(Parameters(arm_expansion=True))
    session.manual.move(step("head", "pan", 5.0))
    session.manual.move(step("joint", "4", -2.0))
    until(lambda: degrees(session) == pytest.approx([90, 90, 90, -2, 5], abs=0.2))
    session.manual.move(step("head", "home"))
    until(lambda: degrees(session) == pytest.approx([90, 90, 90, 0, 0], abs=0.2))


def test_a_hand_goes_before_tracking(opened, notes):
    """camera 3.3: manual move before track."""
    session = opened(Parameters(ai="official_ai"))
    session.start("track")
    notes.until(lambda: not session.waits_for_lock)
    session.manual.move(step("head", "home"))
    session.manual.move(step("head", "pan", -50.0))
    until(lambda: session.manual.where()["head"]["pan"] == pytest.approx(-50, abs=0.2))
    begun = time.monotonic()
    until(lambda: session.manual.where()["head"]["pan"] > -49)
    assert time.monotonic() - begun > 2


def test_a_move_played_once_holds_the_process(opened):
    """camera 1: moves hold the process without a job."""
    session = opened()
    session.manual.play(straight_to((100.0, 90.0, 90.0)))
    assert session.busy
    until(lambda: not session.manual.busy)
    assert not session.live
    until(lambda: degrees(session) == pytest.approx([100, 90, 90], abs=0.01))


def test_driving_stops_by_itself_and_has_one_driver(opened):
    """camera row 40, 11."""
    session = opened()
    session.manual.drive("a", 30.0, 0.0)
    with pytest.raises(Conflict):
        session.manual.drive("b", -30.0, 0.0)
    until(lambda: session.manual._steering._drive is None)
    assert 5 < session.manual.where()["head"]["pan"] < 30
    assert session.manual.where() == session.manual.where()


def test_an_emergency_stop_holds_every_axis_within_100_ms_and_pauses(opened, notes):
    """camera row 42, S2."""
    session = opened(Parameters(ai="official_ai"))
    session.start("track")
    notes.until(lambda: not session.waits_for_lock)
    session.start("mission", {"scenario": {"name": "s", "positions": [_position(120), _position(60)]}})
    session.manual.drive("a", 30.0, 0.0)
    until(lambda: abs(degrees(session)[0] - 90) > 1)
    begun = time.monotonic()
    session.halt()
    where = session.manual.where()
    assert time.monotonic() - begun < 0.1
    session.settle_halt()
    eye = session.eye
    number = eye.newest.frame.number
    assert eye.wait(lambda glimpse: glimpse.frame.number > number + 10, timedelta(seconds=5))
    assert session.manual.where() == where
    state = session.state()
    assert (state["track"]["state"], state["mission"]["state"], state["state"]) == ("paused", "paused", "paused")
    session.resume()
    until(lambda: session.manual.where() != where)


def test_a_halt_of_a_camera_at_rest_opens_nothing(opened):
    """camera S2: in every state."""
    session = opened()
    session.halt()
    session.settle_halt()
    assert session.eye is None
    session.manual.move(step("joint", "1", 2.0))
    until(lambda: degrees(session)[0] > 91)


def test_an_eye_that_opens_during_a_halt_is_halted_too(opened):
    session = opened()
    session.halt()
    wheel = session.opened().wheel
    assert not wheel.turn(max(type(wheel.owner)), 10.0, 0.0, 60.0)
    session.settle_halt()
    assert wheel.turn(max(type(wheel.owner)), 10.0, 0.0, 60.0)


def _position(first):
    polar = {"coords": [math.radians(first), QUARTER, QUARTER], "delays": [0.05] * 3, "divide_counts": [40] * 3}
    return {"name": "p", "cartesian_coords": [0, 0, 0], "polar_params": polar}
