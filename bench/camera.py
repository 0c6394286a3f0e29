"""How well the camera follows, beside the classic laws, and what a frame costs: `python -m bench.camera`."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import cv2

from triptych.camera.control import CALM, NORMAL, Lens
from triptych.camera.faces import Cadence, Detector, open_detector
from triptych.camera.heads.crop import CropHead
from triptych.camera.track import Face, Lock, Tracker, sight_of
from triptych.camera.trial import COURSES, LENS, Law, following, run
from triptych.contracts import Pose
from triptych.errors import Unavailable
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import FPS, SceneSource
from triptych.media.sources.sim import VirtualClock

Figures = Mapping[str, tuple[float, float]]
"""By course: rms in degrees, and the part of the frames in which the target is central."""


class Classic:
    """What the laws of old have in common: they see the largest face's error in the picture, not in the world, and steer by it."""

    def __init__(self, head: CropHead) -> None:
        self._aim = head.pose()

    def __call__(self, now: timedelta, captured: timedelta, faces: Sequence[Face], head: CropHead) -> None:
        """Steer the pan axis; the tilt is held."""
        if faces:
            largest = max(faces, key=lambda face: face.box.area)
            error, _ = LENS.angles(*largest.box.centre)
            pan = self.steer(now, error, head.pose().pan_deg)
            low, high = head.limits.pan_deg
            self._aim = Pose(at=now, pan_deg=min(max(pan, low), high), tilt_deg=self._aim.tilt_deg)
        head.move(self._aim.pan_deg, self._aim.tilt_deg, 120.0)

    def steer(self, now: timedelta, error_deg: float, head_deg: float) -> float:
        """Return the pan angle to go to."""
        raise NotImplementedError


class BangBang(Classic):
    """A fixed step whenever the face is outside the middle 20 % of the picture."""

    def steer(self, now: timedelta, error_deg: float, head_deg: float) -> float:
        """Step, or stay."""
        if abs(error_deg) <= DEAD_DEG:
            return self._aim.pan_deg
        return self._aim.pan_deg + (STEP_DEG if error_deg > 0 else -STEP_DEG)


class JumpAndWait(Classic):
    """One whole correction, then a wait until the head has surely come to rest."""

    def __init__(self, head: CropHead) -> None:
        super().__init__(head)
        self._free = timedelta(0)

    def steer(self, now: timedelta, error_deg: float, head_deg: float) -> float:
        """Jump once the wait is over."""
        if now < self._free or abs(error_deg) <= DEAD_DEG:
            return self._aim.pan_deg
        self._free = now + WAIT
        return head_deg + error_deg


class Pid(Classic):
    """A speed from the error in the picture: gains for the error (1/s), its sum (1/s2) and its change."""

    def __init__(self, head: CropHead, gains: tuple[float, float, float]) -> None:
        super().__init__(head)
        self._gains, self._sum, self._last = gains, 0.0, 0.0

    def steer(self, now: timedelta, error_deg: float, head_deg: float) -> float:
        """Go on by the speed of one frame."""
        self._sum += error_deg / FPS
        change, self._last = (error_deg - self._last) * FPS, error_deg
        speed = sum(gain * part for gain, part in zip(self._gains, (error_deg, self._sum, change), strict=True))
        return self._aim.pan_deg + min(max(speed, -120.0), 120.0) / FPS


LAWS: Mapping[str, tuple[Callable[[CropHead], Law], str, Figures]] = {
    "bang-bang": (BangBang, "~", {"walk": (4.7, 0.70), "sine": (6.0, 0.51), "dash": (9.7, 0.74), "occlusion": (5.9, 0.60)}),
    "jump and wait": (JumpAndWait, "~", {"walk": (4.9, 0.67), "sine": (8.2, 0.43), "dash": (8.3, 0.79), "occlusion": (6.9, 0.48)}),
    "P 4": (
        lambda head: Pid(head, (4, 0, 0)),
        "~",
        {"walk": (3.3, 1.0), "sine": (5.2, 0.66), "dash": (4.8, 0.83), "occlusion": (4.8, 0.78)},
    ),
    "PID 6 / 4 / 0.25": (
        lambda head: Pid(head, (6, 4, 0.25)),
        "~",
        {"walk": (1.6, 1.0), "sine": (3.0, 1.0), "dash": (3.1, 0.92), "occlusion": (3.3, 0.91)},
    ),
    "Calm": (following(CALM), "<", {"walk": (2.0, 1.0), "sine": (2.5, 1.0), "dash": (3.2, 0.90), "occlusion": (2.4, 0.95)}),
    "official_ai": (following(NORMAL), "<", {"walk": (1.5, 1.0), "sine": (1.2, 1.0), "dash": (2.4, 0.95), "occlusion": (2.4, 0.93)}),
}
DEAD_DEG, STEP_DEG, WAIT = 6.0, 1.0, timedelta(seconds=0.4)
