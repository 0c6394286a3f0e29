"""camera 4, 7: the pilot that follows; the law itself is proved in tests/camera/test_control.py."""

from datetime import timedelta

import numpy as np
import pytest

from triptych.camera.control import CALM, NORMAL, Phase
from triptych.camera.pilots.follow import Follower
from triptych.camera.track import Box, Lock, Track
from triptych.contracts import Frame, Limits, Pose

LIMITS = Limits(pan_deg=(-60.0, 60.0), tilt_deg=(-8.0, 8.0))


def at(seconds):
    return timedelta(seconds=seconds)


def pose(seconds):
    return Pose(at=at(seconds), pan_deg=0.0, tilt_deg=0.0)


def frame(seconds):
    return Frame(number=0, captured=at(seconds), image=np.zeros((9, 16, 3), np.uint8))


def face(seconds, pan_deg=10.0, number=1):
    box = Box(left=0.4, top=0.4, right=0.6, bottom=0.6)
    seen = {"seen": True, "confirmed": True, "began": at(0), "last_seen": at(seconds)}
    return Track(number=number, box=box, pan_deg=pan_deg, tilt_deg=0.0, score=0.9, **seen)


@pytest.fixture
def follower():
    return Follower(Lock(), CALM, LIMITS)


def test_it_searches_until_there_is_a_target_and_turns_to_it(follower):
    assert follower.watch(frame(0), pose(0), ()) is None
    assert follower.steer(at(0), pose(0)).phase is Phase.SEARCHING
    assert follower.watch(frame(0.1), pose(0.1), (face(0.1),)).number == 1
    command = follower.steer(at(0.1), pose(0.1))
    assert (command.phase, command.moves, command.pan_deg, command.cap_deg_s) == (Phase.LOCKED, True, 10.0, 60.0)


def test_the_preset_may_change_on_the_way(follower):
    follower.watch(frame(0), pose(0), (face(0),))
    follower.preset = NORMAL
    assert follower.preset is NORMAL
    assert follower.steer(at(0), pose(0)).cap_deg_s == 120.0


def test_who_is_forgotten_is_chosen_anew(follower):
    follower.watch(frame(0), pose(0), (face(0),))
    follower.steer(at(0), pose(0))
    follower.forget()
    follower.watch(frame(0.1), pose(0.1), ())
    assert follower.steer(at(0.1), pose(0.1)).phase is Phase.SEARCHING
    assert follower.watch(frame(0.2), pose(0.2), (face(0.2, pan_deg=-50.0, number=2),)).number == 2
