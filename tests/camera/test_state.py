"""camera 3.3: the state object."""

from dataclasses import replace

import pytest

from triptych.camera.activity import Standing
from triptych.camera.definition import Definition
from triptych.camera.parameters import Parameters
from triptych.camera.state import describe, essence, session_word

KEYS = [
    *("camera", "simulated", "session", "state", "track", "record", "mission", "live_stream"),
    *("head", "detector", "fps", "stale_s", "parameters", "mark", "calibration", "warnings"),
]


@pytest.fixture
def facts(opened):
    """Make the facts of an idle camera, but for what is changed."""
    made = opened()._facts()
    return lambda **changed: replace(made, **{"parameters": Parameters(), **changed})


def test_an_idle_camera_has_every_documented_key(facts):
    state = describe(facts())
    assert list(state) == KEYS
    assert list(state["track"]) == ["state", "job_type", "target"]
    assert list(state["record"]) == ["state", "id", "seconds", "dropped"]
    assert list(state["mission"]) == ["state", "scenario", "step"]
    assert list(state["live_stream"]) == ["state", "targets"]
    assert list(state["head"]) == ["kind", "pan", "tilt", "moving", "at_limit"]
    assert list(state["detector"]) == ["name", "every", "ms"]


@pytest.mark.parametrize(
    ("standings", "word"),
    [
        ((Standing.OFF, Standing.OFF), "idle"),
        ((Standing.FAILED, Standing.OFF), "idle"),
        ((Standing.ON, Standing.PAUSED), "active"),
        ((Standing.PAUSED, Standing.OFF), "paused"),
        ((Standing.PAUSED, Standing.FAILED), "paused"),
    ],
)
def test_a_session_is_active_paused_or_idle(standings, word):
    assert session_word(*standings) == word


def test_what_succeeded_with_a_drawback_is_warned_about(facts):
    bare = Definition(arm={"kind": "none"})
    asked = Parameters(arm_expansion=True)
    assert describe(facts(parameters=asked, definition=bare))["warnings"] == ["arm_expansion: this camera has no arm."]
    assert describe(facts(parameters=asked))["warnings"] == []
    assert describe(facts(faults=("record: disk full",)))["warnings"] == ["record: disk full"]


def test_measurements_are_no_event_and_changes_are(facts):
    before = describe(facts())
    assert essence(before | {"fps": 12.0, "stale_s": 1.0}) == essence(before)
    for changed in ({"mark": None}, {"faults": ("record: disk full",)}, {"parameters": Parameters(ai="official_ai")}, {"session": "job"}):
        assert essence(describe(facts(**changed))) != essence(before)
