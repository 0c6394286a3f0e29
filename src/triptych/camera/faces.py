"""Finds faces in a picture: BlazeFace by two runtimes, and the Haar cascade of the OpenCV wheel where its weights are damaged."""

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.camera.control import Lens
from triptych.camera.track import Box, Face
from triptych.contracts import Frame, Pose
from triptych.errors import Unavailable
from triptych.media.senses.faces import FULL_RANGE, BlazeFace, Model, Sighting, make
from triptych.media.sources.sim import SimSource

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Detector(Protocol):
    """Finds faces. One thread at a time; holds nothing that must be given back."""

    @property
    def name(self) -> str:
        """Return which detector this is, for the state."""
        ...

    @property
    def kind(self) -> str:
        """Return what it finds: `face` or `colour`."""
        ...

    def find(self, frame: Frame) -> Sequence[Face]:
        """Return the faces in `frame`, best first, boxes in fractions of its picture."""
        ...


MODELS_DIR = Path(__file__).parent / "models"


def open_detector(model: Model = FULL_RANGE, *, fast: bool | None = None, models_dir: Path = MODELS_DIR) -> Detector:
    """Return the best detector there is: by LiteRT where the `fast` extra is installed (`fast` False forbids it), else by OpenCV.

    Weights whose hash differs are refused; then the name says `haar`. Raises `Unavailable` with code `detector_missing` when `fast` is
    asked for and missing, or when this OpenCV cannot do the work.
    """
    check_opencv()
    weights = trusted(model, models_dir)
    if weights is None:
        return HaarFaces()
    try:
        return BlazeFaces(make(weights, model, fast=fast))
    except ImportError as missing:
        raise Unavailable("The extra `fast` (ai-edge-litert) is not installed.", code="detector_missing") from missing


def trusted(model: Model, models_dir: Path = MODELS_DIR) -> bytes | None:
    """Return the weights of `model`, or None when the file is missing or is not the published one."""
    try:
        weights = (models_dir / model.file).read_bytes()
    except OSError:
        return None
    return weights if hashlib.sha256(weights).hexdigest() == model.sha256 else None


def check_opencv(version: str = cv2.__version__) -> None:
    """Refuse an OpenCV that has no cascades and cannot read these models. Raises `Unavailable` with code `detector_missing`."""
    if not (4, 10) <= tuple(int(part) for part in version.split(".")[:2]) < (5, 0):
        message = f"OpenCV {version} cannot detect faces here: install opencv-python-headless>=4.10,<5."
        raise Unavailable(message, code="detector_missing")


class BlazeFaces:
    """MediaPipe's detector over frames."""

    kind = "face"

    def __init__(self, sense: BlazeFace) -> None:
        self.name = sense.name
        self._sense = sense

    def find(self, frame: Frame) -> Sequence[Face]:
        """Return the faces in `frame`, best first; its picture is (H, W, 3) uint8 BGR."""
        return tuple(_face(seen) for seen in self._sense.find(frame.image))


class HaarFaces:
    """The frontal cascade of the OpenCV wheel at 640 x 360: only where BlazeFace's weights are damaged."""

    name = "haar (the face model is damaged)"
    kind = "face"

    def __init__(self) -> None:
        self._cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))

    def find(self, frame: Frame) -> Sequence[Face]:
        """Return the faces in `frame`, largest first, all with score 0.5: a cascade gives none."""
        grey = cv2.cvtColor(cv2.resize(frame.image, _HAAR_SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        rects = self._cascade.detectMultiScale(grey, scaleFactor=1.15, minNeighbors=5, minSize=(24, 24))
        wide, high = _HAAR_SIZE
        boxes = [Box(left=x / wide, top=y / high, right=(x + w) / wide, bottom=(y + h) / high) for x, y, w, h in rects]
        return tuple(Face(box=box, score=0.5) for box in sorted(boxes, key=lambda box: -box.area))


class SimFaces:
    """The detector of a `sim` source: its noisy truth, as the head's window shows it. Invents nothing for any other source."""

    name = "sim"
    kind = "face"

    def __init__(self, source: SimSource, pose_at: Callable[[timedelta], Pose], lens: Lens) -> None:
        self._source, self._pose_at, self._lens = source, pose_at, lens

    def find(self, frame: Frame) -> Sequence[Face]:
        """Return the heads that lie in the view at the capture of `frame`; the picture is not looked at."""
        pose = self._pose_at(frame.captured)
        faces = []
        for head in self._source.glimpse(frame):
            x, y = self._lens.point(head.pan_deg - pose.pan_deg, head.tilt_deg - pose.tilt_deg)
            wide, high = (0.7 * radius / view for radius, view in zip(head.radius_deg, self._lens.view_deg, strict=True))
            if 0 <= x <= 1 and 0 <= y <= 1:
                faces.append(Face(box=Box(left=x - wide, top=y - high, right=x + wide, bottom=y + high), score=1.0))
        return tuple(faces)


class Cadence:
    """On which frames to detect: every one, thinned to every 2nd, then 3rd, while the work of a frame is over its budget (camera 9).

    `budget` is a part of one core at `fps`. It thins when the mean of 60 frames is over the budget, and returns one step once the
    mean has left room for it for 5 s.
    """

    def __init__(self, budget: float = 0.35, fps: float = 30.0) -> None:
        self.every = 1
        self._budget_s = budget / fps
        self._spent: deque[tuple[float, float]] = deque(maxlen=_MEAN_OF)
        self._roomy_since: timedelta | None = None

    def due(self, frame_number: int) -> bool:
        """Say whether this frame is to be searched for faces."""
        return frame_number % self.every == 0

    def note(self, at: timedelta, work_s: float, detect_s: float) -> None:
        """Take the CPU time of one frame: `detect_s` for detection (0 where it was left out) and `work_s` for all the rest."""
        self._spent.append((work_s, detect_s))
        if len(self._spent) < _MEAN_OF:
            return
        if self._mean_s(self.every) > self._budget_s and self.every < _THINNEST:
            self._change(1)
        elif self.every == 1 or self._mean_s(self.every - 1) > self._budget_s:
            self._roomy_since = None
        elif self._roomy_since is None:
            self._roomy_since = at
        elif at - self._roomy_since >= _ROOM_FOR:
            self._change(-1)

    def _mean_s(self, every: int) -> float:
        """Return the mean CPU time of a frame if every `every`-th one were searched."""
        searched = [detect for _, detect in self._spent if detect > 0]
        work = sum(work for work, _ in self._spent) / len(self._spent)
        return work + (sum(searched) / len(searched) / every if searched else 0.0)

    def _change(self, step: int) -> None:
        self.every += step
        self._spent.clear()
        self._roomy_since = None


def _face(seen: Sighting) -> Face:
    return Face(box=Box(left=seen.left, top=seen.top, right=seen.right, bottom=seen.bottom), score=seen.score)


_HAAR_SIZE = (640, 360)
_MEAN_OF, _THINNEST, _ROOM_FOR = 60, 3, timedelta(seconds=5)
