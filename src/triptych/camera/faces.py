"""Finds faces in a picture: BlazeFace by two runtimes, and the Haar cascade of the OpenCV wheel where its weights are damaged."""

import hashlib
import importlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.camera.control import Lens
from triptych.camera.track import Box, Face
from triptych.contracts import Frame, Pose
from triptych.errors import Unavailable
from triptych.media.sources.sim import SimSource

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Network = Callable[[Picture], tuple[Floats, Floats]]
"""Takes a (S, S, 3) uint8 BGR picture and returns the raw scores (N,) and the raw boxes (N, 4) of every anchor."""


class Detector(Protocol):
    """Finds faces. One thread at a time; holds nothing that must be given back."""

    @property
    def name(self) -> str:
        """Return which detector this is, for the state."""
        ...

    def find(self, frame: Frame) -> Sequence[Face]:
        """Return the faces in `frame`, best first, boxes in fractions of its picture."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Trusted weights: a file beside this module's `models`, its SHA-256, and its anchors.

    `grids` are the options that MediaPipe publishes for the model: (cells a side, anchors a cell), all of size 1 and centred in the cell.
    """

    name: str
    file: str
    sha256: str
    side_px: int
    grids: tuple[tuple[int, int], ...]

    def anchors(self) -> Floats:
        """Return the centre (x, y) of every anchor, (N, 2), in fractions of the picture."""
        return np.concatenate([_grid(cells, each) for cells, each in self.grids])


FULL_RANGE = Model(
    name="blazeface-full",
    file="face_detection_full_range.tflite",
    sha256="99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    side_px=192,
    grids=((48, 1),),
)
SHORT_RANGE = Model(
    name="blazeface-short",
    file="face_detection_short_range.tflite",
    sha256="3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
    side_px=128,
    grids=((16, 2), (8, 6)),
)
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
    if fast is not False:
        try:
            return BlazeFace(model, _litert(weights), runtime="litert")
        except ImportError as missing:
            if fast:
                raise Unavailable("The extra `fast` (ai-edge-litert) is not installed.", code="detector_missing") from missing
    return BlazeFace(model, _dnn(weights), runtime="dnn")


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


class BlazeFace:
    """MediaPipe's face detector. A wide picture is looked at in overlapping tiles, so that a head 80 of 720 pixels high is still found."""

    def __init__(self, model: Model, network: Network, *, runtime: str, least_score: float = 0.5) -> None:
        self.name = f"{model.name} {runtime}"
        self._network = network
        self._side = model.side_px
        self._anchors = model.anchors()
        self._least_score = least_score
        self._least_raw = math.log(least_score / (1 - least_score))
        self._canvas = np.zeros((model.side_px, model.side_px, 3), np.uint8)
        self._halves: dict[tuple[int, int], Picture] = {}

    def find(self, frame: Frame) -> Sequence[Face]:
        """Return the faces in `frame`, best first; its picture is (H, W, 3) uint8 BGR."""
        height, width = frame.image.shape[:2]
        parts = tiles(width, height)
        picture = self._halved(frame.image, parts[0].span)
        found = [self._look(picture, tile, picture.shape[1] / width) for tile in parts]
        boxes, scores = (np.concatenate(each) for each in zip(*found, strict=True))
        kept = cv2.dnn.NMSBoxes(_as_rects(boxes), scores.tolist(), self._least_score, _SAME_FACE)
        sized = boxes / np.array((width, height, width, height), np.float32)
        return tuple(_face(sized[place], scores[place]) for place in np.asarray(kept, dtype=int).ravel())

    def _look(self, picture: Picture, tile: "Tile", scale: float) -> tuple[Floats, Floats]:
        """Return the boxes (n, 4: left, top, right, bottom in frame pixels) and scores (n,) of the faces that `tile` owns."""
        part = picture[:, round(tile.left * scale) : round((tile.left + tile.span) * scale)]
        shrink = self._side / max(part.shape[:2])
        high, wide = (round(length * shrink) for length in part.shape[:2])
        self._canvas[high:] = self._canvas[:, wide:] = 0
        cv2.resize(part, (wide, high), dst=self._canvas[:high, :wide], interpolation=cv2.INTER_LINEAR)
        raw_scores, raw_boxes = self._network(self._canvas)
        sure = np.flatnonzero(raw_scores > self._least_raw)
        boxes = self._decode(raw_boxes[sure], self._anchors[sure]) / np.float32(shrink * scale)
        boxes[:, 0::2] += tile.left
        middle = (boxes[:, 0] + boxes[:, 2]) / 2
        own = (middle >= tile.owns[0]) & (middle <= tile.owns[1])
        return boxes[own], (1 / (1 + np.exp(-raw_scores[sure][own]))).astype(np.float32)

    def _halved(self, picture: Picture, span: float) -> Picture:
        """Return `picture` halved, by means of 2 x 2 pixels, until a tile of `span` is less than four times as wide as the network's input.

        The rest is one bilinear step: nearly as good as the exact mean, at a tenth of its cost. The memory serves the next frame again.
        """
        while span >= _FINE_ENOUGH * self._side:
            size = (picture.shape[1] // 2, picture.shape[0] // 2)
            if size not in self._halves:
                self._halves[size] = np.empty((size[1], size[0], 3), np.uint8)
            cv2.resize(picture, size, dst=self._halves[size], interpolation=cv2.INTER_LINEAR)
            picture, span = self._halves[size], span / 2
        return picture

    def _decode(self, raw: Floats, anchors: Floats) -> Floats:
        """Return (n, 4) corners in canvas pixels of (n, 4) offsets in canvas pixels: x, y from the anchor, width, height."""
        middle = raw[:, :2] + anchors * self._side
        half = raw[:, 2:] / 2
        return np.concatenate([middle - half, middle + half], axis=1)


@dataclass(frozen=True, slots=True)
class Tile:
    """An upright strip of a picture, in its pixels: where it begins, how wide it is, between which columns a face is its own."""

    left: float
    span: float
    owns: tuple[float, float]


def tiles(width: int, height: int) -> tuple[Tile, ...]:
    """Return the strips in which a picture is looked at: one up to 4:3, else as few as overlap by the width of the largest head."""
    if width <= height * _ONE_TILE:
        return (Tile(0.0, float(width), (-math.inf, math.inf)),)
    span, overlap = height * _TILE_SPAN, height * _TILE_OVERLAP
    count = math.ceil(round((width - overlap) / (span - overlap), 3))
    step = (width - span) / (count - 1)
    edges = [-math.inf, *((step * place + step + span - step / 2 - span / 2) for place in range(count - 1)), math.inf]
    slack = height * _SLACK
    return tuple(Tile(step * place, span, (edges[place] - slack, edges[place + 1] + slack)) for place in range(count))


class HaarFaces:
    """The frontal cascade of the OpenCV wheel at 640 x 360: only where BlazeFace's weights are damaged."""

    name = "haar (the face model is damaged)"

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


def _dnn(weights: bytes) -> Network:
    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromTFLite(np.frombuffer(weights, np.uint8))
    outputs = net.getUnconnectedOutLayersNames()

    def run(picture: Picture) -> tuple[Floats, Floats]:
        net.setInput(cv2.dnn.blobFromImage(picture, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True))
        return _scores_and_boxes(net.forward(outputs))

    return run


def _litert(weights: bytes) -> Network:
    interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter(model_content=weights, num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    tensors = [interpreter.tensor(output["index"]) for output in interpreter.get_output_details()]
    rgb, values = np.empty(entry["shape"][1:], np.uint8), np.empty(entry["shape"], np.float32)

    def run(picture: Picture) -> tuple[Floats, Floats]:
        cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=rgb)
        np.multiply(rgb, np.float32(1 / 127.5), out=values[0])
        np.subtract(values, np.float32(1), out=values)
        interpreter.set_tensor(entry["index"], values)
        interpreter.invoke()
        return _scores_and_boxes([tensor() for tensor in tensors])

    return run


def _scores_and_boxes(outputs: Sequence[Any]) -> tuple[Floats, Floats]:
    """Tell the two outputs apart by their last axis: 1 score, or 16 numbers of which the first 4 are the box."""
    scores, boxes = sorted(outputs, key=lambda output: int(output.shape[-1]))
    return scores.reshape(-1).copy(), boxes.reshape(-1, boxes.shape[-1])[:, :4].copy()


def _grid(cells: int, each: int) -> Floats:
    middle = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    rows, columns = np.meshgrid(middle, middle, indexing="ij")
    return np.repeat(np.stack([columns.ravel(), rows.ravel()], axis=1), each, axis=0).astype(np.float32)


def _as_rects(boxes: Floats) -> list[list[float]]:
    rects = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return [[float(number) for number in rect] for rect in rects]


def _face(box: Floats, score: np.float32) -> Face:
    left, top, right, bottom = (float(edge) for edge in box)
    return Face(box=Box(left=left, top=top, right=right, bottom=bottom), score=float(score))


_SAME_FACE = 0.3
_FINE_ENOUGH = 4
_ONE_TILE = 4 / 3
_TILE_SPAN, _TILE_OVERLAP, _SLACK = 10 / 9, 4 / 9, 1 / 45
_HAAR_SIZE = (640, 360)
_MEAN_OF, _THINNEST, _ROOM_FOR = 60, 3, timedelta(seconds=5)
