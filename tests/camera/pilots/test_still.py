"""camera 4: non_moving_target, watched without a move."""

from datetime import timedelta

import numpy as np

from triptych.camera.control import Phase
from triptych.camera.pilots.still import Still
from triptych.camera.track import Box, Lock, Track
from triptych.contracts import Frame, Pose


def test_it_has_a_target_and_never_moves():
    still, now = Still(Lock()), timedelta(seconds=1)
    box = Box(left=0.8, top=0.4, right=0.9, bottom=0.6)
    face = Track(number=3, box=box, pan_deg=20.0, tilt_deg=0.0, score=0.9, seen=True, confirmed=True, began=now, last_seen=now)
    frame, pose = Frame(number=0, captured=now, image=np.zeros((9, 16, 3), np.uint8)), Pose(at=now, pan_deg=1.0, tilt_deg=2.0)
    assert still.watch(frame, pose, (face,)).number == 3
    command = still.steer(now, pose)
    assert (command.phase, command.moves, command.pan_deg, command.tilt_deg) == (Phase.STILL, False, 1.0, 2.0)
    still.forget()
    assert still.watch(frame, pose, ()) is None
