"""The four marks around a target: geometry that depends on box and time alone, and the pen that draws it.

Points are pixels of the picture, origin top left, y down; angles are degrees clockwise from the right. Widths are those of a
720-line picture and grow with it.
"""

import math
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.camera.parameters import Mark

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8 BGR, origin top left."""

Box = tuple[float, float, float, float]
"""x, y, width, height in fractions of the frame."""

Point = tuple[float, float]
Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

_BLUE: Colour = (255, 120, 30)
_GREEN: Colour = (80, 230, 60)
_RED: Colour = (60, 60, 240)
_GREY: Colour = (190, 190, 190)
_AMBER: Colour = (0, 176, 255)
_CYAN: Colour = (255, 220, 0)
_DARK: Colour = (16, 16, 16)
_WHITE: Colour = (255, 255, 255)
_REFERENCE_LINES = 720
_MOST_FACES = 16
_MOST_LETTERS = 24
_BUDGET_S = 0.002
_DASH_PX = 7
_BITS = 4
_WHOLE_DEG = 360.0
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One object in a frame, as it is to be drawn; `known` says that the label is a person's name, which goes with every mark."""

    box: Box
    label: str = ""
    target: bool = False
    coasting: bool = False
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A straight line with square ends."""

    start: Point
    end: Point
    width_px: float
    colour: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """A part of a ring; `strength` 0..1 is how much of it covers the picture, `dashes` 0 a whole line."""

    centre: Point
    radius_px: float
    width_px: float
    start_deg: float
    span_deg: float
    colour: Colour
    strength: float = 1.0
    dashes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A filled convex shape."""

    corners: tuple[Point, ...]
    colour: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A short text around its middle."""

    middle: Point
    text: str
    colour: Colour


Shape = Bar | Arc | Plate | Caption


def draw(picture: Picture, mark: Mark | None, objects: Sequence[Seen], at_s: float) -> None:
    """Draw the mark on the target and a thin grey rectangle on the other faces, in place; None draws nothing.

    `at_s` is the capture time of the frame. The grey ones stop after 2 ms, so that a crowd never delays the picture.
    """
    if mark is None:
        return
    started = time.perf_counter()
    size = picture.shape[1], picture.shape[0]
    for one in sorted(objects, key=lambda one: not one.target)[:_MOST_FACES]:
        if not one.target and time.perf_counter() - started > _BUDGET_S:
            break
        _draw_all(picture, list(shapes(mark if one.target else None, one, at_s, size)))


def shapes(mark: Mark | None, seen: Seen, at_s: float, size: tuple[int, int]) -> Iterator[Shape]:
    """Yield what a mark is made of in a picture of `size` (width, height); None is the grey rectangle of a bystander."""
    width, height = size
    x, y, w, h = seen.box
    face = _Face(x * width, y * height, w * width, h * height, height / _REFERENCE_LINES, _plain(seen.label))
    made = _bystander(face) if mark is None else _SHAPES[mark](face, at_s)
    if seen.known and face.label and mark not in {None, "rotating_arcs"}:
        made = chain(made, (_caption(face, _WHITE),))
    return _dashed(made, _DASH_PX * face.scale) if seen.coasting else made


@dataclass(frozen=True, slots=True)
class _Face:
    """A face box in pixels; `scale` is how much larger the picture is than 720 lines."""

    left: float
    top: float
    width: float
    height: float
    scale: float
    label: str

    @property
    def radius(self) -> float:
        """Half the diagonal of the box."""
        return math.hypot(self.width, self.height) / 2

    @property
    def centre(self) -> Point:
        """The middle of the box."""
        return self.left + self.width / 2, self.top + self.height / 2

    def beside(self, right: float, down: float) -> Point:
        """Return the point that lies so many radii from the centre."""
        x, y = self.centre
        return x + right * self.radius, y + down * self.radius

    def sides(self, width_px: float, colour: Colour) -> Iterator[Bar]:
        """Yield the four sides of the box."""
        right, bottom = self.left + self.width, self.top + self.height
        corners = [(self.left, self.top), (right, self.top), (right, bottom), (self.left, bottom)]
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            yield Bar(start=start, end=end, width_px=width_px * self.scale, colour=colour)

    def arc(self, radius: float, width_px: float, from_deg: float, span_deg: float) -> Arc:
        """Return a red arc around the centre, `radius` in radii of the face."""
        return Arc(
            centre=self.centre,
            radius_px=radius * self.radius,
            width_px=width_px,
            start_deg=from_deg,
            span_deg=span_deg,
            colour=_RED,
        )


def _bystander(face: _Face) -> Iterator[Shape]:
    yield from face.sides(1, _GREY)
    if face.label:
        yield _caption(face, _GREY)


def _caption(face: _Face, colour: Colour) -> Caption:
    x, _ = face.centre
    return Caption(middle=(x, face.top + face.height + 11 * face.scale), text=face.label, colour=colour)


def _plain(label: str) -> str:
    """Return what the font has of a label: letters without accents, at most 24 of them."""
    return unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()[:_MOST_LETTERS]


def _single_rect(face: _Face, _at_s: float) -> Iterator[Shape]:
    yield from face.sides(2, _BLUE)


def _partial_rect(face: _Face, _at_s: float) -> Iterator[Shape]:
    half, width = 0.6, 2 * face.scale
    gap = 0.3 * half
    for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        corner = face.beside(sx * half, sy * half)
        yield Bar(start=face.beside(sx * gap, sy * half), end=corner, width_px=width, colour=_GREEN)
        yield Bar(start=corner, end=face.beside(sx * half, sy * gap), width_px=width, colour=_GREEN)
    for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        inner, outer = face.beside(0.18 * dx, 0.18 * dy), face.beside(0.9 * dx, 0.9 * dy)
        yield Bar(start=inner, end=outer, width_px=face.scale, colour=_GREEN)


def _rotating_arcs(face: _Face, at_s: float) -> Iterator[Shape]:
    turn = 150.0 * at_s
    yield face.arc(0.62, 0.14 * face.radius, turn, 120)
    yield face.arc(0.5, face.scale, -turn, 140)
    if face.label:
        yield from _name_plate(face)


def _name_plate(face: _Face) -> Iterator[Shape]:
    x, y = face.beside(0, 0.82)
    half, high, slant = (4 * len(face.label) + 8) * face.scale, 18 * face.scale, 6 * face.scale
    corners = ((x - half - slant, y), (x + half + slant, y), (x + half, y + high), (x - half, y + high))
    yield Plate(corners=corners, colour=_RED)
    yield Caption(middle=(x, y + high / 2), text=face.label, colour=_WHITE)


def _animation_1(face: _Face, at_s: float) -> Iterator[Shape]:
    for third in range(3):
        age = (at_s / 2 + third / 3) % 1.0
        ring = face.arc(0.4 + 0.8 * age, 2.5 * face.scale, 0, _WHOLE_DEG)
        yield replace(ring, colour=_between(_AMBER, _CYAN, age), strength=1 - age)
    for tick in range(24):
        angle = math.radians(90.0 * at_s + 15 * tick)
        dx, dy = math.cos(angle), math.sin(angle)
        inner, outer = face.beside(1.06 * dx, 1.06 * dy), face.beside(1.14 * dx, 1.14 * dy)
        yield Bar(start=inner, end=outer, width_px=2 * face.scale, colour=_between(_AMBER, _CYAN, abs(tick - 12) / 12))


_SHAPES: Mapping[Mark, Callable[[_Face, float], Iterator[Shape]]] = {
    "single_rect": _single_rect,
    "partial_rect": _partial_rect,
    "rotating_arcs": _rotating_arcs,
    "animation_1": _animation_1,
}


def _between(first: Colour, second: Colour, share: float) -> Colour:
    blue, green, red = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return blue, green, red


def _dashed(made: Iterator[Shape], dash_px: float) -> Iterator[Shape]:
    """Cut bars and arcs into dashes as long as the gaps between them."""
    for shape in made:
        match shape:
            case Bar():
                yield from _dashed_bar(shape, dash_px)
            case Arc():
                yield replace(shape, dashes=_dashes_of(shape, dash_px))
            case _:
                yield shape


def _dashed_bar(bar: Bar, dash_px: float) -> Iterator[Bar]:
    (x0, y0), (x1, y1) = bar.start, bar.end
    count = max(1, round(math.dist(bar.start, bar.end) / (2 * dash_px)))
    for begin in range(count):
        a, b = (begin + 0.25) / count, (begin + 0.75) / count
        start, end = (x0 + (x1 - x0) * a, y0 + (y1 - y0) * a), (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)
        yield replace(bar, start=start, end=end)


def _dashes_of(arc: Arc, dash_px: float) -> int:
    length = math.radians(arc.span_deg) * arc.radius_px
    return max(1, round(length / (2 * max(dash_px, arc.width_px / 2))))


def _draw_all(picture: Picture, made: Sequence[Shape]) -> None:
    """Draw every dark outline first, so that no shape of a mark darkens another."""
    outline_px = picture.shape[0] / _REFERENCE_LINES
    solid = [shape for shape in made if not (isinstance(shape, Arc) and shape.strength < 1)]
    for shape in made:
        if isinstance(shape, Arc) and shape.strength < 1:
            _blend(picture, shape, outline_px)
    for shape in solid:
        _fill(picture, shape, outline_px, _DARK)
    for shape in solid:
        _fill(picture, shape, 0, shape.colour)


def _fill(picture: Picture, shape: Shape, grow_px: float, colour: Colour) -> None:
    """Draw one shape, larger by `grow_px` on every side."""
    match shape:
        case Bar(start=(x0, y0), end=(x1, y1)) if round(x0) == round(x1) or round(y0) == round(y1):
            _fill_upright(picture, shape, grow_px, colour)
        case Bar():
            cv2.fillConvexPoly(picture, _fixed(_bar_corners(shape, grow_px)), colour, cv2.LINE_AA, _BITS)
        case Arc():
            cv2.fillPoly(picture, _arc_edges(shape, grow_px), colour, cv2.LINE_AA, _BITS)
        case Plate():
            points = _fixed(shape.corners)
            cv2.fillConvexPoly(picture, points, colour, cv2.LINE_AA, _BITS)
            if grow_px:
                cv2.polylines(
                    picture, [points], isClosed=True, color=colour, thickness=round(2 * grow_px), lineType=cv2.LINE_AA, shift=_BITS
                )
        case Caption():
            _write(picture, shape, grow_px, colour)


def _fill_upright(picture: Picture, bar: Bar, grow_px: float, colour: Colour) -> None:
    """Draw a level or upright bar on whole pixels: crisp, where smoothing would only blur it."""
    width = max(1, round(bar.width_px))
    grow = round(grow_px)
    left, right = sorted((bar.start[0], bar.end[0]))
    top, bottom = sorted((bar.start[1], bar.end[1]))
    first = round(left) - width // 2 - grow, round(top) - width // 2 - grow
    last = round(right) - width // 2 + width - 1 + grow, round(bottom) - width // 2 + width - 1 + grow
    cv2.rectangle(picture, first, last, colour, cv2.FILLED)


def _bar_corners(bar: Bar, grow_px: float) -> list[Point]:
    (x0, y0), (x1, y1) = bar.start, bar.end
    length = math.dist(bar.start, bar.end) or 1.0
    half = bar.width_px / 2 + grow_px
    ux, uy = (x1 - x0) / length * half, (y1 - y0) / length * half
    return [
        (x0 - ux - uy, y0 - uy + ux),
        (x1 + ux - uy, y1 + uy + ux),
        (x1 + ux + uy, y1 + uy - ux),
        (x0 - ux + uy, y0 - uy - ux),
    ]


def _arc_edges(arc: Arc, grow_px: float) -> list[NDArray[np.int32]]:
    """Return the outlines of an arc's dashes, of the whole arc, or of the two circles of a ring."""
    count = max(arc.dashes, 1)
    step = arc.span_deg / count
    drawn = step / 2 if arc.dashes else step
    ring = drawn >= _WHOLE_DEG
    more = 0.0 if ring else math.degrees(grow_px / max(arc.radius_px, 1.0))
    along = np.linspace(-more, drawn + more, max(3, round(drawn / 5) + 1))
    outer, inner = _rims(arc, grow_px, np.radians(arc.start_deg + step * np.arange(count)[:, None] + along))
    return [*_fixed(outer), *_fixed(inner)] if ring else list(_fixed(np.concatenate((outer, inner), axis=1)))


def _rims(arc: Arc, grow_px: float, angles: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for angles (N, M) in radians the outer rims forwards and the inner ones backwards, (N, M, 2) each."""
    half = arc.width_px / 2 + grow_px
    directions = np.stack((np.cos(angles), np.sin(angles)), axis=-1)
    return arc.centre + (arc.radius_px + half) * directions, arc.centre + max(arc.radius_px - half, 0.0) * directions[:, ::-1]


def _fixed(points: Sequence[Point] | NDArray[np.float64]) -> NDArray[np.int32]:
    """Return points in the 1/16 pixels of cv2's `shift`."""
    whole: NDArray[np.int32] = np.rint(np.asarray(points) * (1 << _BITS)).astype(np.int32)
    return whole


def _write(picture: Picture, caption: Caption, grow_px: float, colour: Colour) -> None:
    size = 0.42 * picture.shape[0] / _REFERENCE_LINES
    (wide, high), _ = cv2.getTextSize(caption.text, _FONT, size, 1)
    x, y = caption.middle
    cv2.putText(picture, caption.text, (round(x - wide / 2), round(y + high / 2)), _FONT, size, colour, 1 + round(2 * grow_px), cv2.LINE_AA)


def _blend(picture: Picture, arc: Arc, outline_px: float) -> None:
    """Draw an arc that the picture shines through."""
    reach = arc.radius_px + arc.width_px / 2 + 2 * outline_px + 1
    left, top = (max(0, math.floor(middle - reach)) for middle in arc.centre)
    right, bottom = (max(0, math.ceil(middle + reach)) for middle in arc.centre)
    part = picture[top:bottom, left:right]
    if part.size == 0:
        return
    moved = replace(arc, centre=(arc.centre[0] - left, arc.centre[1] - top))
    inked = part.copy()
    _fill(inked, moved, outline_px, _DARK)
    _fill(inked, moved, 0, arc.colour)
    cv2.addWeighted(inked, arc.strength, part, 1 - arc.strength, 0, dst=part)
