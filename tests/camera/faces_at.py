"""Tracks and frames at chosen moments, for tests that need no picture."""

from datetime import timedelta

import numpy as np

from triptych.camera.track import Box, Track
from triptych.contracts import Frame, Pose


def at(seconds):
    return timedelta(seconds=seconds)


def face(seconds, pan_deg=0.0, number=1, **changed):
    box = Box(left=0.4, top=0.3, right=0.6, bottom=0.7)
    known = {"seen": True, "confirmed": True, "began": at(0), "last_seen": at(seconds), **changed}
    return Track(number=number, box=box, pan_deg=pan_deg, tilt_deg=0.0, score=0.9, **known)


def frame(seconds, image=None):
    return Frame(number=round(seconds * 30), captured=at(seconds), image=np.zeros((90, 160, 3), np.uint8) if image is None else image)


def pose(seconds, pan_deg=0.0, tilt_deg=0.0):
    return Pose(at=at(seconds), pan_deg=pan_deg, tilt_deg=tilt_deg)
