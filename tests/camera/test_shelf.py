"""What a panel may ask about recordings and shots."""

import pytest

from triptych.camera import shelf
from triptych.camera.notes import write_whole
from triptych.camera.shelf import VERBS
from triptych.errors import Conflict, NotFound


@pytest.fixture
def session(opened):
    return opened()


@pytest.fixture
def kept(archive, noon):
    entry = archive.begin("default", "jpg", noon)
    write_whole(entry.path, b"0123456789")
    return entry.note.id


def note_of(session, record_id):
    (note,) = (one for one in VERBS["records"](session, {"date": "01_03_2026"})["notes"] if one["id"] == record_id)
    return note


def test_records_are_listed_by_date(session, kept):
    assert VERBS["records"](session, {"date": None}) == {"dates": ["01_03_2026"], "notes": None, "more": False}
    assert note_of(session, kept)["name"] == "12_00_00"


def test_a_long_date_comes_in_pages(session, archive, noon, monkeypatch):
    monkeypatch.setattr(shelf, "MOST_NOTES", 2)
    for _ in range(3):
        write_whole(archive.begin("default", "jpg", noon).path, b"data")
    first = VERBS["records"](session, {"date": "01_03_2026"})
    second = VERBS["records"](session, {"date": "01_03_2026", "offset": 2})
    assert [note["name"] for note in (*first["notes"], *second["notes"])] == ["12_00_00", "12_00_00_2", "12_00_00_3"]
    assert (first["more"], second["more"]) == (True, False)


def test_bytes_are_read_by_offset(session, kept):
    info = VERBS["record_info"](session, {"id": kept})
    assert (info["size"], info["media_type"], info["file_name"]) == (10, "image/jpeg", "12_00_00.jpg")
    assert VERBS["read"](session, {"id": kept, "offset": 3, "limit": 4}) == {"data": b"3456"}
    assert VERBS["read"](session, {"id": kept, "offset": 99}) == {"data": b""}


def test_a_name_is_a_label_and_the_file_stays(session, archive, kept):
    """camera S5."""
    before = archive.find(kept).path
    VERBS["rename"](session, {"id": kept, "name": "Grüße: der Kater"})
    assert note_of(session, kept)["name"] == "Grüße: der Kater"
    assert archive.open(kept).path == before
    assert archive.open(kept).file_name == "Grüße: der Kater.jpg"


def test_protection_is_given_and_taken(session, kept):
    for protected in (True, False):
        VERBS["protect"](session, {"id": kept, "protected": protected})
        assert note_of(session, kept)["protected"] is protected


def test_what_is_deleted_is_gone_and_told(session, archive, kept, notes):
    VERBS["erase"](session, {"id": kept})
    assert archive.dates() == []
    (event,) = notes.events
    assert event[0] == "removed"
    assert (event[1]["id"], event[1]["why"]) == (kept, "asked")


def test_a_recording_in_work_is_not_deleted(session, archive, noon):
    """camera 6: DELETE while being written is an error."""
    entry = archive.begin("default", "mp4", noon)
    write_whole(entry.path, b"data")
    with pytest.raises(Conflict, match="still being written"):
        VERBS["erase"](session, {"id": entry.note.id})
    assert entry.path.exists()


@pytest.mark.parametrize("verb", ["record_info", "read", "rename", "protect", "erase"])
@pytest.mark.parametrize("record_id", ["nope", "../x", "5e0b7c50-0000-4000-8000-000000000000"])
def test_an_unknown_record_is_not_found(session, kept, verb, record_id):
    with pytest.raises(NotFound):
        VERBS[verb](session, {"id": record_id, "name": "x", "protected": True})
