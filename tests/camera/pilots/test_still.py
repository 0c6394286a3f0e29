"""camera 4: non_moving_target, watched without a move."""

from datetime import timedelta

import numpy as np
import pytest

from camera.rig import Rig
from triptych.camera.control import Phase
from triptych.camera.faces import SimFaces
from triptych.camera.pilots.still import Still
from triptych.camera.track import Box, Lock, Track, Tracker
from triptych.contracts import Frame, Pose
from triptych.media.sources import SimOptions
from triptych.media.sources.sim import SimSource


def pose(seconds, pan_deg):
    return Pose(at=timedelta(seconds=seconds), pan_deg=pan_deg, tilt_deg=2.0)


def play(still, places):
    """Return the command for each of the pans at which the head stands, 30 a second."""
    return [still.steer(timedelta(seconds=number / 30), pose(number / 30, pan_deg)) for number, pan_deg in enumerate(places)]


def test_it_has_a_target_and_never_moves():
    still, now = Still(Lock()), timedelta(seconds=1)
    box = Box(left=0.8, top=0.4, right=0.9, bottom=0.6)
    face = Track(number=3, box=box, pan_deg=20.0, tilt_deg=0.0, score=0.9, seen=True, confirmed=True, began=now, last_seen=now)
    frame = Frame(number=0, captured=now, image=np.zeros((9, 16, 3), np.uint8))
    assert still.watch(frame, pose(1, 1.0), (face,)).number == 3
    command = still.steer(now, pose(1, 1.0))
    assert (command.phase, command.moves, command.pan_deg, command.tilt_deg) == (Phase.STILL, False, 1.0, 2.0)
    still.forget()
    assert still.watch(frame, pose(1, 1.0), ()) is None


def test_a_walking_figure_moves_no_head_in_60_seconds():
    """camera row 37, 4: 0 head commands in 60 s with a walking figure, which is watched all the while."""
    rig = Rig(source=lambda clock: SimSource(SimOptions(figures=1), clock, wait=clock.wait))
    faces, tracker, still = SimFaces(rig.source, rig.head.at, rig.lens), Tracker(rig.lens), Still(Lock())
    seen = 0
    for _ in range(60 * 30):
        view, where = rig.see()
        tracks = tracker.update(view.captured, faces.find(view), where)
        seen += still.watch(view, where, tracks) is not None
        assert not still.steer(rig.clock.monotonic(), rig.head.pose()).moves
    assert seen > 55 * 30


def test_drift_is_led_back_and_only_drift():
    """camera 4: corrected for drift only."""
    still = Still(Lock())
    drift = play(still, [10.0 + 0.5 * number / 30 for number in range(70)])
    assert not any(command.moves for command in drift[:58])
    assert (drift[-1].moves, drift[-1].pan_deg, drift[-1].cap_deg_s) == (True, pytest.approx(10.0), 10.0)


def test_it_is_led_all_the_way_back_and_rests_there():
    still = Still(Lock())
    way = [10.0 + 0.5 * number / 30 for number in range(70)] + [11.1 - 0.3 * number for number in range(5)]
    commands = play(still, way)
    assert [command.moves for command in commands[-5:]] == [True, True, True, False, False]


def test_a_head_that_somebody_turned_stays_there():
    still = Still(Lock())
    commands = play(still, [0.0] * 10 + [min(2.0 * number, 30.0) for number in range(60)])
    assert not any(command.moves for command in commands)
