"""Which face is which, frame after frame, and which one is followed. Pure; every moment is an argument."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from triptych.camera.control import Lens, Sight
from triptych.contracts import Pose


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in fractions of a picture's width and height, origin top left; parts may lie outside 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def centre(self) -> tuple[float, float]:
        """Return its middle (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def area(self) -> float:
        """Return its part of the picture."""
        return max(self.right - self.left, 0.0) * max(self.bottom - self.top, 0.0)

    def shifted(self, across: float, down: float) -> "Box":
        """Return the same rectangle moved by fractions of the picture."""
        return Box(left=self.left + across, top=self.top + down, right=self.right + across, bottom=self.bottom + down)

    def grown(self, times: float) -> "Box":
        """Return the rectangle `times` as wide and high about the same centre."""
        add_x, add_y = ((times - 1) / 2 * side for side in (self.right - self.left, self.bottom - self.top))
        return Box(left=self.left - add_x, top=self.top - add_y, right=self.right + add_x, bottom=self.bottom + add_y)

    def blended(self, other: "Box", part: float) -> "Box":
        """Return the rectangle that lies `part` (0 to 1) of the way to `other`."""
        edges = zip(self.edges, other.edges, strict=True)
        left, top, right, bottom = (mine + part * (its - mine) for mine, its in edges)
        return Box(left=left, top=top, right=right, bottom=bottom)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Return (left, top, right, bottom)."""
        return self.left, self.top, self.right, self.bottom

    def overlap(self, other: "Box") -> float:
        """Return the intersection over the union, 0 to 1."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(across, 0.0) * max(down, 0.0)
        return shared / (self.area + other.area - shared) if shared else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A face that a detector found in a picture; `score` is 0 to 1."""

    box: Box
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One face over time, as it stands at the newest frame.

    `box` is in fractions of that frame's picture, predicted where `seen` is False; `pan_deg` and `tilt_deg` are the world angle of its
    centre: as measured where it was seen and is confirmed, else as predicted. `confirmed` holds from the third sight within five
    successive frames on.
    """

    number: int
    box: Box
    pan_deg: float
    tilt_deg: float
    score: float
    seen: bool
    confirmed: bool
    began: timedelta
    last_seen: timedelta


def sight_of(target: Track | None, captured: timedelta) -> Sight | None:
    """Return what the controller is to know of the frame captured then: the target's angle, None where it was not seen."""
    if target is None or not target.seen:
        return None
    return Sight(target=target.number, at=captured, pan_deg=target.pan_deg, tilt_deg=target.tilt_deg)


class Tracker:
    """Tells faces apart from frame to frame: alpha-beta boxes that hold still in the world, matched greedily by overlap (camera L10).

    Boxes are matched at twice their size, and at more the longer a face was out of sight, so that one that starts to run, or comes back
    from behind something, still meets its track.
    """

    def __init__(self, lens: Lens) -> None:
        self._lens = lens
        self._traces: list[_Trace] = []
        self._next = 1

    def update(self, at: timedelta, faces: Sequence[Face] | None, pose: Pose) -> tuple[Track, ...]:
        """Take the faces of the frame captured `at`, when the head stood at `pose`; None when the frame was not searched.

        Returns every track that was seen within the last second, oldest first.
        """
        across, down = pose.pan_deg / self._lens.view_deg[0], -pose.tilt_deg / self._lens.view_deg[1]
        for trace in self._traces:
            trace.predict(at)
        if faces is not None:
            self._match(at, faces, [face.box.shifted(across, down) for face in faces])
        self._traces = [trace for trace in self._traces if at - trace.last_seen <= _ENDS_AFTER]
        return tuple(self._snapshot(trace, pose, across, down) for trace in self._traces)

    def _match(self, at: timedelta, faces: Sequence[Face], boxes: Sequence[Box]) -> None:
        pairs = [
            (overlap, trace, place)
            for trace in self._traces
            for place, box in enumerate(boxes)
            if (overlap := trace.nearness(box)) > _LEAST_OVERLAP and trace.fits(box)
        ]
        pairs.sort(key=lambda pair: -pair[0])
        free = set(range(len(boxes)))
        waiting = {trace.number: trace for trace in self._traces}
        for _, trace, place in pairs:
            if place in free and trace.number in waiting:
                free.remove(place)
                waiting.pop(trace.number).see(at, boxes[place], faces[place].score)
        for trace in waiting.values():
            trace.miss()
        for place in sorted(free):
            self._traces.append(_Trace(self._next, at, boxes[place], faces[place].score))
            self._next += 1

    def _snapshot(self, trace: "_Trace", pose: Pose, across: float, down: float) -> Track:
        box = trace.box.shifted(-across, -down)
        centre = (trace.measured if trace.seen and trace.confirmed else trace.box).shifted(-across, -down).centre
        pan, tilt = self._lens.angles(*centre)
        return Track(
            number=trace.number,
            box=box,
            pan_deg=pose.pan_deg + pan,
            tilt_deg=pose.tilt_deg + tilt,
            score=trace.score,
            seen=trace.seen,
            confirmed=trace.confirmed,
            began=trace.began,
            last_seen=trace.last_seen,
        )


class _Trace:
    """A track in the making: a box in fractions of the home view, which stays put while the head turns."""

    def __init__(self, number: int, at: timedelta, box: Box, score: float) -> None:
        self.number, self.began, self.last_seen = number, at, at
        self.box = self.measured = box
        self.score, self.seen, self.confirmed = score, True, False
        self._at = at
        self._speed = (0.0, 0.0)
        self._sights: deque[bool] = deque([True], maxlen=_WITHIN)

    def predict(self, at: timedelta) -> None:
        span_s = (at - self._at).total_seconds()
        self._at, self.seen = at, False
        self.box = self.box.shifted(self._speed[0] * span_s, self._speed[1] * span_s)

    def nearness(self, box: Box) -> float:
        times = _REACH + _REACH_PER_S * (self._at - self.last_seen).total_seconds()
        return self.box.grown(times).overlap(box.grown(times))

    def fits(self, box: Box) -> bool:
        """Say whether the face can have become this large or small; a sudden change is something in front of it (camera L7)."""
        return abs(box.area - self.measured.area) <= _AREA_CHANGE * self.measured.area

    def see(self, at: timedelta, box: Box, score: float) -> None:
        span_s = max((at - self.last_seen).total_seconds(), _SHORTEST_S)
        off_x, off_y = box.centre[0] - self.box.centre[0], box.centre[1] - self.box.centre[1]
        self._speed = self._speed[0] + _BETA * off_x / span_s, self._speed[1] + _BETA * off_y / span_s
        self.box = self.box.blended(box, _ALPHA)
        self.measured, self.score, self.last_seen, self.seen = box, score, at, True
        self._sights.append(True)
        self.confirmed = self.confirmed or sum(self._sights) >= _CONFIRMED_BY

    def miss(self) -> None:
        self._sights.append(False)


class Lock:
    """Chooses the one face to follow, and keeps it (camera 4, L8)."""

    def __init__(self, patience: timedelta = timedelta(seconds=3)) -> None:
        self._patience = patience
        self._last: Track | None = None

    @property
    def number(self) -> int | None:
        """Return the number of the chosen track, None before the first choice."""
        return None if self._last is None else self._last.number

    def update(self, at: timedelta, tracks: Sequence[Track]) -> Track | None:
        """Return the target among `tracks`, or None.

        The largest confirmed face is taken, the one nearest to the centre on a tie, and kept. After a loss only a face that came up later,
        where the last one was lost, takes its place, until the patience is over. A face of like size that came up in the very moment in
        which the target vanished is the target, having jumped.
        """
        held = next((track for track in tracks if track.number == self.number), None)
        if held is not None and self._last is not None:
            jumped = None if held.seen else _jumped(self._last, at, tracks)
            self._last = jumped or (held if held.seen else self._last)
            return jumped or held
        confirmed = [track for track in tracks if track.confirmed and track.seen]
        if self._last is not None and at - self._last.last_seen < self._patience:
            confirmed = [track for track in confirmed if _returns(self._last, track)]
        if not confirmed:
            return None
        self._last = foremost(confirmed)
        return self._last

    def admits(self, track: Track) -> bool:  # noqa: ARG002 - anybody's face will do
        """Say whether `track` may be chosen."""
        return True

    def choose(self, track: Track) -> None:
        """Follow `track` from now on."""
        self._last = track

    def release(self) -> None:
        """Follow nobody; the next choice is free."""
        self._last = None


def _returns(lost: Track, track: Track) -> bool:
    near = math.hypot(track.pan_deg - lost.pan_deg, track.tilt_deg - lost.tilt_deg) <= _NEAR_DEG
    return near and track.began > lost.last_seen


def _jumped(lost: Track, at: timedelta, tracks: Sequence[Track]) -> Track | None:
    """Return the face, seen twice by now, that came up when `lost` vanished and looks as large."""
    for track in tracks:
        at_once = timedelta(0) < track.began - lost.last_seen <= _AT_ONCE and track.began < at
        if track.seen and at_once and abs(track.box.area - lost.box.area) <= _AREA_CHANGE * lost.box.area:
            return track
    return None


def foremost(tracks: Sequence[Track]) -> Track:
    """Return the largest of them, on a tie the one nearest to the centre."""
    largest = max(track.box.area for track in tracks)
    return min((track for track in tracks if track.box.area >= _TIE * largest), key=_off_centre)


def _off_centre(track: Track) -> float:
    x, y = track.box.centre
    return math.hypot(x - 0.5, y - 0.5)


_ALPHA, _BETA = 0.5, 0.12
_REACH, _REACH_PER_S = 2.0, 4.0
_LEAST_OVERLAP, _AREA_CHANGE = 0.1, 0.6
_CONFIRMED_BY, _WITHIN = 3, 5
_ENDS_AFTER = timedelta(seconds=1)
_SHORTEST_S = 1e-3
_AT_ONCE = timedelta(seconds=0.12)
_NEAR_DEG, _TIE = 12.0, 0.9
