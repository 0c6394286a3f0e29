"""The camera's process over a real line: its job, what it answers and when, and its end."""

import itertools
import threading
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from kinds.agentside import Process
from triptych.camera import session
from triptych.camera.pictures import HEAD_BYTES
from triptych.errors import Unavailable
from triptych.media.sources.scene import SceneSource
from triptych.messages import Ended, Finding, Paused, Refused, Resumed, Running
from triptych.model import EndReason

EMPTY = {"source": {"kind": "scene", "figures": 0}}


@pytest.fixture
def opened(tmp_path):
    processes = []

    def open_process(definition=None):
        processes.append(Process(tmp_path, definition))
        return processes[-1]

    yield open_process
    for process in processes:
        process.close()


def test_an_ask_before_any_job_is_answered(opened):
    process = opened()
    state = process.get("state")
    assert (state["camera"], state["session"], state["state"]) == ("default", None, "idle")
    assert process.get("records", date=None)["dates"] == []


@pytest.mark.parametrize("verb", ["track", "record", "take_shots"])
def test_what_needs_a_session_says_so(opened, verb):
    assert opened().get(verb) == "no_session"


def test_a_session_is_a_job_from_its_first_activity_to_its_last(opened):
    process = opened()
    assert process.start().data["pid"]
    assert process.get("track") == {}
    assert process.words()[-1] == "locked"
    assert process.get("record") == {}
    assert process.get("stop", cause="track") == {}
    assert not process.told(Ended)
    assert process.get("stop", cause="record") == {}
    assert process.ended().reason is EndReason.DONE
    assert len(process.told(Running)) == 1
    assert process.get("track") == "no_session"


def test_a_shot_while_idle_is_a_session_of_its_own(opened):
    """Camera row 18."""
    process = opened()
    process.start()
    assert process.get("take_shots")["id"]
    assert process.ended().reason is EndReason.DONE


def test_track_answers_at_its_bound_and_searches_on(opened):
    """Camera 2.6 and row 14."""
    process = opened(EMPTY | {"lock_wait_s": 1.0})
    process.start()
    begun = time.monotonic()
    assert process.get("track") == {}
    assert 0.9 < time.monotonic() - begun < 6
    assert process.get("state")["track"]["state"] == "searching"


def test_a_waiting_track_holds_nobody_up_and_ends_with_its_delete(opened):
    """Camera W9 and row 15."""
    process = opened(EMPTY)
    process.start()
    waiting = [process.ask("track"), process.ask("track")]
    process.until(lambda: "searching" in process.words())
    assert not any(one.done() for one in waiting)
    assert process.get("stop", cause="track") == {}
    assert [one.result(2).data for one in waiting] == [{}, {}]
    assert process.ended().reason is EndReason.DONE


def test_a_track_that_fails_while_it_is_waited_for_is_refused(opened, monkeypatch):
    """camera 11: a source that stays away fails the track, and whoever waits for it is told."""

    def unplugged(self):
        raise Unavailable("unplugged")

    process = opened(EMPTY)
    process.start()
    waiting = process.ask("track")
    process.until(lambda: "searching" in process.words())
    monkeypatch.setattr(session, "GIVES_UP", {"track": timedelta(seconds=1)})
    monkeypatch.setattr(SceneSource, "read", unplugged)
    assert waiting.result(10).code == "source_lost"
    assert process.ended().reason is EndReason.FAILED


def test_a_sim_source_is_tracked_and_says_that_it_is_simulated(opened):
    process = opened({"source": {"kind": "sim"}})
    process.start()
    assert process.get("track") == {}
    state = process.get("state")
    assert (state["simulated"], state["track"]["state"], state["detector"]["name"]) == (True, "locked", "sim")


def test_every_change_of_state_is_told_once(opened):
    process = opened()
    process.start()
    process.get("track")
    process.get("configure", parameters={}, mark="animation_1")
    process.get("configure", parameters={}, mark="animation_1")
    process.get("stop", cause=None)
    process.ended()
    told = [body.data for body in process.told(Finding)]
    assert [state["mark"] for state in told].index("animation_1") > 0
    assert all(before != after for before, after in pairwise(told))
    assert process.words()[-1] == "off"


def test_the_job_pauses_and_resumes(opened):
    """Camera 3.2: by the job's own verbs as by the camera's."""
    process = opened()
    process.start()
    process.get("track")
    process.pause()
    assert len(process.told(Paused)) == 1
    assert process.get("state")["state"] == "paused"
    process.resume()
    assert len(process.told(Resumed)) == 1
    process.get("pause", cause="track")
    process.get("track")
    assert (len(process.told(Paused)), len(process.told(Resumed))) == (2, 2)


def test_a_stop_ends_everything(opened):
    process = opened()
    process.start()
    process.get("track")
    process.get("record")
    process.stop()
    assert process.ended().reason is EndReason.STOPPED
    assert process.get("state")["state"] == "idle"
    (note,) = process.get("records", date=process.get("records", date=None)["dates"][0])["notes"]
    assert note["state"] == "ready"


def test_another_job_of_a_camera_in_use_never_starts(opened):
    process = opened()
    process.start()
    assert isinstance(process.start("second"), Refused)
    assert process.ended("second").reason is EndReason.NEVER_STARTED
    assert process.stop("second").code == "job_not_found"


def test_a_camera_that_cannot_be_opened_never_starts(opened):
    process = opened({"head": {"kind": "crane"}})
    assert process.start().code == "start_failed"
    assert process.ended().reason is EndReason.NEVER_STARTED


def test_a_camera_defined_anew_is_taken_while_nobody_uses_it(opened):
    process = opened()
    process.get("frame")
    process.spec["definition"] = EMPTY
    process.start()
    process.ask("track")
    process.until(lambda: "searching" in process.words())
    process.spec["definition"] = {}
    assert process.get("state")["state"] == "active"


def test_pictures_are_shown_to_those_who_look(opened):
    process = opened()
    topic = process.get("view", fps=30, width=320, marks=False)["topic"]
    process.until(lambda: len([shown for shown in process.shown if shown.topic == topic]) > 5)
    pictures = [shown.picture for shown in process.shown if shown.topic == topic]
    assert {picture[HEAD_BYTES : HEAD_BYTES + 2] for picture in pictures} == {b"\xff\xd8"}
    assert process.get("state")["session"] is None


def test_without_its_agent_it_finishes_its_files_and_ends(opened):
    """Engine 2.4: within 5 s."""
    process = opened()
    process.start()
    process.get("record")
    process.get("take_shots")
    assert process.close() < 5
    again = opened()
    dates = again.get("records", date=None)["dates"]
    states = [note["state"] for note in again.get("records", date=dates[0])["notes"]]
    assert states == ["ready", "ready"]


def test_bad_asks_are_refused_and_it_lives(opened):
    process = opened()
    assert process.get("dance") == "invalid"
    assert process.get("view", fps=0) == "internal"
    assert process.get("record_info", id="../x") == "record_not_found"
    assert process.get("state")["state"] == "idle"


def test_an_emergency_stop_does_not_wait_for_a_source_that_gives_no_picture(opened, monkeypatch):
    """camera S2, row 42: it works with the source dead, while another call waits for it."""
    dead = threading.Event()
    monkeypatch.setattr(SceneSource, "read", lambda self: dead.wait(0.05) or None)
    process = opened()
    process.start()
    assert process.get("mission", scenario={"name": "s", "positions": [STEP] * 100}) == {}
    process.until(lambda: len(steps(process)) > 4)
    waiting = process.ask("record")
    stopping = process.ask("halt")
    assert not waiting.done()
    told = settled(process)
    assert waiting.result(10).code == "source_silent"
    assert stopping.result(10).data == {}
    assert len(steps(process)) == told
    assert process.get("state")["mission"]["state"] == "paused"


STEP = {
    "name": "p",
    "cartesian_coords": [0, 0, 0],
    "polar_params": {"coords": [1.5708] * 3, "delays": [0.05] * 3, "divide_counts": [1] * 3},
}


def steps(process):
    """Return the steps of the mission that were told, one for each change."""
    told = [finding.data["mission"]["step"] for finding in process.told(Finding) if finding.note == "camera"]
    return [step for step, _ in itertools.groupby(told)]


def settled(process):
    """Wait until the steps of a mission that took a twentieth of a second each are told no more; return how many were."""
    while True:
        told = len(steps(process))
        with process.heard:
            if not process.heard.wait_for(lambda told=told: len(steps(process)) > told, 0.5):
                return told
