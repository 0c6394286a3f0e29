"""What a panel asks of a live stream."""

import pytest

from triptych.camera.airing import VERBS
from triptych.errors import NotFound


def test_fragments_are_read_with_a_cursor(opened):
    session = opened()
    session.start("live_stream")
    found = {"cursor": 0}
    while not found.get("data"):
        found = VERBS["live"](session, {"cursor": 0})
    assert found["data"][4:8] == b"ftyp"
    assert found["cursor"] > 0
    assert found["ended"] is False


def test_while_it_is_off_there_is_nothing_to_read(opened):
    with pytest.raises(NotFound) as told:
        VERBS["live"](opened(), {})
    assert told.value.code == "live_off"
