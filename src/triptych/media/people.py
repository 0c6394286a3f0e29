"""Draws the people of the generated world: shaded heads that a face detector takes for faces, and bodies that walk."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]
Colour = tuple[int, int, int]
STRIDES = 8
"""Pictures of one walking cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a person looks; colours are BGR."""

    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour
    long_hair: bool = False


LOOKS = (
    Look(skin=(160, 190, 236), hair=(38, 56, 84), shirt=(178, 108, 38), trousers=(92, 62, 48)),
    Look(skin=(128, 166, 218), hair=(26, 26, 34), shirt=(72, 72, 206), trousers=(70, 76, 84), long_hair=True),
    Look(skin=(104, 142, 196), hair=(22, 24, 30), shirt=(96, 158, 64), trousers=(48, 60, 92)),
    Look(skin=(170, 198, 240), hair=(48, 104, 168), shirt=(64, 176, 226), trousers=(110, 84, 58), long_hair=True),
    Look(skin=(146, 180, 228), hair=(30, 40, 110), shirt=(150, 90, 130), trousers=(60, 60, 60)),
    Look(skin=(92, 128, 182), hair=(18, 20, 26), shirt=(200, 190, 176), trousers=(120, 92, 60), long_hair=True),
    Look(skin=(164, 194, 238), hair=(132, 132, 136), shirt=(86, 110, 60), trousers=(54, 72, 96)),
    Look(skin=(136, 172, 222), hair=(34, 48, 70), shirt=(140, 150, 40), trousers=(84, 70, 62)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprite:
    """A picture to lay over another: `colour` (H, W, 3) uint8 BGR times its opacity, `clear` (H, W, 3) uint8 255 minus the opacity.

    `anchor` is the pixel (x, y) of the sprite that comes to lie on the point where it is laid.
    """

    colour: NDArray[np.uint8]
    clear: NDArray[np.uint8]
    anchor: tuple[int, int]


def lay(canvas: NDArray[np.uint8], sprite: Sprite, x_px: float, y_px: float) -> tuple[slice, slice] | None:
    """Lay `sprite` over `canvas` (H, W, 3) uint8 BGR, its anchor at (x, y); return the (rows, columns) touched, None if none."""
    height, width = sprite.colour.shape[:2]
    left, top = round(x_px) - sprite.anchor[0], round(y_px) - sprite.anchor[1]
    rows = slice(max(top, 0), min(top + height, canvas.shape[0]))
    columns = slice(max(left, 0), min(left + width, canvas.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    part = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    under = canvas[rows, columns]
    cv2.multiply(under, sprite.clear[part], dst=under, scale=1 / 255)
    cv2.add(under, sprite.colour[part], dst=under)
    return rows, columns


@cache
def head(look: int, radius_px: int, turn: int = 0) -> Sprite:
    """Return the head of a look, `radius_px` half its height, turned left (-1), to us (0) or right (1); its anchor is its centre."""
    bust = _Bust(LOOKS[look % len(LOOKS)], turn)
    bust.paint()
    return _shrink(bust.picture, bust.opacity, radius_px / _FINE_PX, bust.centre)


@cache
def body(look: int, radius_px: int, stride: int, turn: int = 0) -> Sprite:
    """Return the body under a head of `radius_px`, in picture `stride` (0 to 7) of a walk; its anchor is the centre of the head."""
    side = -1 if turn < 0 else 1
    frame = _Frame(LOOKS[look % len(LOOKS)])
    frame.paint(stride / STRIDES if turn else None, side)
    return _shrink(frame.picture, frame.opacity, radius_px / _COARSE_PX, frame.centre)


@cache
def ball(radius_px: int, rolled_deg: float) -> Sprite:
    """Return an orange and white beach ball, rolled `rolled_deg` clockwise and lit from the upper left; its anchor is its centre."""
    fine = 4 * radius_px
    rows, columns = np.mgrid[-1.7 : 1.7 : 1j * round(1.7 * fine), -1.7 : 1.7 : 1j * round(1.7 * fine)].astype(np.float32)
    inside = _edge(1 - np.hypot(columns, rows), 0.03)
    sectors = np.sin(3 * (np.arctan2(rows, columns) - np.radians(rolled_deg)))
    stripes = _edge(sectors, 0.12)[..., None] * np.array((10, 118, 255), np.float32)
    picture = stripes + (1 - _edge(sectors, 0.12))[..., None] * np.array((236, 244, 250), np.float32)
    picture *= (1.06 - 0.5 * np.hypot(columns + 0.35, rows + 0.45) ** 1.6 / 2.2)[..., None] * inside[..., None]
    shadow = 0.4 * np.exp(-((columns / 0.95) ** 2) - ((rows - 1.05) / 0.16) ** 2)
    return _shrink(
        picture / np.maximum(np.maximum(inside, shadow), 0.01)[..., None],
        np.maximum(inside, shadow),
        2 / 4,
        (1.7 * fine / 2, 1.7 * fine / 2),
    )


def _shrink(picture: NDArray[np.float32], opacity: Plane, scale: float, centre: tuple[float, float]) -> Sprite:
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    colour = cv2.resize(picture * opacity[..., None], size, interpolation=cv2.INTER_AREA)
    clear = np.clip(cv2.resize(255 - 255 * opacity, size, interpolation=cv2.INTER_AREA), 0, 255).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(255 - clear)
    area = slice(top, top + height), slice(left, left + width)
    return Sprite(
        colour=np.ascontiguousarray(np.clip(colour[area], 0, 255).astype(np.uint8)),
        clear=np.repeat(clear[area][..., None], 3, axis=2),
        anchor=(round(centre[0] * scale) - left, round(centre[1] * scale) - top),
    )


class _Bust:
    """A head in its own units: u to the right and v down from its centre, 1 = half its height."""

    def __init__(self, look: Look, turn: int) -> None:
        self.look, self.turn = look, turn
        height, width = round(2.7 * _FINE_PX), round(2.3 * _FINE_PX)
        self.centre = (width / 2, height / 2)
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        self.u: Plane = (columns - self.centre[0]) / _FINE_PX
        self.v: Plane = (rows - self.centre[1]) / _FINE_PX
        self.picture = np.zeros((height, width, 3), np.float32)
        self.opacity: Plane = np.zeros((height, width), np.float32)
        narrowing = 0.76 - 0.1 * np.clip(self.v, 0, 1) ** 2
        self.face = _edge(1 - np.hypot(self.u / narrowing, self.v), 0.02)
        self.shift = 0.09 * turn

    def paint(self) -> None:
        """Paint from back to front."""
        self._hair_behind()
        self._skin()
        for side in (-1, 1):
            self._eye(0.31 * side + self.shift)
        self._nose()
        self._mouth()
        self._hair_before()

    def _put(self, mask: Plane, colour: Colour, part: float = 1.0) -> None:
        self.picture += (np.array(colour, np.float32) * part - self.picture) * mask[..., None]
        np.maximum(self.opacity, mask, out=self.opacity)

    def _spot(self, u: float, v: float, size: tuple[float, float], darker: float) -> None:
        soft = np.exp(-(((self.u - u) / size[0]) ** 2) - ((self.v - v) / size[1]) ** 2) * self.face
        self.picture *= 1 - darker * soft[..., None]

    def _ellipse(self, u: float, v: float, size: tuple[float, float], power: float = 2.0) -> Plane:
        reach = (np.abs((self.u - u) / size[0]) ** power + np.abs((self.v - v) / size[1]) ** power) ** (1 / power)
        return _edge(1 - reach, 0.02 / min(size))

    def _curve(self, u: float, v: float, size: tuple[float, float], bend: float) -> Plane:
        """Return a lens-shaped stroke; `bend` above 0 turns its ends up."""
        along = (self.u - u) / size[0]
        return _edge(1 - np.sqrt(along**4 + ((self.v - v + bend * (self.u - u) ** 2) / size[1]) ** 2), 0.1)

    def _hair_behind(self) -> None:
        self._put(self._ellipse(0, -0.12, (0.86, 0.95)), self.look.hair, 0.8)
        if self.look.long_hair:
            self._put(self._ellipse(0, 0.25, (0.92, 0.95), 3.0), self.look.hair, 0.75)
        else:
            for side in (-1, 1):
                self._put(self._ellipse(0.77 * side - self.shift / 3, 0.05, (0.1, 0.2)), self.look.skin, 0.8)

    def _skin(self) -> None:
        across, down = self.u / 0.76, self.v
        depth = np.sqrt(np.clip(1 - 0.8 * across**2 - 0.7 * down**2, 0.02, 1))
        lit = np.clip(-0.35 * across - 0.45 * down + 0.82 * depth, 0, 1)
        skin = np.array(self.look.skin, np.float32) * (0.62 + 0.45 * lit)[..., None]
        self.picture += (skin - self.picture) * self.face[..., None]
        np.maximum(self.opacity, self.face, out=self.opacity)
        for side in (-1, 1):
            blush = 0.2 * np.exp(-(((self.u - 0.4 * side - self.shift) / 0.2) ** 2) - ((self.v - 0.28) / 0.16) ** 2) * self.face
            self._put(blush, (120, 120, 225))

    def _eye(self, u: float) -> None:
        self._spot(u, -0.1, (0.24, 0.15), 0.46)
        white = self._ellipse(u, -0.08, (0.145, 0.08), 1.8)
        glance = u + 0.3 * self.shift
        self._put(white, (240, 238, 235))
        self._put(np.minimum(self._ellipse(glance, -0.08, (0.072, 0.078)), white), (70, 58, 42))
        self._put(np.minimum(self._ellipse(glance, -0.08, (0.036, 0.036)), white), (12, 12, 12))
        self._put(self._ellipse(glance - 0.02, -0.105, (0.016, 0.016)), (250, 250, 250))
        lid = self._ellipse(u, -0.1, (0.165, 0.088), 1.8) - self._ellipse(u, -0.066, (0.16, 0.085), 1.8)
        self._put(np.clip(lid, 0, 1) * _edge(-0.06 - self.v, 0.02), (36, 32, 30))
        self._put(self._curve(u, -0.28, (0.2, 0.05), -0.9), self.look.hair, 0.45)

    def _nose(self) -> None:
        middle = 1.3 * self.shift
        self._spot(middle + 0.05, 0.16, (0.06, 0.2), 0.14)
        ridge = 0.14 * np.exp(-(((self.u - middle + 0.02) / 0.05) ** 2) - ((self.v - 0.1) / 0.18) ** 2) * self.face
        self._put(ridge, (255, 255, 255))
        self._spot(middle, 0.31, (0.15, 0.06), 0.4)
        for side in (-0.065, 0.065):
            self._spot(middle + side, 0.3, (0.035, 0.022), 0.5)

    def _mouth(self) -> None:
        middle = 1.1 * self.shift
        self._put(self._curve(middle, 0.55, (0.26, 0.07), 1.1), (78, 74, 168))
        self._put(self._curve(middle, 0.545, (0.21, 0.033), 1.1), (232, 232, 228))
        self._spot(middle, 0.7, (0.2, 0.04), 0.2)

    def _hair_before(self) -> None:
        line = -0.5 - 0.12 * np.cos(2.2 * self.u + 0.8) + 0.5 * np.abs(self.u) ** 3
        fringe = _edge(line - self.v, 0.03) * self._ellipse(-self.shift / 3, -0.1, (0.85, 0.98))
        strands = 0.95 + 0.08 * np.sin(46 * self.u + 7 * self.v) - 0.3 * (self.u + 0.2) * (self.v + 0.9)
        hair = np.array(self.look.hair, np.float32) * (1.15 * strands)[..., None]
        self.picture += (hair - self.picture) * fringe[..., None]
        np.maximum(self.opacity, fringe, out=self.opacity)


class _Frame:
    """A body in units of the head's radius: x to the right and y down from the centre of the head."""

    def __init__(self, look: Look) -> None:
        self.look = look
        height, width = round(9.6 * _COARSE_PX), round(5.4 * _COARSE_PX)
        self.centre = (width / 2, 0.25 * _COARSE_PX)
        self.picture = np.zeros((height, width, 3), np.float32)
        self.opacity: Plane = np.zeros((height, width), np.float32)

    def paint(self, stride: float | None, side: int) -> None:
        """Paint from back to front; `stride` None stands still, else 0 to 1 of a walk to `side` (-1 left, 1 right)."""
        swing = 0.0 if stride is None else float(np.sin(2 * np.pi * stride))
        lift = 0.0 if stride is None else float(np.cos(2 * np.pi * stride)) * side
        self._shadow()
        self._arm(1, swing, 0.78)
        self._leg(-1, -swing, max(0.0, -lift) * side, 0.8)
        self._leg(1, swing, max(0.0, lift) * side, 1.0)
        self._torso()
        self._arm(-1, -swing, 0.92)

    def _shadow(self) -> None:
        columns = (np.arange(self.opacity.shape[1], dtype=np.float32) - self.centre[0]) / _COARSE_PX
        rows = (np.arange(self.opacity.shape[0], dtype=np.float32) - self.centre[1]) / _COARSE_PX
        reach = np.hypot(columns[None, :] / 1.7, (rows[:, None] - 8.5) / 0.3)
        self.opacity = 0.4 * _edge(1 - reach, 0.5)

    def _leg(self, side: int, swing: float, lift: float, part: float) -> None:
        hip = (0.42 * side, 4.3)
        knee = (hip[0] + 0.85 * swing + 0.25 * lift, 6.25 - 0.12 * abs(lift))
        foot = (hip[0] + 1.6 * swing - 0.35 * lift, 8.15 - 0.55 * abs(lift))
        self._limb([hip, knee, foot], 0.74, self.look.trousers, part)
        self._limb([foot, (foot[0] + 0.28 * side, foot[1] + 0.1)], 0.5, (44, 40, 40), part)

    def _arm(self, side: int, swing: float, part: float) -> None:
        shoulder = (1.12 * side, 2.0)
        elbow = (1.38 * side - 0.5 * swing, 3.35)
        hand = (1.34 * side - 1.15 * swing, 4.5 - 0.25 * abs(swing))
        self._limb([elbow, hand], 0.4, self.look.skin, part)
        self._limb([shoulder, elbow, _between(elbow, hand, 0.55)], 0.56, self.look.shirt, part)

    def _torso(self) -> None:
        self._limb([(0, 0.6), (0, 1.7)], 0.66, self.look.skin, 0.8)
        self._solid(_torso_mask(self.opacity.shape[0], self.opacity.shape[1], self.centre), self.look.shirt, 1.0, 0.7)
        self._limb([(-0.3, 1.4), (0, 1.62), (0.3, 1.4)], 0.14, self.look.shirt, 0.6)

    def _limb(self, joints: list[tuple[float, float]], thick: float, colour: Colour, part: float) -> None:
        mask = np.zeros(self.opacity.shape, np.uint8)
        line = np.array([self._point(*joint) for joint in joints], np.int32)
        cv2.polylines(mask, [line], isClosed=False, color=255, thickness=max(1, round(thick * _COARSE_PX)))
        self._solid(mask, colour, part, thick / 2)

    def _solid(self, mask: NDArray[np.uint8], colour: Colour, part: float, deep: float) -> None:
        """Lay a rounded shape: lit from the left, darker towards its edges."""
        left, top, width, height = cv2.boundingRect(mask)
        area = slice(top, top + height), slice(left, left + width)
        shape = cv2.copyMakeBorder(mask[area], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        inside = cv2.distanceTransform(cv2.inRange(shape, 128, 255), cv2.DIST_L2, 3)[1:-1, 1:-1].astype(np.float32) / np.float32(
            deep * _COARSE_PX
        )
        slope = cv2.Sobel(cv2.blur(inside, (15, 15)), cv2.CV_32F, 1, 0)
        light = part * (0.7 + 0.3 * np.clip(inside, 0, 1) + np.clip(0.8 * slope, -0.12, 0.12))
        cover = mask[area].astype(np.float32) / 255
        picture = self.picture[area]
        picture += (np.array(colour, np.float32) * light[..., None] - picture) * cover[..., None]
        self.opacity[area] = np.maximum(self.opacity[area], cover)

    def _point(self, x: float, y: float) -> tuple[int, int]:
        return round(self.centre[0] + x * _COARSE_PX), round(self.centre[1] + y * _COARSE_PX)


@cache
def _torso_mask(height: int, width: int, centre: tuple[float, float]) -> NDArray[np.uint8]:
    """Return the outline of a shirt, its corners rounded, filled with 255."""
    mask = np.zeros((height, width), np.uint8)
    corners = np.array(_TORSO) * _COARSE_PX + np.array(centre)
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (33, 33))), np.uint8)


def _edge(inside: Plane, soft: float) -> Plane:
    """Return 1 where `inside` is above 0 and 0 below, with an edge `soft` wide."""
    edge: Plane = np.clip(inside / soft + 0.5, 0, 1).astype(np.float32)
    return edge


def _between(start: tuple[float, float], end: tuple[float, float], part: float) -> tuple[float, float]:
    return start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1])


_FINE_PX = 120
_COARSE_PX = 64
_TORSO = (
    (-0.5, 1.35),
    (0.5, 1.35),
    (1.2, 1.65),
    (1.32, 2.2),
    (1.04, 3.4),
    (0.98, 4.6),
    (-0.98, 4.6),
    (-1.04, 3.4),
    (-1.32, 2.2),
    (-1.2, 1.65),
)
