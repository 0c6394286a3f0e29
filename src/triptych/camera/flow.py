"""How far a head turned, told from its pictures alone: corners followed from frame to frame, the most that agree decide. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.camera.control import Lens

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How far the view turned, in degrees right and up as its lens tells them, and the part of the corners, 0 to 1, that say so."""

    pan_deg: float
    tilt_deg: float
    share: float


def small_grey(image: Picture) -> Picture:
    """Return an (H, W, 3) uint8 BGR picture in grey, (h, 320) uint8: as much as corners need."""
    size = (_WIDTH_PX, max(round(image.shape[0] * _WIDTH_PX / image.shape[1]), 1))
    return np.asarray(cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2GRAY), np.uint8)


def corners(grey: Picture) -> Floats:
    """Return up to 80 points (n, 2) of an (h, w) uint8 picture that can be found again; none in a flat one, whatever its noise."""
    found: object = cv2.goodFeaturesToTrack(grey, _MOST_CORNERS, _QUALITY, _APART_PX)
    points = np.empty((0, 2), np.float32) if found is None else np.asarray(found, np.float32).reshape(-1, 2)
    strength = np.asarray(cv2.cornerMinEigenVal(grey, _CORNER_PX))
    columns, rows = points.astype(int).T
    return np.asarray(points[strength[rows, columns] >= _LEAST_STRENGTH], np.float32)


def turns(one: Picture, other: Picture, points: Floats, lens: Lens, guess: tuple[float, float] = (0.0, 0.0)) -> Floats:
    """Return by how many degrees (n, 2: pan, tilt) each of the `points` says that the view turned from `one` to `other`.

    Both are (h, w) uint8; `guess` is the expected turn. A point that is not found again says nothing.
    """
    if not len(points):
        return np.empty((0, 2), np.float32)
    before = _angles(points, one.shape, lens)
    there = np.array([_point(pan - guess[0], tilt - guess[1], one.shape, lens) for pan, tilt in before], np.float32)
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    told = cv2.calcOpticalFlowPyrLK(one, other, points, there, winSize=_WINDOW, maxLevel=_LEVELS, flags=flags)
    after, found, faults = (np.asarray(each, np.float32) for each in told)
    sure = (found.ravel() == 1) & (faults.ravel() < _MOST_FAULT)
    return np.asarray(before[sure] - _angles(after[sure], one.shape, lens), np.float32)


def agreed(told: Floats, near_deg: float) -> Turn | None:
    """Return what most of the `told` turns (n, 2) say to within `near_deg`; None where too few agree to be believed."""
    if len(told) < _FEWEST:
        return None
    near = np.linalg.norm(told[:, None, :] - told[None, :, :], axis=2) <= near_deg
    most = near[int(np.argmax(near.sum(axis=1)))]
    share = float(most.mean())
    if most.sum() < _FEWEST or share < _LEAST_SHARE:
        return None
    pan, tilt = told[most].mean(axis=0)
    return Turn(pan_deg=float(pan), tilt_deg=float(tilt), share=share)


class Gauge:
    """Tells how far the head turned since the first picture, over as many pictures as it takes."""

    def __init__(self, lens: Lens) -> None:
        self._lens = lens
        self._key: Picture | None = None
        self._points: Floats = np.empty((0, 2), np.float32)
        self._base = (0.0, 0.0)
        self._last = (0.0, 0.0)

    def measure(self, image: Picture) -> Turn | None:
        """Take the next (H, W, 3) uint8 BGR picture; return the turn since the first, None where its content does not tell."""
        grey = small_grey(image)
        if self._key is None:
            self._rekey(grey, (0.0, 0.0))
        assert self._key is not None  # noqa: S101 - just set
        guess = self._last[0] - self._base[0], self._last[1] - self._base[1]
        told = turns(self._key, grey, self._points, self._lens, guess)
        found = agreed(told, self._near_deg(guess))
        if found is None:
            self._rekey(grey, self._last)
            return None
        whole = Turn(pan_deg=self._base[0] + found.pan_deg, tilt_deg=self._base[1] + found.tilt_deg, share=found.share)
        self._last = whole.pan_deg, whole.tilt_deg
        if max(abs(found.pan_deg / self._lens.view_deg[0]), abs(found.tilt_deg / self._lens.view_deg[1])) > _REKEY:
            self._rekey(grey, self._last)
        return whole

    def _rekey(self, grey: Picture, base: tuple[float, float]) -> None:
        self._key, self._points, self._base = grey, corners(grey), base

    def _near_deg(self, guess: Sequence[float]) -> float:
        return _NEAR * abs(self._lens.view_deg[0]) + _NEAR_PART * max(map(abs, guess))


def _angles(points: Floats, shape: tuple[int, ...], lens: Lens) -> Floats:
    """Return (pan, tilt) in degrees, (n, 2), of points in pixels."""
    told = [lens.angles(float(x) / shape[1], float(y) / shape[0]) for x, y in points]
    return np.asarray(told, np.float32).reshape(-1, 2)


def _point(pan_deg: float, tilt_deg: float, shape: tuple[int, ...], lens: Lens) -> tuple[float, float]:
    x, y = lens.point(pan_deg, tilt_deg)
    return x * shape[1], y * shape[0]


_WIDTH_PX = 320
_MOST_CORNERS, _QUALITY, _APART_PX = 80, 0.02, 10
_CORNER_PX, _LEAST_STRENGTH = 3, 0.0015
_WINDOW, _LEVELS, _MOST_FAULT = (15, 15), 2, 20.0
_FEWEST, _LEAST_SHARE = 8, 0.25
_NEAR, _NEAR_PART = 0.003, 0.03
_REKEY = 0.12
