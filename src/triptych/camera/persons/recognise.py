"""Recognises the faces of a camera's tracks in a thread of its own; the frame loop hands over crops and never waits (camera 9)."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

import numpy as np
import structlog
from numpy.typing import NDArray

from triptych.camera.persons.matching import NOBODY_YET, Descriptors, Dossier, Enrolled, Identity
from triptych.camera.track import Box, Track
from triptych.contracts import Frame
from triptych.errors import Unavailable

log = structlog.get_logger()

SMALLEST_PX = 40
"""A face narrower than this gives no usable sample."""
HIDDEN = timedelta(seconds=0.3)
"""A track that was unseen for longer may come back with another face."""
TOUCHING = 0.02
POLL_S = 0.25
RETRY_S = 1.0

Picture = NDArray[np.uint8]
Describe = Callable[[Picture, Box], Descriptors]
"""Returns the descriptor (128,) of the face in a box of a picture. Raises `Unavailable`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A face to be described: `image` is a picture about it, `box` where it lies in that."""

    number: int
    at: timedelta
    image: Picture
    box: Box


class Recogniser:
    """Knows for each track whose face it shows. `follow` and `look` are called by the frame loop; `enrolled` may read files."""

    def __init__(
        self, describe: Describe, enrolled: Callable[[], tuple[Enrolled, ...]], *, prepare: Callable[[], None] = lambda: None
    ) -> None:
        self.fault: str | None = None
        self._describe, self._enrolled, self._prepare = describe, enrolled, prepare
        self._people = enrolled()
        self._dossiers: dict[int, Dossier] = {}
        self._known: Mapping[int, Identity] = {}
        self._last: dict[int, Track] = {}
        self._sample: Sample | None = None
        self._busy = False
        self._open = True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="recogniser", daemon=True)
        self._thread.start()

    def follow(self, at: timedelta, tracks: Sequence[Track]) -> Mapping[int, Identity]:
        """Take the tracks of the frame captured `at`, and return whose faces they are, by their numbers.

        A track that was hidden, or that touches another, may have gone over to another face: it is looked at anew.
        """
        with self._changed:
            self._dossiers = {track.number: self._dossiers.get(track.number) or Dossier(track.began) for track in tracks}
            for track in tracks:
                before = self._last.get(track.number)
                hidden = before is not None and track.seen and track.last_seen - before.last_seen > HIDDEN
                if hidden or _touches(track, at, tracks):
                    self._dossiers[track.number].doubt(at)
            self._last = {track.number: track for track in tracks}
            self._known = MappingProxyType({number: dossier.identity(at) for number, dossier in self._dossiers.items()})
            return self._known

    def identity(self, number: int) -> Identity:
        """Return whose face a track showed when it was followed last."""
        return self._known.get(number, NOBODY_YET)

    def look(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Hand over the face of `frame` that is wanted most, unless one is being described."""
        with self._changed:
            plain = [track for track in tracks if track.number in self._dossiers and usable(track, frame, tracks)]
            for track in plain:
                self._dossiers[track.number].face(frame.captured)
            due = [track for track in plain if self._dossiers[track.number].due(frame.captured)]
            if self._busy or not self._open or not due:
                return
            track = min(due, key=lambda track: (not self._dossiers[track.number].urgent, -track.box.area))
            self._sample, self._busy = _cut(track, frame), True
            self._changed.notify_all()

    def close(self) -> None:
        """Recognise nothing more; never waits."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def join(self) -> None:
        """Wait for the end of the thread, once it is closed."""
        self._thread.join()

    def _run(self) -> None:
        self._prepare()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._sample is not None or not self._open, POLL_S)
                sample, self._sample = self._sample, None
                if not self._open:
                    return
            self._renew()
            if sample is not None:
                self._take(sample)

    def _renew(self) -> None:
        """Compare again when who is enrolled has changed: whoever was deleted is forgotten now."""
        people = self._enrolled()
        if people is not self._people:
            with self._changed:
                self._people = people
                for dossier in self._dossiers.values():
                    dossier.compare(people)

    def _take(self, sample: Sample) -> None:
        try:
            descriptor: Descriptors | None = self._describe(sample.image, sample.box)
            self.fault = None
        except Unavailable as fault:
            descriptor, self.fault = None, fault.message
            log.warning("face not described", reason=fault.message)
        with self._changed:
            if descriptor is None:
                self._changed.wait_for(lambda: not self._open, RETRY_S)
            self._busy = False
            dossier = self._dossiers.get(sample.number)
            if descriptor is not None and dossier is not None and dossier.since <= sample.at:
                dossier.add(descriptor, sample.at, self._people)


def usable(track: Track, frame: Frame, tracks: Sequence[Track]) -> bool:
    """Say whether a face was seen in this frame, wholly, large enough, and apart from others."""
    left, top, right, bottom = track.box.edges
    whole = left >= 0 and top >= 0 and right <= 1 and bottom <= 1
    return track.seen and whole and (right - left) * frame.image.shape[1] >= SMALLEST_PX and not _touches(track, frame.captured, tracks)


def _touches(track: Track, at: timedelta, tracks: Sequence[Track]) -> bool:
    near = (other for other in tracks if other.number != track.number and other.confirmed and at - other.last_seen <= HIDDEN)
    return any(track.box.overlap(other.box) > TOUCHING for other in near)


def _cut(track: Track, frame: Frame) -> Sample:
    """Return a copy of twice the face's box: the loop goes on with its frame."""
    high, wide = frame.image.shape[:2]
    around = track.box.grown(2)
    x0, y0 = max(0, int(around.left * wide)), max(0, int(around.top * high))
    x1, y1 = min(wide, int(around.right * wide) + 1), min(high, int(around.bottom * high) + 1)
    left, right = ((edge * wide - x0) / (x1 - x0) for edge in (track.box.left, track.box.right))
    top, bottom = ((edge * high - y0) / (y1 - y0) for edge in (track.box.top, track.box.bottom))
    image = frame.image[y0:y1, x0:x1].copy()
    return Sample(number=track.number, at=frame.captured, image=image, box=Box(left=left, top=top, right=right, bottom=bottom))
