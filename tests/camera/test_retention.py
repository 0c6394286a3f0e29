"""camera R10: what goes, what stays, and in which order."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from triptych.camera.definition import Keeping
from triptych.camera.notes import write_whole
from triptych.camera.retention import prune

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def keep(archive):
    def make(name, days, size=1000, *, camera="default", extension="mp4", state="ready", alarm=False, protected=False):
        entry = archive.begin(camera, extension, NOW - timedelta(days=days), alarm=alarm)
        write_whole(entry.path, bytes(size))
        archive.change(entry, name=name, state=state, protected=protected)

    return make


def left(archive):
    return {note.name for date in archive.dates() for note in archive.list(date)}


def pruned(archive, **rules):
    return [(one.note.name, one.why) for one in prune(archive, "default", Keeping(**rules), NOW)]


def test_alarms_go_after_30_days_and_what_people_recorded_stays(keep, archive):
    """camera R10: clips and shots, also those of another camera that nobody uses any more."""
    keep("old", 31, alarm=True)
    keep("shot", 31, alarm=True, extension="jpg")
    keep("other", 31, alarm=True, camera="attic")
    keep("protected", 300, alarm=True, protected=True)
    keep("young", 29, alarm=True)
    keep("hand", 300)
    assert {name for name, _ in pruned(archive)} == {"old", "shot", "other"}
    assert left(archive) == {"protected", "young", "hand"}


def test_max_days_is_for_the_camera_s_own(keep, archive):
    keep("old", 8)
    keep("shot", 8, extension="jpg")
    keep("young", 6)
    keep("other", 8, camera="attic")
    keep("open", 8, state="recording")
    assert pruned(archive, max_days=7) == [("old", "max_days"), ("shot", "max_days")]
    assert left(archive) == {"young", "other", "open"}


def test_max_gb_takes_the_oldest_first_and_no_more_than_it_must(keep, archive):
    """camera R10: protected and open files count, and stay."""
    keep("protected", 50, 1000, protected=True)
    keep("oldest", 40, 1000)
    keep("older", 30, 1000)
    keep("newer", 20, 1000)
    keep("other", 60, 9000, camera="attic")
    keep("open", 0, 1000, state="recording")
    assert pruned(archive, max_gb=3500e-9) == [("oldest", "max_gb"), ("older", "max_gb")]
    assert left(archive) == {"protected", "newer", "other", "open"}
    assert pruned(archive, max_gb=3500e-9) == []


def test_without_limits_all_that_people_recorded_stays(keep, archive):
    keep("old", 3000, 10_000)
    assert pruned(archive) == []


def test_of_what_goes_nothing_is_left(keep, archive):
    keep("old", 31, alarm=True)
    pruned(archive)
    assert [path.name for path in archive._root.iterdir()] == [".lock"]


def test_a_sidecar_counts(keep, archive):
    keep("hand", 1, 100)
    (entry,) = archive.entries(archive.dates()[0])
    entry.marks_path.write_text(json.dumps({"t": 0}) * 1000)
    assert pruned(archive, max_gb=5000e-9) == [("hand", "max_gb")]
