"""Reads text in a picture: one network marks where lines are (DB, Liao et al. 2019), another reads each (CTC). PP-OCR's networks."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.media.senses.network import Network

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Quad = tuple[tuple[float, float], ...]
"""Four corners (x, y) in fractions of the picture, clockwise from the one where the text begins."""

DETECTION, RECOGNITION = "detection.onnx", "recognition.onnx"
LONGEST_SIDE = 1280
STRIDE = 32
MARKED, SURE = 0.3, 0.5
GROWN = 1.6
"""By how much a marked core is smaller than its line: DB's ratio, as these weights were trained."""
LEAST_SIDE = 3.0
SURE_READING = 0.8
"""Below this, what was read was mostly no text at all on real footage."""
MOST_LINES = 200
LINE_HEIGHT = 48
WIDEST_LINE = 1600
UPRIGHT = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of text, and how sure its reading is, 0 to 1."""

    text: str
    confidence: float
    quad: Quad


class Reader:
    """Finds and reads lines; made from the two files in memory. Needs onnxruntime; raises `ImportError` without it."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._finder = Network(files[DETECTION])
        self._reader = Network(files[RECOGNITION])
        self._signs = ("", *self._reader.told("character").split("\n"), " ")

    def read(self, picture: Picture, least: float = SURE_READING) -> list[Line]:
        """Return the lines of an (H, W, 3) uint8 BGR picture that are read with a confidence of at least `least`, from the top down."""
        height, width = picture.shape[:2]
        size = np.array((width, height), np.float32)
        lines = []
        for corners in self._find(picture):
            text, sure = self._line(_cut_out(picture, corners))
            if text and sure >= least:
                quad = tuple((float(x), float(y)) for x, y in np.clip(corners / size, 0, 1))
                lines.append(Line(text=text, confidence=round(sure, 6), quad=quad))
        return lines

    def _find(self, picture: Picture) -> list[Floats]:
        """Return the corners of every line, (4, 2) in pixels."""
        height, width = picture.shape[:2]
        wide, high = working_size(width, height)
        small = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA).astype(np.float32)
        (marks,) = self._finder.run({"x": (small / 127.5 - 1).transpose(2, 0, 1)[np.newaxis]})
        scale = np.array((width / wide, height / high), np.float32)
        found = [corners * scale for corners in _boxes(marks[0, 0])]
        return sorted(found, key=lambda corners: (round(float(corners[:, 1].min()) / LEAST_SIDE), float(corners[:, 0].min())))

    def _line(self, part: Picture) -> tuple[str, float]:
        """Return what an upright line says and the mean certainty of its signs."""
        wide = min(WIDEST_LINE, max(LINE_HEIGHT, math.ceil(LINE_HEIGHT * part.shape[1] / part.shape[0])))
        scaled = cv2.resize(part, (wide, LINE_HEIGHT), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        padded = np.zeros((1, 3, LINE_HEIGHT, -(-wide // STRIDE) * STRIDE), np.float32)
        padded[0, :, :, :wide] = (scaled / 127.5 - 1).transpose(2, 0, 1)
        (likely,) = self._reader.run({"x": padded})
        return self._spelled(likely[0])

    def _spelled(self, likely: Floats) -> tuple[str, float]:
        """Return the best path of (steps, signs), repeats and blanks left out."""
        best = likely.argmax(axis=1)
        kept = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])
        if not kept.any():
            return "", 0.0
        text = "".join(self._signs[number] for number in best[kept]).strip()
        return text, float(likely.max(axis=1)[kept].mean())


def working_size(width: int, height: int) -> tuple[int, int]:
    """Return the size at which lines are looked for: never larger, at most 1280 a side, in steps of 32."""
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    wide, high = (max(STRIDE, round(side * scale / STRIDE) * STRIDE) for side in (width, height))
    return wide, high


def _boxes(marks: Floats) -> Iterator[Floats]:
    """Yield the corners of the rectangles around the marked cores, grown to their lines."""
    cores = cv2.dilate((marks > MARKED).astype(np.uint8), np.ones((2, 2), np.uint8))
    outlines, _ = cv2.findContours(cores, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for outline in outlines[:MOST_LINES]:
        middle, (wide, high), turn = cv2.minAreaRect(outline)
        if min(wide, high) < LEAST_SIDE or _certainty(marks, outline) < SURE:
            continue
        grown = 2 * GROWN * wide * high / (2 * (wide + high))
        yield _ordered(cv2.boxPoints((middle, (wide + grown, high + grown), turn)))


def _certainty(marks: Floats, outline: NDArray[Any]) -> float:
    """Return the mean mark inside an outline."""
    left, top, wide, high = cv2.boundingRect(outline)
    inside = np.zeros((high, wide), np.uint8)
    cv2.fillPoly(inside, [outline - (left, top)], 1)
    return float(cv2.mean(marks[top : top + high, left : left + wide], inside)[0])


def _ordered(corners: NDArray[Any]) -> Floats:
    """Return four corners clockwise from the one at the top left."""
    middle = corners.mean(axis=0)
    around = corners[np.argsort(np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0]))]
    return np.roll(around, -int(around.sum(axis=1).argmin()), axis=0)


def _cut_out(picture: Picture, corners: Floats) -> Picture:
    """Return what lies between the corners as an upright picture; a line that is much higher than wide is laid on its side."""
    wide = max(1, round(max(np.linalg.norm(corners[0] - corners[1]), np.linalg.norm(corners[3] - corners[2]))))
    high = max(1, round(max(np.linalg.norm(corners[0] - corners[3]), np.linalg.norm(corners[1] - corners[2]))))
    target = np.array(((0, 0), (wide, 0), (wide, high), (0, high)), np.float32)
    turn = cv2.getPerspectiveTransform(np.ascontiguousarray(corners, np.float32), target)
    part = cv2.warpPerspective(picture, turn, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(np.rot90(part) if high >= UPRIGHT * wide else part, np.uint8)


def same_place(one: Quad, other: Quad) -> bool:
    """Say whether two quads overlap by at least half of the smaller one."""
    first, second = (np.array(quad, np.float32) * 1000 for quad in (one, other))
    shared, _ = cv2.intersectConvexConvex(first, second)
    return float(shared) >= min(cv2.contourArea(first), cv2.contourArea(second)) / 2
