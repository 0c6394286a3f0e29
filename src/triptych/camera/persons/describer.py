"""Turns faces into numbers, by a process of its own (`describing.py`), so that no frame waits for it."""

import os
import selectors
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.camera.persons.describing import ANSWER_BYTES, ASK, READY
from triptych.camera.persons.matching import Descriptors
from triptych.camera.track import Box
from triptych.errors import Unavailable
from triptych.media.slots import Empty, find

SLOT = "person"
READY_BOUND_S = 20.0
ANSWER_BOUND_S = 10.0
MARGIN = 1.6
"""A descriptor is made from more than the box: chin, ears and hair."""
MOST_FACE_PX = 300
"""Twice what the network looks at; more would only be carried about."""

Picture = NDArray[np.uint8]


def lacks(models_dir: Path) -> str | None:
    """Say why persons cannot be recognised here and what mends it; None when they can."""
    found = find(SLOT, models_dir)
    return f"recognition needs the extra `faces`: {found.reason}." if isinstance(found, Empty) else None


class Describer:
    """The process that describes faces, begun at the first one. Safe to call from several threads; each waits for its turn."""

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def describe(self, image: Picture, box: Box) -> Descriptors:
        """Return the descriptor (128,) of the face in `box` of `image`, (H, W, 3) uint8 BGR; takes some 80 ms.

        Raises `Unavailable` with code `faces_missing`, or `recognition_failed` when the process gave no answer: the next call begins
        another one.
        """
        crop, inside = cut(image, box)
        with self._lock:
            try:
                return self._ask(self._running(), crop, inside)
            except (OSError, EOFError, TimeoutError) as fault:
                self._end()
                raise Unavailable("The process that describes faces gave no answer.", code="recognition_failed") from fault

    def prepare(self) -> None:
        """Begin the process now, so that the first face need not wait for it; what fails is told at that one."""
        with self._lock, suppress(OSError, EOFError, TimeoutError, Unavailable):
            self._running()

    def close(self) -> None:
        """End the process, if there is one, for good."""
        with self._lock:
            self._closed = True
            self._end()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._closed:
            raise EOFError
        if self._process is None:
            found = find(SLOT, self._models_dir)
            if isinstance(found, Empty):
                raise Unavailable(lacks(self._models_dir) or found.reason, code="faces_missing")
            self._process = _begin([str(path) for path in found.paths[:2]])
            if _receive(self._process, len(READY), READY_BOUND_S) != READY:
                raise EOFError
        return self._process

    def _ask(self, process: "subprocess.Popen[bytes]", crop: Picture, box: tuple[int, int, int, int]) -> Descriptors:
        asks = _open(process.stdin)
        asks.write(ASK.pack(crop.shape[0], crop.shape[1], *box) + cv2.cvtColor(crop, cv2.COLOR_BGR2RGB).tobytes())
        asks.flush()
        return np.frombuffer(_receive(process, ANSWER_BYTES, ANSWER_BOUND_S), "<f4")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(BrokenPipeError), process:
                pass


def cut(image: Picture, box: Box) -> tuple[Picture, tuple[int, int, int, int]]:
    """Return a copy of the part of `image` about a face, at most 300 px a face, and the face's left, top, right, bottom in it."""
    high, wide = image.shape[:2]
    left, top, right, bottom = (round(edge * side) for edge, side in zip(box.edges, (wide, high, wide, high), strict=True))
    around = box.grown(MARGIN)
    x0, y0 = max(0, int(around.left * wide)), max(0, int(around.top * high))
    x1, y1 = min(wide, int(around.right * wide) + 1), min(high, int(around.bottom * high) + 1)
    crop = image[y0:y1, x0:x1]
    scale = min(1.0, MOST_FACE_PX / max(1, right - left, bottom - top))
    if scale < 1:
        crop = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    edges = (round((edge - begin) * scale) for edge, begin in zip((left, top, right, bottom), (x0, y0, x0, y0), strict=True))
    inside_left, inside_top, inside_right, inside_bottom = edges
    return np.array(crop), (inside_left, inside_top, inside_right, inside_bottom)


def _begin(paths: list[str]) -> "subprocess.Popen[bytes]":
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours
        [sys.executable, "-m", "triptych.camera.persons.describing", *paths],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )


def _receive(process: "subprocess.Popen[bytes]", size: int, bound_s: float) -> bytes:
    """Return the next `size` bytes that the process says. Raises `EOFError` and `TimeoutError`."""
    answers, deadline_s = _open(process.stdout), time.monotonic() + bound_s
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(answers, selectors.EVENT_READ)
        while len(data) < size:
            if not selector.select(max(0.0, deadline_s - time.monotonic())):
                raise TimeoutError
            piece = os.read(answers.fileno(), size - len(data))
            if not piece:
                raise EOFError
            data += piece
    return data


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise EOFError
    return pipe
