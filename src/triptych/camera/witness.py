"""Says from the pictures whether a head does what it is told (camera 11, head stuck). Pure; every moment is an argument."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import numpy as np

from triptych.camera.control import Command, Lens
from triptych.camera.flow import Floats, Picture, corners, small_grey, turns
from triptych.camera.track import Box, Track
from triptych.contracts import Frame, Pose

WARNS_AFTER = timedelta(seconds=1)
FAILS_AFTER = timedelta(seconds=5)


class Trust(StrEnum):
    """Whether a head does what it is told."""

    GIVEN = "given"
    DOUBTED = "doubted"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    at: timedelta
    pose: Pose
    grey: Picture
    points: Floats


class Witness:
    """Compares how far a head should have turned with how far its picture did. Only a still picture with enough to see in it accuses.

    Corners on faces and the bodies below them are left out: whoever is followed well stands still in the picture. `doubt` is for how long
    the head was sent somewhere without any sign that it went.
    """

    def __init__(self, lens: Lens) -> None:
        self.lens = lens
        self.doubt = timedelta(0)
        self._accused = 0
        self._key: _Key | None = None
        self._sent: Command | None = None
        self._last = timedelta(0)

    @property
    def trust(self) -> Trust:
        """Whether the head is believed: doubted after 1 s of disagreement, stuck after 5 s."""
        if self._accused < _FEWEST_TIMES or self.doubt < WARNS_AFTER:
            return Trust.GIVEN
        return Trust.STUCK if self.doubt >= FAILS_AFTER else Trust.DOUBTED

    def forget(self) -> None:
        """Begin anew: the head was not ours for a while."""
        self.doubt, self._accused, self._key, self._sent = timedelta(0), 0, None, None

    def note(self, frame: Frame, pose: Pose, tracks: Sequence[Track], command: Command) -> None:
        """Take a frame, where the head looked at its capture, the faces in it, and what the head was told after it."""
        if self._sent is not None and self._accused and (self._sent.moves or self._sent.at_limit):
            self.doubt += min(frame.captured - self._last, _LONGEST)
        self._last = frame.captured
        if self._sent is None or not self._sent.moves:
            self._key = None
        else:
            self._compare(frame, pose, tracks)
        self._sent = command

    def _compare(self, frame: Frame, pose: Pose, tracks: Sequence[Track]) -> None:
        """Judge by the key frame once the head should have turned far enough since; then this frame is the next key."""
        key = self._key
        if key is not None:
            expected, span = self._expected(key, pose, frame.captured), frame.captured - key.at
            length = float(np.hypot(*expected))
            if span < _REKEY_AFTER and (length < _LEAST_DEG or (span < _SPAN and length < _AT_ONCE_DEG)):
                return
        grey = small_grey(frame.image)
        if key is not None and _LEAST_DEG <= length <= _MOST_DEG:
            self._judge(key, grey, expected)
        self._key = _Key(at=frame.captured, pose=pose, grey=grey, points=_beside(corners(grey), grey, tracks))

    def _expected(self, key: "_Key", pose: Pose, at: timedelta) -> tuple[float, float]:
        """Return how far the head turned since the key frame by its own account, or by then should have begun to."""
        told = pose.pan_deg - key.pose.pan_deg, pose.tilt_deg - key.pose.tilt_deg
        if self._sent is None or max(map(abs, told)) >= _MOVED_DEG or at - key.at < _PATIENCE:
            return told
        return _begun(self._sent.pan_deg - pose.pan_deg), _begun(self._sent.tilt_deg - pose.tilt_deg)

    def _judge(self, key: _Key, grey: Picture, expected: tuple[float, float]) -> None:
        told = turns(key.grey, grey, key.points, self.lens, (0.0, 0.0))
        if len(told) < _FEWEST:
            return
        length = float(np.hypot(*expected))
        goes = float(np.mean(np.linalg.norm(told - np.array(expected, np.float32), axis=1) <= _NEAR * length))
        stays = float(np.mean(np.linalg.norm(told, axis=1) <= _NEAR * length))
        if goes >= _SOME and goes > stays:
            self.doubt, self._accused = timedelta(0), 0
        elif stays >= _MOST and goes < _FEW:
            self._accused += 1


def _begun(gap_deg: float) -> float:
    """Return the least that an axis turns before long that has this far to go."""
    return math.copysign(_LEAST_DEG, gap_deg) if abs(gap_deg) >= _LEAST_DEG else 0.0


def _beside(points: Floats, grey: Picture, tracks: Sequence[Track]) -> Floats:
    """Return the points that lie on nobody."""
    if not len(points):
        return points
    places = points / np.array(grey.shape[::-1], np.float32)
    free = np.ones(len(points), bool)
    for track in tracks:
        left, top, right, bottom = _body(track.box)
        free &= ~((places[:, 0] > left) & (places[:, 0] < right) & (places[:, 1] > top) & (places[:, 1] < bottom))
    return np.asarray(points[free], np.float32)


def _body(box: Box) -> tuple[float, float, float, float]:
    """Return where the person is whose face fills `box`: about three faces wide, from the hair down to the floor."""
    wide, high = box.right - box.left, box.bottom - box.top
    return box.left - wide, box.top - high / 2, box.right + wide, 1.0


_FEWEST_TIMES, _FEWEST = 2, 8
_LEAST_DEG, _AT_ONCE_DEG, _MOST_DEG, _MOVED_DEG = 1.0, 3.0, 8.0, 0.1
_SPAN, _PATIENCE, _REKEY_AFTER, _LONGEST = (timedelta(seconds=part) for part in (0.2, 0.3, 0.5, 0.2))
_NEAR, _SOME, _MOST, _FEW = 0.35, 0.2, 0.6, 0.1
