"""camera 6: what a panel may ask about arm and head."""

import pytest

from triptych.camera.moves import VERBS
from triptych.camera.verbs import obey
from triptych.errors import Invalid


def test_every_verb_is_obeyed(opened, archive):
    session = opened()
    assert obey(session, archive, "where", {})["cartesian_coords"] == [0.0, 50.0, 235.0]
    assert obey(session, archive, "move", {"type": "joint", "id": "1", "quantity": 1}) == {}
    polar = {"coords": [1.5, 1.5, 1.5], "delays": [0, 0, 0], "divide_counts": [1, 1, 1]}
    position = {"name": "p", "cartesian_coords": [0, 0, 0], "polar_params": polar}
    assert obey(session, archive, "play", {"scenario": {"name": "s", "positions": [position], "loop": False}}) == {}
    assert obey(session, archive, "drive", {"driver": "a", "pan": 0, "tilt": 0.0}) == {}
    assert obey(session, archive, "halt", {}) == {}
    assert set(VERBS) == {"where", "move", "play", "drive", "halt"}


@pytest.mark.parametrize("data", [{}, {"driver": "a"}, {"driver": 5, "pan": 1, "tilt": 1}, {"driver": "a", "pan": "1", "tilt": 1}])
def test_a_bad_drive_is_refused(opened, archive, data):
    session = opened()
    with pytest.raises(Invalid, match="drive needs"):
        obey(session, archive, "drive", data)
    assert session.eye is None
