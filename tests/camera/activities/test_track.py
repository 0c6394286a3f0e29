"""camera 3.1, 4: the activity `track`; what needs faces is proved in tests/camera/test_session.py."""

from datetime import timedelta

import pytest

from triptych.camera.activity import Standing
from triptych.camera.parameters import Parameters

BOUND_S = 20


def test_a_new_start_answers_at_the_lock_and_a_still_one_at_the_first_frame(opened):
    """camera 2.6."""
    assert opened().locks
    assert not opened(Parameters(non_moving_target=True)).locks


def test_parameters_change_what_runs_without_a_new_start(opened, notes):
    """camera 2.4: ai and non_moving_target act at once; the target stays."""
    session = opened()
    session.start("track")
    notes.until(lambda: not session.waits_for_lock)
    tracking, target = session.activities["track"], session.state()["track"]["target"]["track"]
    follower = tracking._follower
    session.configure(Parameters(ai="official_ai"), None)
    assert follower.preset.cap_deg_s == 120
    session.configure(Parameters(non_moving_target=True), None)
    notes.until(lambda: session.state()["track"]["state"] == "still")
    session.configure(Parameters(), None)
    notes.until(lambda: session.state()["track"]["state"] == "locked")
    assert (tracking._follower, session.state()["track"]["target"]["track"]) == (follower, target)


def test_parameters_that_come_in_a_pause_do_not_end_it(opened, notes):
    """camera 3.2: no move is issued while paused."""
    session = opened()
    session.start("track")
    notes.until(lambda: not session.waits_for_lock)
    session.pause("track")
    session.configure(Parameters(ai="official_ai"), None)
    frame = session.eye.newest.frame.number
    later = session.eye.wait(lambda glimpse: glimpse.frame.number > frame + 3, timedelta(seconds=BOUND_S))
    assert (later.phase, session.state()["track"]["state"]) == (None, "paused")


@pytest.mark.parametrize("call", ["stop", "pause", "resume", "adapt"])
def test_what_is_off_stays_off(opened, call):
    tracking = opened().activities["track"]
    getattr(tracking, call)()
    assert tracking.standing is Standing.OFF
