"""What a panel may ask of a camera's process; the verbs that need a source are proved in tests/kinds/test_camera.py."""

import pytest

from triptych.camera.definition import Definition
from triptych.camera.parameters import Parameters
from triptych.camera.records import write_whole
from triptych.camera.session import Session
from triptych.camera.stream import Views
from triptych.camera.verbs import obey
from triptych.clock import SystemClock
from triptych.errors import Invalid, NotFound


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


@pytest.fixture
def kept(archive, noon):
    entry = archive.begin("default", "jpg", noon)
    write_whole(entry.path, b"0123456789")
    return entry.note.id


def test_an_unknown_verb_is_refused(session, archive):
    with pytest.raises(Invalid):
        obey(session, archive, "dance", {})


@pytest.mark.parametrize("verb", ["stop", "pause", "resume"])
@pytest.mark.parametrize("cause", [None, "track", "record", "mission", "live_stream"])
def test_what_is_off_stays_off(session, archive, verb, cause):
    assert obey(session, archive, verb, {"cause": cause}) == {}
    assert obey(session, archive, "state", {})["state"] == "idle"


def test_configure_takes_parameters_and_mark(session, archive):
    obey(session, archive, "configure", {"parameters": {"ai": "official_ai"}, "mark": "animation_1"})
    state = obey(session, archive, "state", {})
    assert (state["parameters"]["ai"], state["mark"]) == ("official_ai", "animation_1")


def test_records_are_listed_by_date(session, archive, kept):
    assert obey(session, archive, "records", {"date": None}) == {"dates": ["01_03_2026"], "notes": None}
    (note,) = obey(session, archive, "records", {"date": "01_03_2026"})["notes"]
    assert note["id"] == kept


def test_bytes_are_read_by_offset(session, archive, kept):
    info = obey(session, archive, "record_info", {"id": kept})
    assert (info["size"], info["media_type"], info["file_name"]) == (10, "image/jpeg", "12_00_00.jpg")
    assert obey(session, archive, "read", {"id": kept, "offset": 3, "limit": 4}) == {"data": b"3456"}
    assert obey(session, archive, "read", {"id": kept, "offset": 99}) == {"data": b""}


def test_an_unknown_record_is_not_found(session, archive, kept):
    for verb in ("record_info", "read"):
        with pytest.raises(NotFound):
            obey(session, archive, verb, {"id": "nope"})
