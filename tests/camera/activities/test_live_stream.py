"""camera 3.1 to 3.3, rows 22, 29 and 30: the activity `live_stream`; its parts are proved in tests/camera."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from camera.onair import heard, played
from camera.studio import Studio
from triptych.camera.activities import live_stream
from triptych.camera.activity import Standing
from triptych.contracts import Sound
from triptych.errors import Invalid, NotFound, Unavailable

DISK = {"site_id": "d", "site": "Disk", "account": None, "server": "file:show"}


def to(studio, **more):
    return {"site_id": "s", "site": "Studio", "account": "main", "server": studio.server, "key": "k"} | more


def asked(*targets):
    return {"targets": list(targets)}


def live(session):
    return session.state()["live_stream"]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(live_stream, "FIRST_TRY_S", 1.0)


def test_without_a_target_readers_alone_are_served(opened):
    """camera row 29."""
    session = opened()
    session.start("live_stream")
    assert live(session) == {"state": "on", "targets": []}
    assert session.state()["state"] == "active"
    streaming, data, cursor = session.activities["live_stream"], b"", 0
    while len(data) < 50_000:
        reading = streaming.read(cursor)
        data, cursor = data + reading.data, reading.cursor
        session.eye.wait(lambda _: True, live_stream.PEEK)
    assert played(data)[0] == (0.0, True)
    session.stop("live_stream")
    assert live(session)["state"] == "off"
    with pytest.raises(NotFound, match="no live stream"):
        streaming.read(cursor)


def test_a_file_target_plays_once_it_is_stopped(opened, notes, tmp_path):
    """camera row 29."""
    session = opened()
    session.start("live_stream", asked(DISK))
    assert live(session)["targets"] == [{"site": "Disk", "account": None, "state": "on", "retries": 0}]
    streaming = session.activities["live_stream"]
    while streaming.read(0).cursor < 4:
        session.eye.wait(lambda _: True, live_stream.PEEK)
    session.stop("live_stream")
    (path,) = (tmp_path / "live").iterdir()
    assert len(played(path)) > 5
    assert notes.rests == [None]


def test_the_sound_of_the_source_is_sent(opened, tmp_path):
    session = opened()
    session.start("live_stream", asked(DISK))
    streaming = session.activities["live_stream"]
    glimpse = session.eye.newest
    tone = Sound(captured=glimpse.frame.captured, samples=np.full(96_000, 0.5, np.float32))
    with session.lock:
        streaming.notice(replace(glimpse, sound=(tone,)))
    while streaming.read(0).cursor < 4:
        session.eye.wait(lambda _: True, live_stream.PEEK)
    session.stop("live_stream")
    (path,) = (tmp_path / "live").iterdir()
    assert np.abs(heard(path)).max() > 0.1


def test_one_target_that_takes_it_is_enough_and_the_others_are_tried_again(opened, notes):
    session = opened()
    with Studio() as studio, Studio(refuses=("publish",)) as refusing:
        session.start("live_stream", asked(to(refusing, site_id="r", site="Refusing"), to(studio)))
        states = {target["site"]: target["state"] for target in live(session)["targets"]}
        assert states == {"Refusing": "reconnecting", "Studio": "on"}
        assert live(session)["state"] == "on"
        assert "live_stream: Refusing is reconnecting." in session.state()["warnings"]
        studio.until(lambda: len(studio.tags) > 5)
        session.stop("live_stream")


def test_none_that_takes_it_is_an_error_and_nothing_runs(opened):
    """camera 6: all refused within 5 s."""
    session = opened()
    with Studio(refuses=("publish",)) as studio, pytest.raises(Unavailable, match="no target took the stream"):
        session.start("live_stream", asked(to(studio)))
    assert live(session) == {"state": "off", "targets": []}
    assert session.state()["state"] == "idle"


def test_a_far_end_that_does_not_answer_holds_nobody_up_for_long(opened):
    """camera W9."""
    session = opened()
    with Studio(deaf=True) as studio, pytest.raises(Unavailable):
        session.start("live_stream", asked(to(studio)))
    assert live(session)["state"] == "off"


def test_targets_join_and_leave_while_it_is_on(opened, tmp_path):
    """camera 3.1: newly enabled targets join."""
    session = opened()
    session.start("live_stream")
    broadcast = session.activities["live_stream"]._broadcast
    with Studio() as studio:
        session.start("live_stream", asked(DISK, to(studio)))
        studio.until(lambda: len(studio.tags) > 3)
        session.start("live_stream", asked(to(studio)))
        assert [target["site"] for target in live(session)["targets"]] == ["Studio"]
        assert studio.publishers == 1, "who stays is not touched"
        assert session.activities["live_stream"]._broadcast is broadcast
        session.stop("live_stream")
    assert len(list((tmp_path / "live").iterdir())) == 1


def test_a_joining_target_that_refuses_leaves_the_stream_as_it_was(opened):
    """camera W3: an ERROR changes nothing."""
    session = opened()
    session.start("live_stream")
    with Studio(refuses=("publish",)) as studio, pytest.raises(Unavailable):
        session.start("live_stream", asked(to(studio)))
    assert live(session) == {"state": "on", "targets": []}


def test_a_pause_keeps_the_far_end_and_a_start_resumes(opened):
    """camera 3.2 and row 25."""
    session = opened()
    with Studio() as studio:
        session.start("live_stream", asked(to(studio)))
        studio.until(lambda: len(studio.tags) > 5)
        session.pause("live_stream")
        assert (live(session)["state"], session.state()["state"]) == ("paused", "paused")
        before = len(studio.tags)
        studio.until(lambda: len(studio.tags) > before + 10)
        session.start("live_stream", asked(to(studio)))
        assert (live(session)["state"], studio.publishers) == ("on", 1)
        session.pause()
        session.resume("live_stream")
        assert live(session)["state"] == "on"
        session.stop("live_stream")


def test_marks_are_sent_to_who_asks_for_them(opened):
    """camera 5."""
    session = opened()
    session.start("live_stream", asked({**DISK, "marks": True}))
    glimpse = session.eye.wait(lambda glimpse: bool(glimpse.marked()), timedelta(seconds=20))
    assert glimpse.marked(), "the eye looks for faces though nobody follows"
    session.stop("live_stream")


def test_a_lost_picture_fails_it_with_the_file_whole(opened, tmp_path):
    """camera 11."""
    session = opened()
    session.start("live_stream", asked(DISK))
    streaming = session.activities["live_stream"]
    while streaming.read(0).cursor < 3:
        session.eye.wait(lambda _: True, live_stream.PEEK)
    streaming.blind(Unavailable("lost", code="source_lost"))
    assert (streaming.standing, streaming.fault.message) == (Standing.FAILED, "lost")
    (path,) = (tmp_path / "live").iterdir()
    assert played(path)


def test_encoders_that_fail_end_the_session(opened, notes):
    session = opened()
    session.start("live_stream")
    session.activities["live_stream"]._broke()
    assert (live(session)["state"], notes.rests[-1].code) == ("failed", "live_failed")
    assert "live_stream: The live stream cannot be encoded." in session.state()["warnings"]


def test_a_kind_that_this_ffmpeg_lacks_is_refused_by_name_before_anything_starts(opened):
    """camera 6: srt."""
    session = opened()
    with pytest.raises(Unavailable, match=r"^Studio: this FFmpeg has no srt\.$"):
        session.start("live_stream", asked(DISK, DISK | {"site": "Studio", "server": "srt://a.example:9"}))
    assert session.eye is None


def test_what_is_no_list_of_targets_is_refused(opened):
    with pytest.raises(Invalid, match="targets"):
        opened().start("live_stream", {"targets": [{"site": 5}]})


@pytest.mark.parametrize("call", ["stop", "pause", "resume", "adapt"])
def test_what_is_off_stays_off(opened, call):
    """camera row 20."""
    streaming = opened().activities["live_stream"]
    getattr(streaming, call)()
    assert streaming.standing is Standing.OFF
