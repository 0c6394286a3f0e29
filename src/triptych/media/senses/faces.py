"""The face detector: BlazeFace (Bazarevsky et al. 2019) by one of two runtimes, for cameras and files alike."""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.media.models import MODELS

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Network = Callable[[Picture], tuple[Floats, Floats]]
"""Takes a (S, S, 3) uint8 BGR picture and returns the raw scores (N,) and the raw boxes (N, 4) of every anchor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A face: its box in fractions of the picture, and how sure it is, 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A kind of weights: the file that this package carries, its SHA-256, and its anchors.

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
    sha256=MODELS["blazeface-full"].files[0].sha256,
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


def make(weights: bytes, model: Model = FULL_RANGE, *, fast: bool | None = None) -> "BlazeFace":
    """Return the detector: by LiteRT where the `fast` extra is installed (`fast` False forbids it), else by OpenCV.

    Raises `ImportError` when `fast` is asked for and missing.
    """
    if fast is not False:
        try:
            return BlazeFace(model, _litert(weights), runtime="litert")
        except ImportError:
            if fast:
                raise
    return BlazeFace(model, _dnn(weights), runtime="dnn")


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

    def find(self, image: Picture) -> tuple[Sighting, ...]:
        """Return the faces in an (H, W, 3) uint8 BGR picture, best first."""
        return self._search(image, tiles(image.shape[1], image.shape[0]))

    def find_near(self, image: Picture, middle: float) -> tuple[Sighting, ...]:
        """Return the faces in the one strip about `middle`, a fraction of the width, best first: all of them where one strip is enough."""
        return self._search(image, (tile_about(middle, image.shape[1], image.shape[0]),))

    def _search(self, image: Picture, parts: Sequence["Tile"]) -> tuple[Sighting, ...]:
        height, width = image.shape[:2]
        picture = self._halved(image, parts[0].span)
        found = [self._look(picture, tile, picture.shape[1] / width) for tile in parts]
        boxes, scores = (np.concatenate(each) for each in zip(*found, strict=True))
        kept = cv2.dnn.NMSBoxes(_as_rects(boxes), scores.tolist(), self._least_score, _SAME_FACE)
        sized = boxes / np.array((width, height, width, height), np.float32)
        return tuple(_sighting(sized[place], scores[place]) for place in np.asarray(kept, dtype=int).ravel())

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


def tile_about(middle: float, width: int, height: int) -> Tile:
    """Return the strip whose centre is as near to `middle`, a fraction of the width, as the edges allow; what it may cut is not its own."""
    span = min(height * _TILE_SPAN, float(width)) if width > height * _ONE_TILE else float(width)
    left = min(max(middle * width - span / 2, 0.0), width - span)
    rim = height * (_TILE_OVERLAP / 2 - _SLACK)
    owns = (left + rim if left > 0 else -math.inf, left + span - rim if left + span < width else math.inf)
    return Tile(left, span, owns)


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


def _sighting(box: Floats, score: np.float32) -> Sighting:
    left, top, right, bottom = (float(edge) for edge in box)
    return Sighting(left=left, top=top, right=right, bottom=bottom, score=float(score))


_SAME_FACE = 0.3
_FINE_ENOUGH = 4
_ONE_TILE = 4 / 3
_TILE_SPAN, _TILE_OVERLAP, _SLACK = 10 / 9, 4 / 9, 1 / 45
