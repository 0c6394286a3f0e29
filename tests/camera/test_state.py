"""camera 3.3: the state object."""

import pytest

from triptych.camera.control import Phase
from triptych.camera.definition import Definition
from triptych.camera.eye import Glimpse
from triptych.camera.parameters import Parameters
from triptych.camera.state import Activity, Facts, describe, essence, session_word, track_word

KEYS = [
    *("camera", "simulated", "session", "state", "track", "record", "mission", "live_stream"),
    *("head", "detector", "fps", "stale_s", "parameters", "mark", "calibration", "warnings"),
]


def facts(**changed):
    return Facts(
        **{
            "camera": "default",
            "definition": Definition(),
            "parameters": Parameters(),
            "mark": "single_rect",
            "session": None,
            "track": Activity.OFF,
            "job_type": "track",
            "record": Activity.OFF,
            "eye": None,
            "recorder": None,
            "age_s": None,
            "faults": (),
            **changed,
        }
    )


def test_an_idle_camera_has_every_documented_key():
    state = describe(facts())
    assert list(state) == KEYS
    assert list(state["track"]) == ["state", "job_type", "target"]
    assert list(state["record"]) == ["state", "id", "seconds", "dropped"]
    assert list(state["mission"]) == ["state", "scenario", "step"]
    assert list(state["live_stream"]) == ["state", "targets"]
    assert list(state["head"]) == ["kind", "pan", "tilt", "moving", "at_limit"]
    assert list(state["detector"]) == ["name", "every", "ms"]


@pytest.mark.parametrize(
    ("activities", "word"),
    [
        ((Activity.OFF, Activity.OFF), "idle"),
        ((Activity.FAILED, Activity.OFF), "idle"),
        ((Activity.ON, Activity.PAUSED), "active"),
        ((Activity.PAUSED, Activity.OFF), "paused"),
        ((Activity.PAUSED, Activity.FAILED), "paused"),
    ],
)
def test_a_session_is_active_paused_or_idle(activities, word):
    assert session_word(*activities) == word


def test_track_has_the_words_of_what_it_sees(shoot):
    def word(activity, parameters=None, phase=None):
        taken = shoot(0)
        return track_word(activity, parameters or Parameters(), Glimpse(frame=taken.frame, pose=taken.pose, phase=phase))

    assert word(Activity.ON) == "starting"
    assert [word(Activity.ON, phase=phase) for phase in Phase] == ["searching", "locked", "coasting", "holding", "homing"]
    assert word(Activity.ON, Parameters(non_moving_target=True), Phase.LOCKED) == "still"
    assert word(Activity.PAUSED, phase=Phase.LOCKED) == "paused"
    assert word(Activity.FAILED) == "failed"


def test_unknown_persons_are_warned_about():
    """Camera row 8."""
    assert describe(facts(parameters=Parameters(recognized_persons=("a", "b"))))["warnings"] == [
        "recognized_persons: 2 of the ids are not enrolled."
    ]
    assert describe(facts(parameters=Parameters(recognized_persons=("all",))))["warnings"] == ["recognized_persons: nobody is enrolled."]
    assert describe(facts(parameters=Parameters(arm_expansion=True)))["warnings"] == ["arm_expansion: this camera has no arm."]
    assert describe(facts(faults=("record: disk full",)))["warnings"] == ["record: disk full"]


def test_measurements_are_no_event_and_changes_are():
    before = describe(facts())
    assert essence(before | {"fps": 12.0, "stale_s": 1.0}) == essence(before)
    for changed in ({"mark": None}, {"track": Activity.ON}, {"parameters": Parameters(ai="official_ai")}, {"session": "job"}):
        assert essence(describe(facts(**changed))) != essence(before)
