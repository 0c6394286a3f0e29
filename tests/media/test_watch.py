import os
import select
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from triptych.media.feature import Feature
from triptych.media.options import AlarmSettings, Options
from triptych.media.sample import Coding, scene, write_clip
from triptych.media.watch import Watch

ON = AlarmSettings(enabled=True, secsInAlarmDuration=1)
JOB = "64b1f0a2c3d4e5f601234567"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    options = {"preset": "ultrafast", "x264-params": "keyint=25:min-keyint=25:scenecut=0"}
    write_clip(path, ((Fraction(number, 25), scene(1, (64, 48), number)) for number in range(500)), [], Coding(options=options))
    return path


@pytest.fixture
def watched(clip, tmp_path):
    source = os.open(clip, os.O_RDONLY)
    told = []

    def make(min_free_gib=0.0, settings=ON):
        watch = Watch(
            JOB, tmp_path / "job", lambda note, data: told.append((note, data)), lambda: datetime.now(UTC), min_free_gib=min_free_gib
        )
        feature = Feature(Options())
        watch.follow({"X": feature}, {"X": settings})
        watch.begin(source, Fraction(0), Fraction(20))
        return watch, feature, told

    yield make
    os.close(source)


def _judge(feature, start, end, severity) -> None:
    for second in range(start, end):
        feature.judge(Fraction(second), Fraction(second + 1), severity)


def _done(watch) -> None:
    while watch.is_busy:
        select.select(list(watch.filenos()), [], [], 30)
        watch.work()


def test_an_episode_is_one_alarm_and_one_recording(watched, tmp_path) -> None:
    """media A1, media R1, media A2."""
    watch, feature, told = watched()
    _judge(feature, 0, 8, 0.0)
    _judge(feature, 8, 11, 0.75)
    _judge(feature, 11, 20, 0.0)
    watch.finish()
    _done(watch)
    opened, recording, closed, ready = told
    assert (opened[0], opened[1]["open"], opened[1]["startTimeOffset"]) == ("alarm", True, "8.000000s")
    assert (recording[0], recording[1]["state"]) == ("recording", "recording")
    assert closed[1] | {"startTime": 0, "endTime": 0} == {
        "_id": opened[1]["_id"],
        "job": JOB,
        "feature": "X",
        "severity": 0.75,
        "startTimeOffset": "8.000000s",
        "endTimeOffset": "11.000000s",
        "startTime": 0,
        "endTime": 0,
        "open": False,
        "recording": recording[1]["_id"],
        "acknowledged": None,
    }
    assert (ready[1]["state"], ready[1]["startTimeOffset"], ready[1]["endTimeOffset"]) == ("ready", "3.000000s", "16.000000s")
    assert (tmp_path / "job" / f"{recording[1]['_id']}.mp4").stat().st_size == ready[1]["bytes"]
    assert watch.told() == {
        "recording": recording[1]["_id"],
        "alarms": [{key: closed[1][key] for key in ("feature", "severity", "startTimeOffset", "endTimeOffset", "open", "recording")}],
    }


def test_an_alarm_that_stands_at_the_end_closes_there(watched) -> None:
    watch, feature, told = watched()
    _judge(feature, 17, 20, 1.0)
    watch.finish()
    _done(watch)
    assert told[-2][1]["endTimeOffset"] == "20.000000s"
    assert told[-2][1]["open"] is False


def test_without_an_alarm_nothing_is_told_and_none_is_listed(watched) -> None:
    watch, feature, told = watched(settings=AlarmSettings())
    assert feature.alarm is None
    assert (told, watch.told()) == ([], {})
    other, quiet, _ = watched()
    _judge(quiet, 0, 20, 0.0)
    other.finish()
    assert other.told() == {"alarms": []}


def test_a_full_disk_stops_recordings_and_not_the_alarm(watched) -> None:
    """media T2."""
    watch, feature, told = watched(min_free_gib=1_000_000)
    _judge(feature, 5, 9, 1.0)
    watch.finish()
    assert [note for note, _ in told] == ["alarm", "warning", "recording", "alarm"]
    assert told[2][1]["state"] == "failed"
    assert not watch.is_busy


def test_a_recording_that_cannot_be_written_is_a_warning(watched, tmp_path) -> None:
    """media T2: also where the disk shows only in the writing that it takes no more."""
    (tmp_path / "job").write_bytes(b"")
    watch, feature, told = watched()
    _judge(feature, 5, 9, 1.0)
    watch.finish()
    _done(watch)
    assert [note for note, _ in told] == ["alarm", "warning", "recording", "alarm"]
    assert (told[1][1]["message"], told[2][1]["state"]) == ("the alarm could not be recorded", "failed")


def test_a_second_try_tells_the_same_episode_by_the_same_id(watched) -> None:
    watch, feature, told = watched()
    _judge(feature, 5, 9, 1.0)
    again = Feature(Options())
    watch.follow({"X": again}, {"X": ON})
    _judge(again, 5, 9, 1.0)
    watch.finish()
    _done(watch)
    alarms = [data for note, data in told if note == "alarm"]
    assert {alarm["_id"] for alarm in alarms} == {alarms[0]["_id"]}
    assert [alarm["open"] for alarm in alarms] == [True, False, True, False]
    assert len(watch.told()["alarms"]) == 1


def test_an_end_gives_up_what_is_being_cut(watched) -> None:
    watch, feature, told = watched()
    _judge(feature, 5, 9, 1.0)
    watch.finish()
    watch.end()
    assert told[-1][1]["state"] == "failed"
    assert watch.filenos() == set()
