"""Live pictures for those who look: one JPEG per frame and variant, however many watch, and none when nobody does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from triptych.camera.marks import Seen, draw
from triptych.camera.parameters import LEASE, Mark, Variant
from triptych.camera.pictures import Head, wrap
from triptych.camera.shots import encode_jpeg
from triptych.clock import SystemClock, to_us
from triptych.contracts import Clock, Frame, Pose

QUALITY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One frame as the camera's head saw it, and what was found in it."""

    frame: Frame
    objects: tuple[Seen, ...] = ()
    pose: Pose | None = None


class Views:
    """The variants that somebody looks at. Wanted from one thread, shown from another; `clock` says when a picture was taken."""

    def __init__(self, process: str, show: Callable[[str, bytes], object], clock: Clock | None = None) -> None:
        self._process, self._show, self._clock = process, show, clock or SystemClock()
        self._until: Mapping[Variant, timedelta] = {}
        self._shown: dict[Variant, timedelta] = {}

    def want(self, variant: Variant, now: timedelta) -> str:
        """Make this variant for a lease from `now` on; return its topic."""
        self._until = {one: until for one, until in self._until.items() if until > now} | {variant: now + LEASE}
        return variant.topic(self._process)

    def wanted(self, now: timedelta) -> bool:
        """Whether anybody looks."""
        return any(until > now for until in self._until.values())

    def marked(self, now: timedelta) -> bool:
        """Whether anybody looks at marks."""
        return any(until > now and variant.marks for variant, until in self._until.items())

    def show(self, view: View, mark: Mark | None, now: timedelta) -> None:
        """Send `view` in each variant that is wanted and due."""
        made: dict[tuple[int, bool], bytes] = {}
        for variant in self._due(view.frame.captured, now):
            look = variant.width, variant.marks
            if look not in made:
                made[look] = self._make(view, mark if variant.marks else None, variant.width)
            self._show(variant.topic(self._process), made[look])

    def _make(self, view: View, mark: Mark | None, width: int) -> bytes:
        image = render(view, mark, width)
        age = self._clock.monotonic() - view.frame.captured
        head = Head(view.frame.number, to_us(self._clock.now() - age), image.shape[1], image.shape[0])
        return wrap(head, encode_jpeg(image, QUALITY), _findings(view))

    def _due(self, captured: timedelta, now: timedelta) -> list[Variant]:
        live = [variant for variant, until in self._until.items() if until > now]
        due = [variant for variant in live if captured - self._shown.get(variant, timedelta(0)) >= _interval(variant.fps)]
        self._shown = {variant: captured if variant in due else self._shown.get(variant, timedelta(0)) for variant in live}
        return due


def render(view: View, mark: Mark | None, width: int) -> NDArray[np.uint8]:
    """Return the picture of `view`, (H, W, 3) uint8 BGR, at most `width` pixels wide, with its marks; never drawn on the frame itself."""
    image = view.frame.image
    if image.shape[1] > width:
        high = max(1, round(image.shape[0] * width / image.shape[1]))
        image = np.asarray(cv2.resize(image, (width, high), interpolation=cv2.INTER_AREA), np.uint8)
    elif mark is not None and view.objects:
        image = image.copy()
    draw(image, mark, view.objects, view.frame.captured.total_seconds())
    return image


def _findings(view: View) -> bytes:
    """Return what travels with the picture: the boxes in it, and where the head looked."""
    pose = view.pose
    head = None if pose is None else {"pan": round(pose.pan_deg, 2), "tilt": round(pose.tilt_deg, 2)}
    boxes = [
        {"box": [round(edge, 4) for edge in one.box], "label": one.label, "target": one.target, "coasting": one.coasting}
        for one in view.objects
    ]
    return msgspec.json.encode({"boxes": boxes, "head": head})


def _interval(fps: int) -> timedelta:
    """Return the time between two pictures, less a tenth, so that the beat of the source does not halve the rate."""
    return timedelta(seconds=0.9 / fps)
