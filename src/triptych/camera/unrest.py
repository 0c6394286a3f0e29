"""Notices that something large moves while the head is at rest: all that can be known of whoever hides the face (camera 4, secure)."""

from datetime import timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.contracts import Frame

LEAST_PART = 0.02
"""The part of the picture that must have changed: a rolling ball is less, a person is more."""
LASTS = timedelta(milliseconds=500)
CALM = timedelta(seconds=5)
_SIZE = (160, 90)
_CHANGED = 18
_LEARNT = 0.05


class Unrest:
    """Compares each frame of a head at rest with the room as it was."""

    def __init__(self) -> None:
        self._room: NDArray[np.float32] | None = None
        self._since: timedelta | None = None
        self._last: timedelta | None = None
        self._told = False

    def see(self, frame: Frame, *, still: bool) -> bool:
        """Take a frame; True once at the beginning of each motion, which is over after 5 s without one."""
        if not still:
            self._room, self._since = None, None
            return False
        grey = np.asarray(cv2.cvtColor(cv2.resize(frame.image, _SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY), np.float32)
        if self._room is None:
            self._room = grey
            return False
        changed = float(np.mean(np.abs(grey - self._room) > _CHANGED)) >= LEAST_PART
        self._room += _LEARNT * (grey - self._room)
        return self._note(frame.captured, changed=changed)

    def _note(self, at: timedelta, *, changed: bool) -> bool:
        if self._told and self._last is not None and at - self._last > CALM:
            self._told = False
        if not changed:
            self._since = None
            return False
        self._last = at
        self._since = at if self._since is None else self._since
        if self._told or at - self._since < LASTS:
            return False
        self._told = True
        return True
