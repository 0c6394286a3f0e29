"""camera 3.1: the activity `live_stream`."""

import pytest

from triptych.errors import NotYet


def test_what_is_not_built_says_so(opened):
    session = opened()
    with pytest.raises(NotYet, match="not available yet"):
        session.start("live_stream")
    assert session.state()["live_stream"]["state"] == "off"
