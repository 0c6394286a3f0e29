"""Who stands where, and when, in the generated world of the default camera: a pure function of seed and time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

WIDTH_PX, HEIGHT_PX = 3840, 1080
SPAN_DEG = (180.0, 50.0)
PX_PER_DEG = (WIDTH_PX / SPAN_DEG[0], HEIGHT_PX / SPAN_DEG[1])
HORIZON_PX = 430
"""Height of the eyes of the camera: every head stands about there, whatever its distance."""
PILLAR_PX = (2690, 2880)
PILLAR_RADIUS_PX = 52
"""A figure whose head radius is smaller stands behind the pillar, a larger one before it."""
BALL_RADIUS_PX = 34
MOST_FIGURES = 8

Path = Callable[[float], float | None]
"""Pan in degrees at a time in seconds, or None while the figure is out of the world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A walking person: `radius_px` is half the height of the head, in world pixels; `look` picks skin, hair and clothes."""

    look: int
    radius_px: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A figure at one moment: the centre of its head in world pixels, its stride (0 to 1) and where it turns (-1 left to 1 right)."""

    figure: Figure
    x_px: float
    y_px: float
    stride: float
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A head as it really is: `figure` is its number, the centre in degrees from home, the radius in degrees of pan and tilt.

    `shown` is the part of its width, 0 to 1, that nothing nearer hides and that lies within the world.
    """

    figure: int
    pan_deg: float
    tilt_deg: float
    radius_deg: tuple[float, float]
    shown: float


def to_px(pan_deg: float, tilt_deg: float) -> tuple[float, float]:
    """Return the world pixel (x, y), origin top left, that lies at an angle from home."""
    return WIDTH_PX / 2 + pan_deg * PX_PER_DEG[0], HEIGHT_PX / 2 - tilt_deg * PX_PER_DEG[1]


def to_deg(x_px: float, y_px: float) -> tuple[float, float]:
    """Return the angle (pan, tilt) from home of a world pixel."""
    return (x_px - WIDTH_PX / 2) / PX_PER_DEG[0], (HEIGHT_PX / 2 - y_px) / PX_PER_DEG[1]


def stand(figure: Figure, time_s: float) -> Stand | None:
    """Return how `figure` stands at `time_s`, or None while it is away."""
    pan = figure.path(time_s)
    if pan is None:
        return None
    before = figure.path(time_s - _GLANCE_S)
    moved = 0.0 if before is None else pan - before
    x, _ = to_px(pan, 0.0)
    walks = abs(moved) > _STANDING_DEG
    stride = (x / (figure.radius_px * 6.4)) % 1.0 if walks else 0.0
    bob = 0.06 * figure.radius_px * abs(np.sin(2 * np.pi * stride))
    return Stand(figure=figure, x_px=x, y_px=HORIZON_PX - bob, stride=stride, turn=int(np.sign(moved)) if walks else 0)


def truth(cast: Sequence[Figure], time_s: float) -> tuple[Truth, ...]:
    """Return every head of `cast` in the world at `time_s`, in the order of the cast."""
    stands = {number: found for number, figure in enumerate(cast) if (found := stand(figure, time_s))}
    return tuple(_truth(number, one, [*stands.values()]) for number, one in stands.items())


def _truth(number: int, one: Stand, everyone: Sequence[Stand]) -> Truth:
    radius = one.figure.radius_px
    pan, tilt = to_deg(one.x_px, one.y_px)
    nearer = [_span(other) for other in everyone if other.figure.radius_px > radius]
    if radius < PILLAR_RADIUS_PX:
        nearer.append(PILLAR_PX)
    shown = _shown(_span(one), [*nearer, (-WIDTH_PX, 0), (WIDTH_PX, 2 * WIDTH_PX)])
    return Truth(figure=number, pan_deg=pan, tilt_deg=tilt, radius_deg=(radius / PX_PER_DEG[0], radius / PX_PER_DEG[1]), shown=shown)


def _span(one: Stand) -> tuple[float, float]:
    half = 0.85 * one.figure.radius_px
    return one.x_px - half, one.x_px + half


def _shown(span: tuple[float, float], hiding: Sequence[tuple[float, float]]) -> float:
    columns = np.linspace(*span, 101)
    hidden = np.zeros(columns.shape, dtype=bool)
    for left, right in hiding:
        hidden |= (columns > left) & (columns < right)
    return float(1.0 - hidden.mean())


def default_cast(count: int, seed: int = 7) -> tuple[Figure, ...]:
    """Return the first `count` (0 to 8) figures of the default world.

    The first stays within +-25 degrees, and so never leaves the home view; the second roams +-75 degrees, crosses the first and hides
    behind the pillar; the others roam between, smaller than the first.
    """
    numbers = range(min(count, MOST_FIGURES))
    return tuple(Figure(look=number, radius_px=_RADII_PX[number], path=_route(number, seed)) for number in numbers)


def ball_px(time_s: float) -> tuple[float, float, float]:
    """Return (x, y) of the ball's centre in world pixels and how far it has rolled, in degrees clockwise."""
    x, _ = to_px(38.0 * float(np.sin(2 * np.pi * time_s / 17.0)), 0.0)
    return x, _BALL_FLOOR_PX - BALL_RADIUS_PX, float(np.degrees((x - WIDTH_PX / 2) / BALL_RADIUS_PX))


def _route(number: int, seed: int) -> Path:
    """Return a walk that repeats: legs between points of the figure's range, with rests."""
    random = np.random.default_rng((seed, number))
    moments, places = [0.0], [_STARTS_DEG[number]]
    reach, stops = _REACH_DEG[number], 14
    for leg in range(stops):
        goal = _goal(leg, number, reach, random) if leg < stops - 1 else places[0]
        walk_s = abs(goal - places[-1]) / random.uniform(*_PACE_DEG_S)
        rest_s = random.uniform(*_REST_S)
        moments += [moments[-1] + rest_s, moments[-1] + rest_s + walk_s]
        places += [places[-1], goal]
    times, pans = np.array(moments), np.array(places)
    return lambda time_s: float(np.interp(time_s % times[-1], times, pans))


def _goal(leg: int, number: int, reach: float, random: np.random.Generator) -> float:
    if number == 1 and leg % 4 == 1:
        return (PILLAR_PX[0] + PILLAR_PX[1]) / 2 / PX_PER_DEG[0] - SPAN_DEG[0] / 2
    side = 1 if leg % 2 else -1
    return float(side * random.uniform(0.35, 1.0) * reach)


_GLANCE_S = 0.1
_STANDING_DEG = 0.05
_BALL_FLOOR_PX = 985
_RADII_PX = (64, 47, 50, 44, 55, 46, 53, 43)
_REACH_DEG = (25.0, 75.0, 60.0, 45.0, 70.0, 55.0, 40.0, 70.0)
_STARTS_DEG = (4.0, 22.0, -40.0, 35.0, -60.0, 12.0, -18.0, 62.0)
_PACE_DEG_S = (6.0, 12.0)
_REST_S = (1.0, 3.5)
