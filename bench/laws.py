"""The classic control laws, kept so that the comparison with ours stays honest: all steer by the error in the picture (camera 7.3)."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from triptych.camera.heads.crop import CropHead
from triptych.camera.track import Face
from triptych.camera.trial import LENS
from triptych.media.sources.scene import FPS

Steer = Callable[[timedelta, float, float, float], float]
"""Takes the time, then in degrees the face's error in the picture, where the head looks and where it was sent; returns where to send it."""

CAP_DEG_S = 120.0
DEAD_DEG, STEP_DEG = 6.0, 1.0
SETTLED_DEG, WAIT = 3.0, timedelta(seconds=0.4)


class Classic:
    """Steers the pan axis after the largest face; the tilt is held."""

    def __init__(self, head: CropHead, steer: Steer) -> None:
        self._start, self._steer = head.pose(), steer
        self._aim_deg = self._start.pan_deg

    def __call__(self, now: timedelta, captured: timedelta, faces: Sequence[Face], head: CropHead) -> None:  # noqa: ARG002 - the old laws know no age
        if faces:
            largest = max(faces, key=lambda face: face.box.area)
            error, _ = LENS.angles(*largest.box.centre)
            low, high = head.limits.pan_deg
            self._aim_deg = min(max(self._steer(now, error, head.pose().pan_deg, self._aim_deg), low), high)
        head.move(self._aim_deg, self._start.tilt_deg, CAP_DEG_S)


def bang_bang(head: CropHead) -> Classic:
    """Return the law of a fixed step a frame while the face is outside the middle 20 % of the picture."""

    def steer(_: timedelta, error_deg: float, _head_deg: float, aim_deg: float) -> float:
        if abs(error_deg) <= DEAD_DEG:
            return aim_deg
        return aim_deg + (STEP_DEG if error_deg > 0 else -STEP_DEG)

    return Classic(head, steer)


def jump_and_wait(head: CropHead) -> Classic:
    """Return the law of one whole correction, then a wait until the head has surely come to rest."""
    free = timedelta(0)

    def steer(now: timedelta, error_deg: float, head_deg: float, aim_deg: float) -> float:
        nonlocal free
        if now < free or abs(error_deg) <= SETTLED_DEG:
            return aim_deg
        free = now + WAIT
        return head_deg + error_deg

    return Classic(head, steer)


def pid(gain_per_s: float, sum_per_s2: float = 0.0, change: float = 0.0) -> Callable[[CropHead], Classic]:
    """Return what builds the law of a speed from the error, its sum and its change."""

    def build(head: CropHead) -> Classic:
        total = last = 0.0

        def steer(_: timedelta, error_deg: float, _head_deg: float, aim_deg: float) -> float:
            nonlocal total, last
            total += error_deg / FPS
            speed = gain_per_s * error_deg + sum_per_s2 * total + change * (error_deg - last) * FPS
            last = error_deg
            return aim_deg + min(max(speed, -CAP_DEG_S), CAP_DEG_S) / FPS

        return Classic(head, steer)

    return build
