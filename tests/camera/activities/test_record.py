"""camera 3.1, 4, R5, R9: the activity `record` and its alarm clips; what is in a file is proved in tests/camera/test_record.py."""

import json
from dataclasses import replace
from datetime import timedelta

import av
import numpy as np
import pytest

from camera.mp4 import beeps, flashes, lengths, sounds
from triptych.camera import clip as clips
from triptych.camera.activity import Standing
from triptych.camera.feed import Feed
from triptych.camera.parameters import Variant
from triptych.camera.record import Recording
from triptych.camera.recorder import Recorder
from triptych.camera.taken import Taken
from triptych.contracts import Frame, Pose, Sound
from triptych.errors import Unavailable

SMALL = {"source": {"kind": "sim", "figures": 1}, "head": {"kind": "crop", "size": [320, 180]}}
BOUND = timedelta(seconds=20)


@pytest.fixture
def session(opened):
    return opened(**SMALL)


@pytest.fixture
def filming(session):
    return session.activities["record"]


def frames(session, seconds):
    """Wait until so many seconds of frames have come from now on; return the newest."""
    until = session.eye.newest.frame.captured + timedelta(seconds=seconds)
    return session.eye.wait(lambda glimpse: glimpse.frame.captured >= until, BOUND)


def note_of(archive, record_id):
    return archive.find(record_id).note


def first_seconds(archive, record_id):
    """Return how the file begins and ends, in seconds of the file."""
    with av.open(str(archive.open(record_id).path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    return times[0], times[-1]


def alarms(archive, record_id):
    found = [json.loads(line) for line in archive.open(record_id, "marks").path.read_text().splitlines()]
    return [(line["t"], line["alarm"]) for line in found if "alarm" in line]


def test_a_lost_picture_fails_it_with_the_file_whole(session, filming, archive, notes):
    """camera 11."""
    session.start("record")
    notes.until(lambda: session.state()["record"]["seconds"] > 0.5)
    filming.blind(Unavailable("lost", code="source_lost"))
    assert (filming.standing, filming.fault.message) == (Standing.FAILED, "lost")
    (note,) = archive.list(archive.dates()[0])
    assert note.state == "ready"


@pytest.mark.parametrize("call", ["stop", "pause", "resume", "adapt", "shut"])
def test_what_is_off_stays_off(filming, archive, call):
    """camera row 20."""
    getattr(filming, call)()
    assert (filming.standing, archive.dates()) == (Standing.OFF, [])


def write_film(path, archive, noon):
    """Write 3 s of a film that is white, and beeps, in the first 50 ms of each second."""
    entry = archive.begin("default", "mp4", noon, audio="source")
    made = Recording(entry, (160, 90), 30.0, {})
    for number in range(90):
        at = timedelta(seconds=number / 30)
        image = np.full((90, 160, 3), 255 if number % 30 < 2 else 0, np.uint8)
        sound = Sound(captured=at, samples=beeps(number / 30, 1 / 30))
        made.write(Taken(frame=Frame(number=number, captured=at, image=image), pose=Pose(at=at, pan_deg=0, tilt_deg=0), sound=(sound,)))
    made.close()
    path.write_bytes(entry.path.read_bytes())
    entry.drop()


def test_a_film_that_flashes_and_beeps_does_so_in_its_recording(opened, archive, noon, tmp_path):
    """camera R3, R4: from the source through the eye into the file, sound and picture within 80 ms."""
    write_film(tmp_path / "film.mp4", archive, noon)
    session = opened(source={"kind": "file", "path": "film.mp4"}, head={"kind": "none"})
    session.start("record")
    frames(session, 4.2)
    session.stop("record")
    (note,) = archive.list(archive.dates()[0])
    path = archive.open(note.id).path
    seen, heard = flashes(path), sounds(path)
    assert note.audio == "source"
    assert len(seen) >= 3
    apart = [min(abs(sound - flash) for sound in heard) for flash in seen if 0.1 < flash < note.length_s - 0.1]
    assert max(apart) < 0.08
    assert lengths(path)["audio"] == pytest.approx(lengths(path)["video"], abs=0.08)


@pytest.mark.parametrize("word", ["source", "mic", "silence"])
def test_audio_says_where_the_sound_comes_from(session, archive, monkeypatch, word):
    """camera R4, as the feed says it."""
    monkeypatch.setattr(Feed, "audio", word)
    session.start("record")
    frames(session, 0.3)
    session.stop("record")
    (note,) = archive.list(archive.dates()[0])
    assert note.audio == word
    assert lengths(archive.open(note.id).path)["audio"] > 0


def test_a_pre_roll_begins_before_the_call(opened, archive):
    """camera R5: PUT record with `pre_roll_s`."""
    session = opened(**SMALL, pre_roll_s=1.0)
    session.view(Variant())
    frames(session, 1.5)
    session.start("record")
    frames(session, 0.5)
    session.stop("record")
    (note,) = archive.list(archive.dates()[0])
    assert note.length_s == pytest.approx(1.6, abs=0.4)
    assert first_seconds(archive, note.id)[0] == 0
    frames(session, 0.2)
    assert session.activities["record"]._ring is not None, "it is kept again"


def test_without_a_wish_for_it_nothing_is_kept(session, filming):
    """camera R5: the ring runs only while something wants it."""
    session.opened()
    frames(session, 0.2)
    assert filming._ring is None
    filming.guard(on=True)
    frames(session, 0.2)
    assert filming._ring.span == timedelta(seconds=5)
    filming.guard(on=False)
    frames(session, 0.2)
    assert filming._ring is None


@pytest.fixture
def brief(monkeypatch):
    """Clips that end half a second after the last sight, and after 3 s."""
    monkeypatch.setattr(clips, "AFTER", clips.AFTER / 10)
    monkeypatch.setattr(clips, "MOST", clips.MOST / 20)


def test_an_alarm_clip_goes_from_before_its_alarm_until_after_the_last_sight(session, filming, archive, notes, brief):
    """camera 4, R5: here 1.2 s are kept before, and it ends half a second after."""
    session.opened()
    filming.guard(on=True)
    frames(session, 1.2)
    glimpse = session.eye.newest
    alarmed = filming.clip(glimpse, {"track": 3})
    assert alarmed.is_own
    assert alarmed.offset_s == pytest.approx(1.2, abs=0.3)
    seen = frames(session, 0.5)
    filming.seen(seen.frame.captured)
    frames(session, 1.0)
    assert filming._clip is None
    filming.shut()
    note = note_of(archive, alarmed.id)
    assert (note.alarm, note.state) == (True, "ready")
    assert note.length_s == pytest.approx(alarmed.offset_s + 0.5 + 0.5, abs=0.3)
    ((at_s, data),) = alarms(archive, alarmed.id)
    assert data == {"track": 3}
    assert at_s == pytest.approx(alarmed.offset_s, abs=0.1)
    assert session.state()["record"]["state"] == "off"


def test_a_clip_of_60_s_is_followed_by_the_next(session, filming, archive, notes, brief):
    """camera 4: here after 3 s, of which the visitor is always in sight."""
    session.opened()
    filming.guard(on=True)
    frames(session, 0.1)
    alarmed = filming.clip(session.eye.newest, {})
    while not notes.events:
        filming.seen(session.eye.newest.frame.captured)
        frames(session, 0.1)
    note, data = notes.events[0]
    assert (note, data["follows"]) == ("clip", alarmed.id)
    filming.guard(on=False)
    filming.shut()
    first, second = note_of(archive, alarmed.id), note_of(archive, data["id"])
    assert first.length_s == pytest.approx(3.0, abs=0.1)
    assert first.alarm
    assert second.alarm


def test_an_alarm_during_a_recording_adds_no_file(session, filming, archive):
    """camera R5: it names that file and the offset, after a pause as well."""
    session.start("record")
    frames(session, 0.4)
    session.pause("record")
    frames(session, 0.4)
    session.resume("record")
    frames(session, 0.4)
    before_s = session.state()["record"]["seconds"]
    alarmed = filming.clip(session.eye.newest, {"track": 1})
    assert (alarmed.id, alarmed.is_own) == (session.state()["record"]["id"], False)
    assert alarmed.offset_s == pytest.approx(before_s, abs=0.2)
    frames(session, 0.2)
    session.stop("record")
    (note,) = archive.list(archive.dates()[0])
    assert not note.alarm, "it is a person's, and stays"
    assert alarms(archive, note.id)[0][0] == pytest.approx(alarmed.offset_s, abs=0.1)


def test_a_second_alarm_is_in_the_clip_of_the_first(session, filming, archive):
    session.opened()
    filming.guard(on=True)
    first = filming.clip(session.eye.newest, {"track": 1})
    frames(session, 0.3)
    second = filming.clip(session.eye.newest, {"track": 2})
    frames(session, 0.2)
    assert (second.id, second.is_own) == (first.id, False)
    assert second.offset_s > first.offset_s
    filming.shut()
    assert [data["track"] for _, data in alarms(archive, first.id)] == [1, 2]


def test_a_recording_takes_over_from_a_clip(session, filming, archive):
    """The clip ends where the recording begins."""
    session.opened()
    filming.guard(on=True)
    alarmed = filming.clip(session.eye.newest, {})
    frames(session, 0.3)
    session.start("record")
    assert session.state()["record"]["id"] != alarmed.id
    frames(session, 0.3)
    session.stop("record")
    filming.shut()
    assert sorted(note.alarm for note in archive.list(archive.dates()[0])) == [False, True]


def test_a_paused_recording_does_not_hide_an_alarm(session, filming, archive):
    session.start("record")
    frames(session, 0.2)
    session.pause("record")
    alarmed = filming.clip(session.eye.newest, {})
    assert alarmed.is_own
    frames(session, 0.3)
    filming.shut()
    session.stop()
    assert note_of(archive, alarmed.id).alarm


def test_a_full_disk_ends_the_file_and_tells_it(session, filming, archive, notes, monkeypatch):
    """camera R9, row 41: the file is valid, an event tells it, nothing restarts by itself, tracking goes on."""
    monkeypatch.setattr("triptych.camera.recorder.ROOM_CHECK_S", 0.0)
    session.start("track")
    session.start("record")
    frames(session, 0.3)
    archive.min_free_bytes = 1 << 62
    notes.until(lambda: filming.standing is Standing.FAILED)
    assert [(note, data["reason"]) for note, data in notes.events] == [("record_ended", "disk_full")]
    (kept,) = archive.list(archive.dates()[0])
    assert kept.state == "ready"
    assert first_seconds(archive, kept.id)[1] > 0
    for call in (lambda: session.start("record"), session.shoot):
        with pytest.raises(Unavailable, match="disk full"):
            call()
    archive.min_free_bytes = 0
    frames(session, 0.3)
    assert (session.state()["record"]["state"], session.state()["track"]["state"]) == ("failed", "locked")


def test_a_clip_that_finds_the_disk_full_is_told(session, filming, archive, notes):
    """camera R9: the alarm is not held up."""
    session.opened()
    archive.min_free_bytes = 1 << 62
    alarmed = filming.clip(session.eye.newest, {})
    while not notes.events:
        frames(session, 0.1)
    assert notes.events == [("record_ended", {"id": alarmed.id, "reason": "disk_full", "message": "disk full"})]
    assert filming._clip is None


def test_dropped_frames_are_told_once_a_minute(session, filming, notes):
    """camera R7."""
    session.start("record")
    recorder = filming._recorder
    for _ in range(3):
        recorder.dropped += 1
        frames(session, 0.1)
    assert notes.events == [("record_dropped", {"id": recorder.id, "dropped": 1})]
    filming._warned = 1, session.clock.monotonic() - timedelta(seconds=61)
    frames(session, 0.1)
    assert [data["dropped"] for _, data in notes.events] == [1, 3]


def test_a_slow_writer_never_stalls_the_eye(session, filming, monkeypatch):
    """camera R7."""
    write = Recorder._check_room

    def slow(recorder):
        recorder._begun.set()
        recorder._archive.check_room()
        session.eye.wait(lambda _: False, timedelta(seconds=0.2))

    monkeypatch.setattr(Recorder, "_check_room", slow)
    session.start("record")
    before = session.eye.newest
    after = frames(session, 2.0)
    monkeypatch.setattr(Recorder, "_check_room", write)
    assert after.frame.number - before.frame.number > 40
    assert session.state()["record"]["dropped"] > 10
    assert "record: frames are being dropped." in session.state()["warnings"]


def test_when_the_source_is_given_back_nothing_is_held(session, filming):
    session.opened()
    filming.guard(on=True)
    filming.clip(session.eye.newest, {})
    frames(session, 0.1)
    recorder = filming._clip.recorder
    session.close()
    assert recorder.over
    assert (filming._ring, filming._clip, filming._ending) == (None, None, [])


def test_an_alarm_names_its_place_though_frames_of_it_are_still_to_come(session, filming):
    session.start("record")
    glimpse = frames(session, 0.2)
    later = replace(glimpse, frame=replace(glimpse.frame, captured=glimpse.frame.captured + timedelta(seconds=1)))
    assert filming.clip(later, {}).offset_s - filming.clip(glimpse, {}).offset_s == pytest.approx(1.0)
