"""camera 6: notes, and an index that finds one among ten thousand."""

import os
from datetime import timedelta

import pytest

from triptych.camera import notes as notes_module
from triptych.camera.notes import Entry, Index, Note, read_entry, write_whole

MANY = 10_000
DATE = "01_03_2026"


def put(root, number):
    time = f"{number // 3600:02}_{number // 60 % 60:02}_{number % 60:02}"
    note = Note(id=f"id{number}", camera="default", name=time, date=DATE, time=time, extension="jpg")
    entry = Entry(note=note, path=root / DATE / time / f"{time}.jpg")
    entry.path.parent.mkdir(parents=True)
    entry.path.write_bytes(b"")
    return entry.write(note)


@pytest.fixture
def reads(monkeypatch):
    """Count the notes that are read."""
    counted = []

    def read(path):
        counted.append(path)
        return read_entry(path)

    monkeypatch.setattr(notes_module, "read_entry", read)
    return counted


def age(root):
    """Let every folder look as if it was last touched a minute ago."""
    for folder in (root / DATE).iterdir():
        before = folder.stat().st_mtime - 60
        os.utime(folder, (before, before))


def test_ten_thousand_of_a_day_are_read_once(tmp_path, reads, monkeypatch):
    """A GET of one id reads one note; a listing reads what changed."""
    monkeypatch.setattr(notes_module.os, "fsync", lambda _: None)
    entries = [put(tmp_path, number) for number in range(MANY)]
    age(tmp_path)
    index = Index(tmp_path)
    assert [entry.note.id for entry in index.of(DATE)] == [entry.note.id for entry in entries]
    assert len(reads) == MANY
    for number in (0, 77, MANY - 1):
        assert index.find(f"id{number}") == entries[number]
    assert len(reads) == MANY + 3
    entries[5].write(entries[5].note)
    put(tmp_path, MANY)
    reads.clear()
    assert len(index.of(DATE)) == MANY + 1
    assert len(reads) == 2
    assert index.find("unknown") is None
    assert len(reads) < 10


def test_what_was_touched_a_moment_ago_is_read_again(tmp_path, reads):
    """Time stamps are no finer than a tick of the kernel."""
    put(tmp_path, 0)
    index = Index(tmp_path)
    for _ in range(2):
        index.of(DATE)
    assert len(reads) == 2


def test_a_note_that_another_process_changed_is_found_as_it_is_now(tmp_path):
    entry = put(tmp_path, 0)
    index = Index(tmp_path)
    assert index.find("id0") == entry
    changed = entry.write(Note(**{name: getattr(entry.note, name) for name in entry.note.__struct_fields__} | {"protected": True}))
    assert index.find("id0") == changed
    assert index.of(DATE) == [changed]
    changed.drop()
    assert index.find("id0") is None
    assert index.of(DATE) == []


def test_whole_or_not_at_all(tmp_path):
    write_whole(tmp_path / "x", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_files_of_one_second_are_in_the_order_of_their_numbers(archive, noon):
    for at in (noon, noon, noon + timedelta(seconds=1), *[noon] * 9):
        write_whole(archive.begin("default", "jpg", at).path, b"")
    names = [note.name for note in archive.list(DATE)]
    assert names == ["12_00_00", *(f"12_00_00_{number}" for number in range(2, 12)), "12_00_01"]
