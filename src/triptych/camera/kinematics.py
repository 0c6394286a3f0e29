"""Where the tip of an arm is, and which joints bring it there. Pure; millimetres, degrees, x to the right, y ahead, z up from the foot.

Joint 1 turns the arm about its foot: 90 degrees is straight ahead, 0 to the right. The first link stands upright on it. Joint 2 lifts
the second link: 0 is level, 90 upright. Every further joint is the angle between two links: 180 is straight, 90 bends forwards.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from triptych.errors import Invalid

LEAST_JOINTS = 3
"""One for each of x, y and z."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """What an arm is made of: the height of its base and the length of the link behind each joint; the first one stands upright."""

    base_mm: float
    links_mm: tuple[float, ...]

    @property
    def shoulder_mm(self) -> float:
        """Return how high joint 2 is."""
        return self.base_mm + sum(self.links_mm[:1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The end of the last link: where it is, and where it points: `turn_deg` to the right of ahead, `rise_deg` above level."""

    x_mm: float
    y_mm: float
    z_mm: float
    turn_deg: float
    rise_deg: float

    @property
    def place_mm(self) -> tuple[float, float, float]:
        """Return x, y, z."""
        return self.x_mm, self.y_mm, self.z_mm


def tip(geometry: Geometry, joints_deg: Sequence[float]) -> Tip:
    """Return where the tip of an arm with these joints, at least one, is."""
    turn_deg, rises = joints_deg[0], _rises(joints_deg)
    out, up = _end(geometry.links_mm[1:], rises)
    turn = math.radians(turn_deg)
    return Tip(
        x_mm=out * math.cos(turn),
        y_mm=out * math.sin(turn),
        z_mm=geometry.shoulder_mm + up,
        turn_deg=_AHEAD_DEG - turn_deg,
        rise_deg=rises[-1] if rises else 0.0,
    )


def reach(geometry: Geometry, joints_deg: Sequence[float], limits: Sequence[tuple[float, float]], place_mm: Sequence[float]) -> list[float]:
    """Return the joints that bring the tip to x, y, z: the first three move, the others stay as they are in `joints_deg`.

    Of several ways the one nearest to `joints_deg` within the limits. Raises `Invalid` where there is none.
    """
    if len(joints_deg) < LEAST_JOINTS:
        raise Invalid("axis moves need an arm of three joints or more.", field="type")
    whole = [[*way, *joints_deg[LEAST_JOINTS:]] for way in _ways(geometry, joints_deg, place_mm)]
    ways = [[_turned(joint, ends) for joint, ends in zip(way, limits, strict=True)] for way in whole]
    possible = [way for way in ways if all(low <= joint <= high for joint, (low, high) in zip(way, limits, strict=True))]
    if not possible:
        raise Invalid("quantity is out of reach of the arm.", field="quantity")
    return min(possible, key=lambda way: max(abs(joint - now) for joint, now in zip(way, joints_deg, strict=True)))


def _rises(joints_deg: Sequence[float]) -> list[float]:
    """Return how far above level each link behind the upright one points."""
    return list(accumulate([*joints_deg[1:2], *(joint - _STRAIGHT_DEG for joint in joints_deg[2:])]))


def _end(links_mm: Sequence[float], rises_deg: Sequence[float]) -> tuple[float, float]:
    """Return how far out and how far up a chain of links ends."""
    rises = [math.radians(rise) for rise in rises_deg]
    pairs = list(zip(links_mm, rises, strict=True))
    return sum(link * math.cos(rise) for link, rise in pairs), sum(link * math.sin(rise) for link, rise in pairs)


def _ways(geometry: Geometry, joints_deg: Sequence[float], place_mm: Sequence[float]) -> list[list[float]]:
    """Return every way of the first three joints: ahead or over the back, elbow up or down."""
    x, y, z = place_mm
    far, up = math.hypot(x, y), z - geometry.shoulder_mm
    facing = math.degrees(math.atan2(y, x)) if far > _ON_AXIS_MM else joints_deg[0]
    upper, lower, aside_deg = _two_links(geometry, joints_deg)
    found = []
    for turn, out in ((facing, far), (facing + _STRAIGHT_DEG, -far)):
        found += [[turn, shoulder, elbow - aside_deg] for shoulder, elbow in _bends(upper, lower, out, up)]
    return found


def _two_links(geometry: Geometry, joints_deg: Sequence[float]) -> tuple[float, float, float]:
    """Return the lengths of the lifted link and of all behind the elbow as one straight piece, and by how much that piece points aside."""
    out, up = _end(geometry.links_mm[2:], _rises([_AHEAD_DEG, 0.0, _STRAIGHT_DEG, *joints_deg[LEAST_JOINTS:]])[1:])
    return geometry.links_mm[1], math.hypot(out, up), math.degrees(math.atan2(up, out))


def _bends(upper: float, lower: float, out: float, up: float) -> list[tuple[float, float]]:
    """Return the angles of shoulder and elbow that bring a two-link chain to (out, up), by the law of cosines; none out of reach."""
    span = math.hypot(out, up)
    if span < _ON_AXIS_MM or not abs(upper - lower) - _ROUND_MM <= span <= upper + lower + _ROUND_MM:
        return []
    inner = math.degrees(math.acos(_unit((upper**2 + lower**2 - span**2) / (2 * upper * lower))))
    lead = math.degrees(math.acos(_unit((upper**2 + span**2 - lower**2) / (2 * upper * span))))
    towards = math.degrees(math.atan2(up, out))
    return [(towards + lead, inner), (towards - lead, 2 * _STRAIGHT_DEG - inner)]


def _unit(cosine: float) -> float:
    return min(max(cosine, -1.0), 1.0)


def _turned(angle_deg: float, limits: tuple[float, float]) -> float:
    """Return the same angle by whole turns nearest to the middle of the limits, without the dust of rounding."""
    middle = sum(limits) / 2
    return round(middle + math.remainder(angle_deg - middle, 360.0), 9)


_AHEAD_DEG, _STRAIGHT_DEG = 90.0, 180.0
_ON_AXIS_MM, _ROUND_MM = 1e-6, 1e-6
