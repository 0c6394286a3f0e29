"""Stands between the frame loop and its source: opens it, notices when it stalls, freezes or goes, and opens it again (camera 11)."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from typing import Any, Literal

import cv2
import numpy as np
import structlog
from numpy.typing import NDArray

from triptych.camera.definition import Definition
from triptych.camera.heads import CropOptions
from triptych.contracts import Clock, Frame, Sound, Source
from triptych.errors import TriptychError, Unavailable
from triptych.media.microphone import Microphone
from triptych.media.sources import SOURCES, Heard
from triptych.media.sources.scene import Wait
from triptych.model import Place

log = structlog.get_logger()

PAUSES = tuple(timedelta(seconds=pause_s) for pause_s in (1, 2, 4, 8))
"""Before each attempt to open it again; the last one is kept to."""
SILENCE = timedelta(seconds=1)
FROZEN = timedelta(seconds=2)
REST_S = 0.1
COARSE = 16

Ill = Literal["stalled", "frozen", "gone"]
Open = Callable[[], Source]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a source, and the sentence that says so."""

    kind: Ill
    message: str


class Feed:
    """A `Source` that outlives its losses: `read` returns fresh pictures alone, None while there are none, and raises nothing.

    `told` is called by who reads: with the trouble and how long there was no fresh picture, at every such read, and once with None when
    there is one again. Raises `Unavailable` when the source cannot be opened at first.
    """

    def __init__(
        self,
        open_source: Open,
        clock: Clock,
        *,
        freezes: bool = False,
        microphone: str | None = None,
        told: Callable[[Trouble | None, timedelta], None] = lambda _trouble, _silent: None,
        wait: Wait = time.sleep,
    ) -> None:
        self._open_source, self._clock, self._told, self._wait = open_source, clock, told, wait
        self._door = threading.Lock()
        self._closed, self._opener = False, threading.Thread()
        self._source: Source | None = open_source()
        self.origin: Source = self._source
        self.size, self.fps = self._source.size, self._source.fps
        self.trouble: Trouble | None = None
        self.deafness: str | None = None
        self._microphone = self._heard(microphone)
        self._stillness = Stillness() if freezes else None
        self._fresh = clock.monotonic()
        self._retry_at, self._retries = timedelta(0), 0

    @property
    def audio(self) -> Literal["source", "mic", "silence"]:
        """Where its sound comes from (camera R4)."""
        if self.origin.has_sound:
            return "source"
        return "mic" if self._microphone is not None and self._microphone.works else "silence"

    @property
    def has_sound(self) -> bool:
        """Whether there is sound with its pictures."""
        return self.audio != "silence"

    def listen(self) -> Sequence[Sound]:
        """Return the sound that came since the last call; never waits."""
        source = self._source
        if self.origin.has_sound:
            return () if source is None else source.listen()
        return () if self._microphone is None else self._microphone.listen()

    def read(self) -> Frame | None:
        """Return the next fresh picture; None when there is none for now."""
        frame = self._next()
        now = self._clock.monotonic()
        if frame is not None and (self._stillness is None or self._stillness.moves(frame.image, now)):
            self._recover(now)
            return self._fitted(frame)
        if frame is not None:
            self._ail(Trouble("frozen", "The camera's picture is frozen."), now)
        elif now - self._fresh >= max(SILENCE, timedelta(seconds=3 / self.fps)):
            self._ail(self.trouble or Trouble("stalled", "The camera gives no picture."), now)
        if self.trouble is not None:
            self._retry(now)
            self._told(self.trouble, now - self._fresh)
        return None

    def close(self) -> None:
        """Give source and microphone back."""
        with self._door:
            self._closed = True
            source, self._source = self._source, None
        for one in (source, self._microphone):
            if one is not None:
                one.close()
        if self._opener.is_alive():
            self._opener.join(1.0)

    def _next(self) -> Frame | None:
        source = self._source
        if source is None:
            self._wait(REST_S)
            return None
        try:
            return source.read()
        except TriptychError as fault:
            self._ail(Trouble("gone", fault.message), self._clock.monotonic())
            self._wait(REST_S)
            return None

    def _ail(self, trouble: Trouble, now: timedelta) -> None:
        if self.trouble is None:
            self._retry_at, self._retries = now + PAUSES[0], 0
        self.trouble = trouble

    def _recover(self, now: timedelta) -> None:
        self._fresh = now
        if self.trouble is not None:
            self.trouble = None
            self._told(None, timedelta(0))

    def _retry(self, now: timedelta) -> None:
        """Open it again when that is due, in a thread of its own: the frame loop waits for nobody."""
        if now < self._retry_at or self._opener.is_alive():
            return
        self._retries += 1
        self._retry_at = now + PAUSES[min(self._retries, len(PAUSES) - 1)]
        self._opener = threading.Thread(target=self._reopen, name="reopen", daemon=True)
        self._opener.start()

    def _reopen(self) -> None:
        with self._door:
            old, self._source = self._source, None
        if old is not None:
            old.close()
        try:
            source = self._open_source()
        except TriptychError as fault:
            log.info("source not there", reason=fault.message)
            return
        with self._door:
            if not self._closed:
                self._source = self.origin = source
                return
        source.close()

    def _fitted(self, frame: Frame) -> Frame:
        """Return the picture in the size that the source first had: lens and files were made for that."""
        if (frame.image.shape[1], frame.image.shape[0]) == self.size:
            return frame
        return replace(frame, image=np.asarray(cv2.resize(frame.image, self.size, interpolation=cv2.INTER_AREA), np.uint8))

    def _heard(self, device: str | None) -> Microphone | None:
        if device is None or self.origin.has_sound:
            return None
        try:
            return Microphone(device, self._clock)
        except TriptychError as fault:
            self.deafness = fault.message
            return None


class Stillness:
    """Tells a picture that stands from one that is still: no camera gives the same bits for 2 s."""

    def __init__(self) -> None:
        self._image: NDArray[np.uint8] | None = None
        self._since = timedelta(0)

    def moves(self, image: NDArray[np.uint8], now: timedelta) -> bool:
        """Say whether `image` (H, W, 3) may be fresh: it changed within the last 2 s."""
        if self._image is None or not _same(self._image, image):
            self._image, self._since = image, now
        return now - self._since < FROZEN


def open_feed(definition: Definition, clock: Clock, place: Place, told: Callable[[Trouble | None, timedelta], None]) -> Feed:
    """Open the source that a camera is defined with. Raises `Unavailable`."""
    entry, options = SOURCES[definition.source["kind"]], definition.source_options()
    module, _, name = entry.open.partition(":")
    make: Callable[..., Source] = getattr(import_module(module), name)
    reach: tuple[Any, ...] = (place,) if entry.reaches else ()
    microphone = options.microphone if isinstance(options, Heard) else None
    return Feed(lambda: make(options, clock, *reach), clock, freezes=entry.freezes, microphone=microphone, told=told)


def check_fit(head: object, size: tuple[int, int]) -> None:
    """Raise `Unavailable` when a head made of pixels has a window larger than a picture of `size` (width, height)."""
    if isinstance(head, CropOptions) and (head.size[0] > size[0] or head.size[1] > size[1]):
        raise Unavailable(f"head.size must fit into the source's picture of {size[0]} x {size[1]} pixels.", code="head_unfit")


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Compare every 16th pixel of every 16th line before all of them: most pictures differ there."""
    coarse = slice(None, None, COARSE)
    return np.array_equal(one[coarse, coarse], other[coarse, coarse]) and np.array_equal(one, other)
