"""camera 3.1-3.3: activities, what each call does to them, pause and resume."""

import json
from datetime import timedelta

import pytest

from triptych.camera.definition import Definition
from triptych.camera.feed import Trouble
from triptych.camera.mend import finish
from triptych.camera.parameters import Parameters, Variant
from triptych.camera.records import Archive
from triptych.camera.session import Session
from triptych.camera.stream import Views
from triptych.clock import SystemClock
from triptych.errors import Invalid, Unavailable

BOUND_S = 20


def word(session):
    return session.state()["track"]["state"]


def test_an_idle_camera_opens_nothing(opened):
    session = opened()
    for call in (session.stop, session.pause, session.resume):
        call()
    state = session.state()
    assert (state["state"], state["fps"], state["stale_s"]) == ("idle", 0.0, None)
    assert not session.tick()


def test_track_locks_the_face_and_tells_it(opened, notes):
    session = opened()
    session.start("track")
    notes.until(lambda: not session.waits_for_lock)
    state = session.state()
    assert (state["state"], state["track"]["state"]) == ("active", "locked")
    assert state["track"]["target"]["track"] == session.eye.newest.target.number
    assert state["detector"]["name"].startswith("blazeface")
    session.stop("track")
    assert word(session) == "off"
    assert notes.rests == [None]


def test_nothing_is_locked_while_nobody_is_there_until_somebody_enters(opened, notes):
    """Camera row 14."""
    session = opened(figures=0)
    session.start("track")
    notes.until(lambda: word(session) == "searching")
    assert session.waits_for_lock
    session.eye.source.origin.figures = 1
    notes.until(lambda: not session.waits_for_lock)
    assert word(session) == "locked"


def test_tracking_again_changes_nothing(opened, notes):
    """Camera row 16: one worker."""
    session = opened()
    session.start("track")
    eye = session.eye
    session.start("track")
    assert session.eye is eye


def test_persons_who_are_not_enrolled_are_kept_and_warned_about(opened):
    """camera 2.3, row 8: ids not enrolled are kept, warned about, and count once enrolled."""
    session = opened()
    session.configure(Parameters(recognized_persons=("a", "b")), None)
    assert session.state()["warnings"] == ["recognized_persons: 2 of the ids are not enrolled."]


@pytest.mark.parametrize("seen", [{"source": {"kind": "sim"}}, {"colour": {"hue_deg": (0.0, 30.0)}}])
def test_a_camera_that_sees_no_faces_refuses_persons(seen, archive, notes, tmp_path):
    """camera 1: `sim` refuses recognition; so does a camera that follows a colour."""
    parts = {"folder": tmp_path, "archive": archive, "clock": SystemClock(), "views": Views("c", lambda topic, picture: None)}
    session = Session("default", Definition(**seen), Parameters(recognized_persons=("all",)), None, teller=notes, **parts)
    with pytest.raises(Invalid, match="recognized_persons must be null"):
        session.start("track")
    assert (session.live, session.eye) == (False, None)
    session.close()


def test_persons_are_refused_while_tracking_where_they_cannot_be_recognised(opened, tmp_path):
    """camera 9: POST of persons while tracking: ERROR naming the extra."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.dat").write_bytes(b"another network")
    manifest = {"slot": "person", "name": "x", "version": "1", "licence": "x", "measured_on": "x", "file": "mine.dat", "sha256": "0" * 64}
    (tmp_path / "models" / "person.json").write_text(json.dumps(manifest))
    session = opened()
    session.start("track")
    with pytest.raises(Unavailable, match="extra `faces`"):
        session.configure(Parameters(recognized_persons=("a",)), None)
    assert session.state()["mark"] == "single_rect"


def test_a_track_can_be_chosen_by_its_number(opened, notes):
    session = opened(Parameters(non_moving_target=True), figures=2)
    session.start("track")
    session.eye.wait(
        lambda glimpse: glimpse.target and len([one for one in glimpse.tracks if one.confirmed]) > 1, timedelta(seconds=BOUND_S)
    )
    glimpse = session.eye.newest
    other = next(track.number for track in glimpse.tracks if track.confirmed and track.number != glimpse.target.number)
    session.start("track", {"target": other})
    later = session.eye.wait(lambda later: later.frame.number > glimpse.frame.number + 2, timedelta(seconds=BOUND_S))
    assert later.target.number == other


def test_a_track_that_is_not_in_view_cannot_be_chosen(opened):
    session = opened()
    with pytest.raises(Invalid, match="target"):
        session.start("track", {"target": 4711})
    assert session.state()["state"] == "idle"


def test_record_writes_while_the_head_stands(opened, archive, notes):
    """Camera row 19."""
    session = opened()
    session.start("record")
    notes.until(lambda: session.state()["record"]["seconds"] > 1)
    assert session.state()["head"]["pan"] == 0
    session.stop("record")
    (note,) = archive.list(archive.dates()[0])
    assert (note.state, note.camera) == ("ready", "default")
    assert note.length_s > 1
    assert notes.rests == [None]


def test_record_twice_is_one_file(opened, archive):
    """Camera row 20."""
    session = opened()
    session.start("record")
    session.start("record")
    session.stop("record")
    assert len(archive.list(archive.dates()[0])) == 1


def test_each_activity_ends_alone(opened):
    session = opened()
    session.start("track")
    session.start("record")
    session.stop("track")
    assert [session.state()[key]["state"] for key in ("track", "record")] == ["off", "on"]
    session.stop("record")
    assert session.state()["state"] == "idle"


def test_a_whole_pause_holds_head_and_file(opened, notes, archive):
    """Camera row 23."""
    session = opened()
    session.start("track")
    session.start("record")
    notes.until(lambda: session.state()["record"]["seconds"] > 0.5 and not session.waits_for_lock)
    target = session.state()["track"]["target"]["track"]
    session.pause()
    before = session.state()
    assert (before["state"], before["track"]["state"], before["record"]["state"]) == ("paused", "paused", "paused")
    eye = session.eye
    frame = eye.newest.frame.number
    eye.wait(lambda glimpse: glimpse.frame.number > frame + 45, timedelta(seconds=BOUND_S))
    after = session.state()
    assert after["head"]["pan"] == pytest.approx(before["head"]["pan"], abs=0.2)
    assert after["record"]["seconds"] == pytest.approx(before["record"]["seconds"], abs=0.3)
    session.resume()
    notes.until(lambda: word(session) == "locked")
    assert session.state()["track"]["target"]["track"] == target
    assert session.state()["record"]["id"] == before["record"]["id"]
    session.stop()
    assert len(archive.list(archive.dates()[0])) == 1


def test_one_activity_pauses_alone_and_a_start_resumes_it(opened):
    """Camera rows 24 and 25."""
    session = opened()
    session.start("track")
    session.start("record")
    session.pause("record")
    assert session.state()["state"] == "active"
    session.start("record")
    assert session.state()["record"]["state"] == "on"
    session.pause("record")
    session.stop("record")
    assert session.state()["record"]["state"] == "off"


def test_pausing_nothing_is_not_remembered(opened):
    """Camera row 25."""
    session = opened()
    session.pause()
    session.start("track")
    assert session.state()["state"] == "active"


def test_non_moving_holds_the_head_and_marks_go_on(opened, notes):
    """Camera row 37."""
    session = opened(Parameters(non_moving_target=True))
    session.start("track")
    notes.until(lambda: not session.waits_for_lock)
    notes.until(lambda: session.state()["track"]["target"] is not None)
    assert word(session) == "still"
    assert session.state()["head"]["pan"] == 0
    session.configure(Parameters(), "single_rect")
    notes.until(lambda: word(session) == "locked")


def test_a_shot_while_idle_ends_the_session_it_needed(opened, archive, notes):
    """Camera row 18."""
    session = opened()
    shot = session.shoot()
    assert [note.id for note in archive.list(archive.dates()[0])] == [shot]
    assert notes.rests == [None]


def test_a_full_disk_refuses_record_and_shots_and_nothing_else(opened, tmp_path):
    """Camera R9."""
    session = opened(archive=Archive(tmp_path, min_free_bytes=1 << 62))
    for call in (lambda: session.start("record"), session.shoot):
        with pytest.raises(Unavailable, match="disk full"):
            call()
    session.start("track")
    assert session.state()["state"] == "active"


def test_a_recording_that_fails_is_told_and_tracking_goes_on(opened, archive, notes):
    """Camera row 41."""
    session = opened()
    session.start("track")
    session.start("record")
    archive.min_free_bytes = 1 << 62
    session.activities["record"]._recorder._checked = 0.0
    notes.until(lambda: session.state()["record"]["state"] == "failed")
    state = session.state()
    assert state["warnings"] == ["record: disk full"]
    assert state["state"] == "active"
    assert archive.recover(finish) == []
    session.stop("track")
    assert notes.rests[-1].code == "disk_full"


def test_pictures_show_the_mark_of_now(opened):
    """Camera row 2."""
    session = opened(Parameters(non_moving_target=True))
    marked = session.picture(Variant())
    assert marked != session.picture(Variant(marks=False))
    assert session.picture(Variant(width=320)) != marked
    session.configure(Parameters(), None)
    assert session.picture(Variant())[:2] == b"\xff\xd8"


def test_a_view_keeps_the_source_open(opened):
    session = opened()
    assert session.view(Variant(fps=5)) == "camera:default:5:1280:marks"
    assert session.busy
    assert session.tick()


GONE = Trouble("gone", "The camera ended its stream.")


def test_a_lost_picture_is_told_once_and_warned_of_until_it_is_back(opened, notes):
    """camera 11"""
    session = opened()
    session.start("track")
    for silent_s in (1.0, 1.3):
        session._starved(GONE, timedelta(seconds=silent_s))
    assert "source: The camera ended its stream." in session.state()["warnings"]
    with pytest.raises(Unavailable, match="ended its stream"):
        session.start("record")
    session._starved(None, timedelta(0))
    assert session.state()["warnings"] == []
    told = [data for note, data in notes.events if note == "source"]
    assert told == [{"state": "gone", "message": "The camera ended its stream."}, {"state": "back", "message": None}]
    assert word(session) != "failed"


def test_record_gives_up_after_10_s_and_track_after_30_s_without_a_picture(opened, archive, notes):
    """camera row 41: the file is closed and whole; nobody steers any more."""
    session = opened()
    session.start("track")
    session.start("record")
    session._starved(GONE, timedelta(seconds=9.9))
    assert session.state()["record"]["state"] == "on"
    session._starved(GONE, timedelta(seconds=10))
    assert session.state()["record"]["state"] == "failed"
    assert [note.state for note in archive.list(archive.dates()[0])] == ["ready"]
    assert word(session) not in {"failed", "off"}
    session._starved(GONE, timedelta(seconds=30))
    assert word(session) == "failed"
    assert session.eye._pilot is None
    assert notes.rests[-1].message == "The camera ended its stream."
    session._starved(None, timedelta(0))
    assert word(session) == "failed"


def test_a_picture_that_is_only_late_is_waited_for(opened):
    """camera W9: a stall may end by itself; what is gone is refused at once."""
    session = opened()
    session.start("track")
    session._starved(Trouble("stalled", "The camera gives no picture."), timedelta(seconds=1))
    session.start("record")
    assert session.state()["record"]["state"] == "on"


class Later(SystemClock):
    """The time that it will be."""

    def __init__(self, ahead_s):
        self.ahead = timedelta(seconds=ahead_s)

    def monotonic(self):
        return super().monotonic() + self.ahead


def test_an_idle_source_closes_10_s_after_it_was_last_looked_at(opened):
    """camera 6."""
    session = opened()
    session.view(Variant(fps=5))
    session._lookout._clock = Later(9.0)
    assert session.tick()
    session._lookout._clock = Later(10.1)
    assert not session.tick()
    assert session.state()["stale_s"] is None


def test_a_source_that_gives_no_picture_any_more_is_stale(opened):
    """camera 6: frame.jpg is at most 200 ms old, and 503 when the picture is stale for 2 s."""
    session = opened()
    session.picture(Variant(marks=False))
    session._lookout._clock = Later(60.0)
    with pytest.raises(Unavailable, match="stale") as fault:
        session.picture(Variant(marks=False))
    assert fault.value.code == "stale"
