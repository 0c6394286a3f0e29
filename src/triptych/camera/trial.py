"""Judges a control law: one figure on a set path, a real window over the generated world, the virtual clock (camera 7.3)."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice, pairwise
from types import MappingProxyType
from typing import Protocol

from triptych.camera.control import UNLEARNT_LAG, Controller, Preset
from triptych.camera.faces import Detector, Gaze, SimFaces
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.track import Face, Lock, Track, Tracker, sight_of
from triptych.contracts import Source
from triptych.media import world
from triptych.media.sources import SceneOptions, SimOptions
from triptych.media.sources.scene import FPS, SceneSource
from triptych.media.sources.sim import SimSource, VirtualClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where a figure goes: pan in degrees over time in seconds, and between which seconds it is not to be seen."""

    angle: Callable[[float], float]
    hidden: tuple[float, float] = (math.inf, math.inf)
    seconds: float = 8.0

    def visible(self, time_s: float) -> float | None:
        """Return the angle, None while hidden."""
        return None if self.hidden[0] <= time_s < self.hidden[1] else self.angle(time_s)


def line(start_deg: float, speed_deg_s: float, length_deg: float) -> Course:
    """Return a course that rests for 1 s, goes straight at one speed, and stops."""
    return Course(angle=lambda time_s: start_deg + min(max(time_s - 1.0, 0.0) * speed_deg_s, length_deg))


def wave(reach_deg: float, per_second: float, hidden: tuple[float, float] = (math.inf, math.inf)) -> Course:
    """Return a sine about home."""
    return Course(angle=lambda time_s: reach_deg * math.sin(2 * math.pi * per_second * time_s), hidden=hidden)


COURSES = MappingProxyType(
    {
        "walk": line(-33.0, 20.0, 66.0),
        "sine": wave(42.0, 0.12),
        "dash": line(-28.0, 47.0, 56.0),
        "occlusion": wave(40.0, 0.1, (3.0, 3.7)),
    }
)


class Law(Protocol):
    """Turns a head after what a frame showed."""

    def __call__(self, now: timedelta, captured: timedelta, faces: Sequence[Face], head: CropHead) -> None:
        """Command `head` at `now`, knowing the faces of the frame captured at `captured`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a law did: target and head in pan degrees, one pair a frame, 30 a second from the start."""

    target_deg: tuple[float, ...]
    head_deg: tuple[float, ...]

    @property
    def errors_deg(self) -> list[float]:
        """Return the errors from second 1 on."""
        pairs = zip(self.target_deg, self.head_deg, strict=True)
        return [target - head for target, head in pairs][_JUDGED_FROM:]

    @property
    def rms_deg(self) -> float:
        """Return the root of the mean squared error."""
        errors = self.errors_deg
        return math.sqrt(sum(error * error for error in errors) / len(errors))

    @property
    def central(self) -> float:
        """Return the part of the frames, 0 to 1, in which the target is within a tenth of the frame's width from the centre."""
        errors = self.errors_deg
        return sum(abs(error) <= _CENTRAL_DEG for error in errors) / len(errors)

    @property
    def travel_deg(self) -> float:
        """Return how far the head turned in all, to and fro, from second 1 on."""
        places = self.head_deg[_JUDGED_FROM:]
        return sum(abs(later - earlier) for earlier, later in pairwise(places))


class Following:
    """The law of the camera: tracker, lock and controller, as a session joins them."""

    def __init__(self, preset: Preset, head: CropHead, *, lag: timedelta = UNLEARNT_LAG) -> None:
        self._tracker, self._lock = Tracker(LENS), Lock()
        self._controller = Controller(preset, head.limits, lag=lag)
        self.target: Track | None = None

    def __call__(self, now: timedelta, captured: timedelta, faces: Sequence[Face] | None, head: CropHead) -> None:
        """Follow the chosen face; `faces` None is a frame that was not searched."""
        self.target = self._lock.update(captured, self._tracker.update(captured, faces, head.at(captured)))
        command = self._controller.update(now, head.pose(), sight_of(self.target, captured))
        if command.moves:
            head.move(command.pan_deg, command.tilt_deg, command.cap_deg_s)
        else:
            head.stop()


def following(preset: Preset, *, lag: timedelta = UNLEARNT_LAG) -> Callable[[CropHead], Law]:
    """Return what builds the camera's law for a head of this lag."""
    return lambda head: Following(preset, head, lag=lag)


def run(
    course: Course,
    build: Callable[[CropHead], Law],
    *,
    detector: Detector | None = None,
    seed: int = 0,
    options: CropOptions | None = None,
) -> Outcome:
    """Let a law follow a figure on its course, the head (of these `options`) starting on it, every frame known two frames late.

    With a `detector` every crop is drawn and searched; without one the `sim` source tells the noisy truth of this `seed`.
    """
    clock = VirtualClock()
    head = CropHead(options or CropOptions(), clock)
    cast = [world.Figure(look=0, radius_px=64, path=course.visible)]
    _start_on(head, clock, world.truth(cast, 0.0)[0])
    law = build(head)
    if detector is None:
        sim = SimSource(SimOptions(seed=seed), clock, cast=cast, wait=clock.wait)
        looks = _looks(sim, SimFaces(sim, head.at, LENS), head, law)
    else:
        looks = _looks(SceneSource(SceneOptions(), clock, cast=cast, wait=clock.wait), detector, head, law)
    return _play(course, looks, law, head, clock)


Look = tuple[timedelta, Sequence[Face]]


def _looks(source: Source, detector: Detector, head: CropHead, law: Law) -> Iterator[Look]:
    """Give for every frame when it was captured and which faces its window shows; a law with a target is looked for as the camera does."""
    gaze = Gaze()
    while frame := source.read():
        target = law.target if isinstance(law, Following) else None
        yield frame.captured, gaze.find(detector, head.view(frame), target)


def _play(course: Course, looks: Iterator[Look], law: Law, head: CropHead, clock: VirtualClock) -> Outcome:
    late: deque[Look] = deque()
    targets, places = [], []
    for number, look in enumerate(islice(looks, round(course.seconds * FPS))):
        late.append(look)
        targets.append(course.angle(number / FPS))
        places.append(head.pose().pan_deg)
        if len(late) > _FRAMES_LATE:
            law(clock.monotonic(), *late.popleft(), head)
    return Outcome(target_deg=tuple(targets), head_deg=tuple(places))


def _start_on(head: CropHead, clock: VirtualClock, start: world.Truth) -> None:
    for _ in range(_FRAMES_TO_START):
        head.move(start.pan_deg, start.tilt_deg, CropOptions().speed_deg_s)
        clock.wait(1 / 30)


LENS = CropOptions().lens(CropOptions().size)
_FRAMES_LATE, _FRAMES_TO_START, _JUDGED_FROM = 2, 60, 30
_CENTRAL_DEG = 6.0
