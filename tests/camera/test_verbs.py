"""What a panel may ask of a camera's process; the verbs that need a source are proved in tests/kinds/test_camera.py."""

import pytest

from triptych.camera.definition import Definition
from triptych.camera.parameters import Parameters
from triptych.camera.session import Session
from triptych.camera.stream import Views
from triptych.camera.verbs import obey
from triptych.clock import SystemClock
from triptych.errors import Invalid


class Deaf:
    """Takes note of nothing."""

    def settled(self, fault=None):
        pass

    def changed(self, state):
        pass

    def happened(self, note, data):
        pass

    def rest(self, fault):
        pass


@pytest.fixture
def session(archive, tmp_path):
    views = Views("camera:default", lambda topic, picture: None)
    parts = {"folder": tmp_path, "archive": archive, "clock": SystemClock(), "views": views, "teller": Deaf()}
    return Session("default", Definition(), Parameters(), None, **parts)


def test_an_unknown_verb_is_refused(session):
    with pytest.raises(Invalid):
        obey(session, "dance", {})


@pytest.mark.parametrize("verb", ["stop", "pause", "resume"])
@pytest.mark.parametrize("cause", [None, "track", "record", "mission", "live_stream"])
def test_what_is_off_stays_off(session, verb, cause):
    assert obey(session, verb, {"cause": cause}) == {}
    assert obey(session, "state", {})["state"] == "idle"


def test_configure_takes_parameters_and_mark(session):
    obey(session, "configure", {"parameters": {"ai": "official_ai"}, "mark": "animation_1"})
    state = obey(session, "state", {})
    assert (state["parameters"]["ai"], state["mark"]) == ("official_ai", "animation_1")
