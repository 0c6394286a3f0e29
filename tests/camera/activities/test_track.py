"""camera 3.1, 4: the activity `track`; what needs faces is proved in tests/camera/test_session.py."""

from datetime import timedelta

import pytest

from camera.rig import Stuck
from triptych.camera.activity import Standing
from triptych.camera.calibration import Calibration, Shelf
from triptych.camera.control import NORMAL
from triptych.camera.definition import Definition, Times
from triptych.camera.eye import Eye
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.parameters import Parameters
from triptych.camera.session import Session
from triptych.camera.stream import Views
from triptych.errors import Invalid, Unavailable
from triptych.media.sources import SimOptions
from triptych.media.sources.sim import SimSource, VirtualClock

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


class Quick(Session):
    """A session whose world, the `sim` source with pixels, runs on the virtual clock, as fast as this machine can."""

    head_kind = CropHead

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._lookout._open = self._look_quickly

    def _look_quickly(self, bend):
        options = CropOptions(**{key: value for key, value in self.definition.head.items() if key != "kind"})
        source = SimSource(SimOptions(figures=1, pixels=True), self.clock, wait=self.clock.wait)
        return Eye(
            source,
            self.head_kind(options, self.clock),
            lens=bend(options.lens(source.size)),
            clock=self.clock,
            views=self._views,
            budget=1.0,
            notice=self._noticed,
            blind=self._blind,
        )


class QuickAndStuck(Quick):
    head_kind = Stuck


@pytest.fixture
def quick(notes, archive, tmp_path):
    sessions = []

    def open_session(parameters, kind=Quick, definition=None):
        parts = {"folder": tmp_path, "archive": archive, "clock": VirtualClock(), "teller": notes}
        views = Views("camera:default", lambda topic, picture: None)
        sessions.append(kind("default", definition or Definition(), parameters, None, views=views, **parts))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


def word(session):
    return session.state()["track"]["state"]


def test_learn_is_paused_stores_what_it_found_and_follows_by_it(quick, notes):
    """camera 3.2, 4, row 35: goes on after a pause, keeps what it learnt over a restart, then follows with the fresh values."""
    learns = Parameters(job_type="learn", ai="official_ai")
    session = quick(learns)
    assert not session.locks
    session.start("track")
    notes.until(lambda: session.eye.newest.frame.number > 120)
    with pytest.raises(Invalid, match="non_moving_target must be"):
        session.configure(Parameters(non_moving_target=True), None)
    session.configure(learns, None)
    assert word(session) == "learning"
    session.pause("track")
    assert word(session) == "paused"
    frame = session.eye.newest.frame.number
    session.eye.wait(lambda glimpse: glimpse.frame.number > frame + 700, timedelta(seconds=BOUND_S))
    assert session.state()["calibration"] is None
    session.resume("track")
    notes.until(lambda: word(session) == "locked")
    kept = session.state()["calibration"]
    assert kept["lag_s"] == pytest.approx(0.07, abs=0.02)
    assert kept["at"].startswith("2026-01-01T00:00:")
    follower = session.activities["track"]._follower
    assert (follower._controller.lag.total_seconds(), follower.preset) == (kept["lag_s"], NORMAL)
    session.start("track")
    assert word(session) == "locked"
    again = quick(Parameters())
    assert again.state()["calibration"] == kept
    assert again.activities["track"].lens(CropOptions().lens((0, 0))).view_deg[0] == pytest.approx(60 * kept["factor"][0])


def test_with_a_stuck_head_learn_fails_and_the_old_values_stay(quick, notes, tmp_path):
    """camera row 35."""
    kept = Calibration(at="2026-01-01T00:00:00Z", lag_s=0.08, factor=(1.0, 1.0), speed_deg_s=100.0, play_deg=0.0, residual_deg=0.1)
    Shelf(tmp_path / "calibrations").keep("default", Definition(), kept)
    session = quick(Parameters(job_type="learn"), QuickAndStuck)
    session.start("track")
    notes.until(lambda: word(session) == "failed")
    assert "track: The head did not turn the picture" in session.state()["warnings"][0]
    assert session.state()["calibration"]["lag_s"] == 0.08
    assert Shelf(tmp_path / "calibrations").find("default", Definition()) == kept
    assert notes.rests[-1].code == "calibration_failed"


def test_a_head_that_cannot_turn_is_not_calibrated(quick):
    still = Definition(head={"kind": "crop", "pan_deg": (0.0, 0.0)})
    session = quick(Parameters(job_type="learn"), definition=still)
    with pytest.raises(Unavailable, match="turns 2 degrees or more"):
        session.start("track")
    assert session.activities["track"].standing is Standing.OFF


def test_tracking_fails_with_a_stuck_head_and_the_motor_is_released(quick, notes):
    """camera 11: first the warning `head`, then failed; the preview goes on."""
    session = quick(Parameters(ai="official_ai"), QuickAndStuck)
    session.start("track")
    notes.until(lambda: word(session) == "failed")
    assert any("head: it does not turn as it is told." in state["warnings"] for state in notes.states)
    assert session.state()["warnings"] == ["track: The head does not turn as it is told."]
    frame = session.eye.newest.frame.number
    assert session.eye.wait(lambda glimpse: glimpse.frame.number > frame + 5 and not glimpse.moving, timedelta(seconds=BOUND_S))


def test_the_cameras_own_preset_and_patience_win(quick):
    """camera 7.2: a setting of the camera may override what `ai` chooses; L8: all are settings."""
    session = quick(Parameters(), definition=Definition(preset="normal", patience=Times(coast_s=0.5, hold_s=1.0, search_s=2.0)))
    session.start("track")
    follower = session.activities["track"]._follower
    assert follower.preset is NORMAL
    patience = follower._controller._patience
    assert [part.total_seconds() for part in (patience.coast, patience.hold, patience.search)] == [0.5, 1.0, 2.0]
