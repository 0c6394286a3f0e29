"""camera R2, R10: what looks after the folder while a camera works."""

from datetime import UTC, datetime, timedelta

import pytest

from camera.test_recorder import until
from triptych.camera.definition import Keeping
from triptych.camera.keeper import Keeper
from triptych.camera.notes import write_whole
from triptych.camera.records import Archive
from triptych.clock import SystemClock

BOUND = timedelta(seconds=20)


@pytest.fixture
def told():
    return []


@pytest.fixture
def keeper(archive, told):
    keeper = Keeper(archive, SystemClock(), lambda note, data: told.append((note, data)), every=timedelta(milliseconds=20))
    keeper.start()
    yield keeper
    keeper.close()


def alarm(archive, days, camera="default"):
    entry = archive.begin(camera, "mp4", datetime.now(UTC) - timedelta(days=days), alarm=True)
    write_whole(entry.path, b"data")
    return archive.change(entry, state="ready").note


def test_it_prunes_at_its_start_and_tells_each_removal(archive, keeper, told):
    note = alarm(archive, 40)
    keeper.keep("default", Keeping())
    assert keeper.ready(BOUND)
    assert told == [
        ("removed", {"id": note.id, "camera": "default", "name": note.name, "date": note.date, "why": "alarm_age"}),
    ]
    assert archive.dates() == []


def test_it_prunes_again_and_again(archive, keeper, told):
    keeper.keep("default", Keeping())
    assert keeper.ready(BOUND)
    alarm(archive, 31)
    until(lambda: told)
    alarm(archive, 32)
    until(lambda: len(told) == 2)


def test_new_rules_are_in_force_at_once(archive, keeper, told):
    keeper.keep("default", Keeping())
    assert keeper.ready(BOUND)
    alarm(archive, 3)
    keeper.keep("default", Keeping(max_days=2))
    assert keeper.ready(BOUND)
    assert [data["why"] for _, data in told] == ["max_days"]


def test_it_finishes_what_a_dead_writer_left_before_it_deletes(archive, noon, told):
    """camera R2."""
    entry = archive.begin("default", "mp4", noon)
    write_whole(entry.path, b"not a film")
    with pytest.raises(OSError, match="cut"), archive.claim(entry):
        raise OSError("cut off")
    keeper = Keeper(archive, SystemClock(), lambda note, data: told.append(data))
    keeper.start()
    keeper.keep("default", Keeping())
    assert keeper.ready(BOUND)
    keeper.close()
    assert archive.dates() == []


def test_two_cameras_share_a_folder_and_tell_each_removal_once(tmp_path, told):
    """camera R10: settled by a lock."""
    archives = [Archive(tmp_path / "records") for _ in range(2)]
    for days in range(31, 61):
        alarm(archives[0], days)
    keepers = [
        Keeper(archive, SystemClock(), lambda note, data: told.append(data["id"]), every=timedelta(milliseconds=5)) for archive in archives
    ]
    for keeper, camera in zip(keepers, ("default", "attic"), strict=True):
        keeper.keep(camera, Keeping())
        keeper.start()
    assert all(keeper.ready(BOUND) for keeper in keepers)
    for keeper in keepers:
        keeper.close()
    assert len(told) == len(set(told)) == 30


def test_it_ends_though_nobody_gave_it_rules(keeper):
    keeper.close()
    assert not keeper._thread.is_alive()
