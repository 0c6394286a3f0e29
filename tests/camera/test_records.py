"""camera R8: where recordings and shots lie, and how they are found again."""

import multiprocessing
from datetime import timedelta

import pytest

from triptych.camera.notes import write_whole
from triptych.camera.records import Archive
from triptych.errors import NotFound, Unavailable


def keep(archive, extension, at, data=b"data"):
    entry = archive.begin("default", extension, at)
    write_whole(entry.path, data)
    return entry


def test_a_shot_lies_in_the_folder_of_its_second(archive, noon, tmp_path):
    entry = keep(archive, "jpg", noon)
    assert entry.path == tmp_path / "records/01_03_2026/12_00_00/12_00_00.jpg"
    assert archive.dates() == ["01_03_2026"]
    assert [note.id for note in archive.list("01_03_2026")] == [entry.note.id]


def test_a_clash_in_one_second_gets_a_number(archive, noon):
    """camera R8."""
    names = [keep(archive, extension, noon).path.name for extension in ("jpg", "mp4", "jpg")]
    assert names == ["12_00_00.jpg", "12_00_00_2.mp4", "12_00_00_3.jpg"]


def test_dates_come_newest_first(archive, noon):
    for days in (0, 31, 400):
        keep(archive, "jpg", noon + timedelta(days=days))
    assert archive.dates() == ["05_04_2027", "01_04_2026", "01_03_2026"]


@pytest.mark.parametrize("date", ["", "..", "../..", "01_03_2026/12_00_00", "2026-03-01", "02_03_2026"])
def test_a_date_that_is_none_lists_nothing(archive, noon, date):
    keep(archive, "jpg", noon)
    assert archive.list(date) == []


@pytest.mark.parametrize("record_id", ["", "nope", "../../etc/passwd"])
def test_an_unknown_id_is_not_found(archive, noon, record_id):
    keep(archive, "jpg", noon)
    with pytest.raises(NotFound):
        archive.open(record_id)


def test_a_file_is_opened_by_its_id_alone(archive, noon):
    entry = keep(archive, "jpg", noon, b"12345")
    stored = archive.open(entry.note.id)
    assert (stored.path, stored.size_bytes, stored.media_type, stored.file_name) == (entry.path, 5, "image/jpeg", "12_00_00.jpg")
    assert archive.open(entry.note.id) == stored, "known from the first time"


def test_a_shot_has_no_marks(archive, noon):
    with pytest.raises(NotFound):
        archive.open(keep(archive, "jpg", noon).note.id, "marks")


def test_a_note_without_its_file_is_not_listed(archive, noon):
    archive.begin("default", "jpg", noon)
    assert archive.list("01_03_2026") == []


def test_a_foreign_or_broken_note_is_passed_over(archive, noon):
    entry = keep(archive, "jpg", noon)
    entry.path.with_name("other.json").write_text("{")
    assert len(archive.list("01_03_2026")) == 1


def test_a_full_disk_refuses_before_anything_is_made(tmp_path, noon):
    """Camera R9."""
    archive = Archive(tmp_path / "records", min_free_bytes=1 << 62)
    with pytest.raises(Unavailable, match="disk full"):
        archive.begin("default", "mp4", noon)
    assert archive.dates() == []


def dead(archive, entry):
    """Leave a recording as a writer does that is killed."""
    process = multiprocessing.get_context("fork").Process(target=lambda: archive.claim(entry).__enter__())
    process.start()
    process.join()


def test_a_recording_in_work_is_left_to_its_writer(archive, noon):
    entry = keep(archive, "mp4", noon)
    with archive.claim(entry):
        assert archive.recover(lambda path: 1.0) == []
    assert archive.recover(lambda path: 1.0) == [], "released: finished by its writer"


def test_the_recording_of_a_dead_writer_is_finished_once(archive, noon):
    """Camera R2."""
    entry = keep(archive, "mp4", noon)
    dead(archive, entry)
    recovered = archive.recover(lambda path: 6.5)
    assert [(note.id, note.state, note.length_s) for note in recovered] == [(entry.note.id, "recovered", 6.5)]
    assert archive.list("01_03_2026") == recovered
    assert archive.recover(lambda path: 6.5) == []


def test_what_cannot_be_played_is_deleted(archive, noon, tmp_path):
    dead(archive, keep(archive, "mp4", noon))
    assert archive.recover(lambda path: None) == []
    assert archive.dates() == []


def test_a_change_keeps_what_others_changed(archive, noon):
    entry = keep(archive, "jpg", noon)
    archive.change(entry, name="Cat")
    archive.change(entry, protected=True)
    note = archive.find(entry.note.id).note
    assert (note.name, note.protected) == ("Cat", True)
    archive.erase(note.id)
    with pytest.raises(NotFound):
        archive.change(entry, name="Dog")


def test_with_the_last_file_of_a_date_the_date_goes(archive, noon):
    first, second = keep(archive, "jpg", noon), keep(archive, "jpg", noon)
    archive.erase(first.note.id)
    assert archive.dates() == ["01_03_2026"]
    archive.erase(second.note.id)
    assert archive.dates() == []
    assert keep(archive, "jpg", noon).path == first.path, "and can come again"


def test_a_growing_file_has_a_tag_of_its_own(archive, noon):
    """Camera row 46: what is read on while it grows is never mixed with the finished file."""
    entry = keep(archive, "mp4", noon)
    growing = archive.open(entry.note.id)
    assert growing.size_bytes == 0, "no whole fragment"
    archive.change(entry, state="ready")
    assert archive.open(entry.note.id).etag != growing.etag
