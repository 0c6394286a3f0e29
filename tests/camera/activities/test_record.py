"""camera 3.1: the activity `record`; its files are proved in tests/camera/test_record.py."""

import pytest

from triptych.camera.activity import Standing
from triptych.errors import Unavailable


def test_a_lost_picture_fails_it_with_the_file_whole(opened, archive, notes):
    """camera 11."""
    session = opened()
    session.start("record")
    filming = session.activities["record"]
    notes.until(lambda: session.state()["record"]["seconds"] > 0.5)
    filming.blind(Unavailable("lost", code="source_lost"))
    assert (filming.standing, filming.fault.message) == (Standing.FAILED, "lost")
    (note,) = archive.list(archive.dates()[0])
    assert note.state == "ready"


@pytest.mark.parametrize("call", ["stop", "pause", "resume", "adapt"])
def test_what_is_off_stays_off(opened, archive, call):
    """camera row 20."""
    filming = opened().activities["record"]
    getattr(filming, call)()
    assert (filming.standing, archive.dates()) == (Standing.OFF, [])
