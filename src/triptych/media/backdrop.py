"""Draws the room of the generated world: a long sunlit hall with windows, shelves, pictures and plants."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.media.world import HEIGHT_PX, PILLAR_PX, PX_PER_DEG, WIDTH_PX

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
PILLAR_PARTS = ((PILLAR_PX[0], 0, PILLAR_PX[1], 880), (PILLAR_PX[0] - 20, 836, PILLAR_PX[1] + 20, 880))
"""Rectangles (left, top, right, bottom) in world pixels that hide what stands behind the pillar."""


@lru_cache(maxsize=1)
def paint(seed: int = 7) -> Picture:
    """Return the empty room: (1080, 3840, 3) uint8 BGR, origin top left, read-only; the same for the same seed."""
    random = np.random.default_rng(seed)
    room = _wall(random)
    _floor(room, random)
    for left in _WINDOWS_PX:
        _window(room, left, random)
    for left in _SHELVES_PX:
        _shelf(room, left, random)
    for number, left in enumerate(_PICTURES_PX):
        _picture(room, left, number)
    for x in range(160, WIDTH_PX, 640):
        _lamp(room, x)
    for left in _BENCHES_PX:
        _bench(room, left)
    for x in _PLANTS_PX:
        _plant(room, x, random)
    _pillar(room)
    room = _grain(room, random)
    room.flags.writeable = False
    return room


def _wall(random: np.random.Generator) -> Picture:
    down = np.linspace(0, 1, HEIGHT_PX, dtype=np.float32)[:, None, None]
    across = np.cos(np.linspace(-1.2, 1.2, WIDTH_PX, dtype=np.float32))[None, :, None]
    tone = np.array((196, 212, 222), np.float32) * (1.04 - 0.12 * down) * (0.86 + 0.14 * across)
    patches = cv2.resize(random.normal(0, 1, (34, 120)).astype(np.float32), (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    room = np.clip(tone + 2.2 * patches[..., None], 0, 255).astype(np.uint8)
    cv2.rectangle(room, (0, 0), (WIDTH_PX, 46), (150, 158, 162), -1)
    cv2.rectangle(room, (0, 46), (WIDTH_PX, 54), (226, 232, 236), -1)
    cv2.rectangle(room, (0, _FLOOR_PX - 26), (WIDTH_PX, _FLOOR_PX), (232, 236, 238), -1)
    cv2.line(room, (0, _FLOOR_PX - 27), (WIDTH_PX, _FLOOR_PX - 27), (168, 176, 182), 2)
    return room


def _floor(room: Picture, random: np.random.Generator) -> None:
    """Lay boards that grow towards the viewer."""
    top, depth = _FLOOR_PX, 13.0
    while top < HEIGHT_PX:
        bottom = min(HEIGHT_PX, round(top + depth))
        x = -int(random.integers(0, 300))
        while x < WIDTH_PX:
            right = x + int(depth * random.uniform(9, 15))
            wood = tuple(float(part) for part in np.array((96, 136, 172)) * random.uniform(0.86, 1.06))
            cv2.rectangle(room, (x, top), (right, bottom), wood, -1)
            cv2.line(room, (right, top), (right, bottom), (66, 96, 124), 1)
            x = right
        cv2.line(room, (0, top), (WIDTH_PX, top), (70, 100, 130), 1)
        top, depth = bottom, depth * 1.17


def _window(room: Picture, left: int, random: np.random.Generator) -> None:
    width, top, bottom = 300, 120, 560
    cv2.rectangle(room, (left - 14, top - 14), (left + width + 14, bottom + 14), (240, 243, 245), -1)
    sky = np.linspace((226, 176, 118), (244, 228, 206), bottom - top)[:, None, :]
    room[top:bottom, left : left + width] = sky.astype(np.uint8)
    cloud = left + int(random.integers(60, 220)), top + int(random.integers(60, 130))
    for aside, size in ((-34, 16), (-8, 24), (20, 19)):
        cv2.circle(room, (cloud[0] + aside, cloud[1] - size // 2), size, (250, 246, 240), -1, cv2.LINE_AA)
    x = left
    while x < left + width:
        right = min(left + width, x + int(random.integers(26, 56)))
        roof = bottom - int(random.integers(60, 210))
        grey = int(random.integers(150, 190))
        cv2.rectangle(room, (x, roof), (right, bottom), (grey + 18, grey, grey - 22), -1)
        for floor in range(roof + 14, bottom - 10, 26):
            cv2.line(room, (x + 6, floor), (right - 6, floor), (grey + 44, grey + 34, grey + 10), 4)
        x = right
    cv2.rectangle(room, (left, bottom - 40), (left + width, bottom), (96, 150, 112), -1)
    for bar in (left + width // 3, left + 2 * width // 3):
        cv2.line(room, (bar, top), (bar, bottom), (240, 243, 245), 9)
    cv2.line(room, (left, top + 150), (left + width, top + 150), (240, 243, 245), 9)
    cv2.rectangle(room, (left - 30, bottom + 14), (left + width + 30, bottom + 30), (216, 222, 226), -1)
    _sunlight(room, left, width)


def _sunlight(room: Picture, left: int, width: int) -> None:
    corners = [(left - 30, 770), (left + width - 60, 770), (left + width - 200, 980), (left - 240, 980)]
    light = np.zeros(room.shape[:2], np.uint8)
    cv2.fillConvexPoly(light, np.array(corners, np.int32), 255)
    rows = slice(_FLOOR_PX, HEIGHT_PX)
    columns = slice(max(0, left - 260), min(WIDTH_PX, left + width))
    soft = cv2.GaussianBlur(light[rows, columns], (0, 0), 7).astype(np.float32)[..., None] / 255
    lit = room[rows, columns] + soft * np.array((22, 34, 42), np.float32)
    room[rows, columns] = np.clip(lit, 0, 255).astype(np.uint8)


def _shelf(room: Picture, left: int, random: np.random.Generator) -> None:
    width, top, bottom = 270, 210, _FLOOR_PX + 22
    cv2.rectangle(room, (left, top), (left + width, bottom), (62, 92, 124), -1)
    cv2.rectangle(room, (left + 12, top + 12), (left + width - 12, bottom - 14), (44, 64, 88), -1)
    for board in range(top + 110, bottom - 20, 98):
        x = left + 16
        while x < left + width - 40:
            thick, high = int(random.integers(11, 25)), int(random.integers(52, 82))
            if random.random() < _GAP:
                x += 2 * thick
                continue
            cover = _COVERS[int(random.integers(len(_COVERS)))]
            cv2.rectangle(room, (x, board - high), (x + thick, board), cover, -1)
            cv2.line(room, (x + thick, board - high), (x + thick, board), (36, 44, 54), 1)
            cv2.line(room, (x + 3, board - high + 12), (x + thick - 3, board - high + 12), (196, 214, 222), 2)
            x += thick + 1
        cv2.rectangle(room, (left + 8, board), (left + width - 8, board + 9), (74, 108, 142), -1)


def _picture(room: Picture, left: int, number: int) -> None:
    width, height, top = (190, 250, 190) if number else (250, 180, 240)
    right, bottom = left + width, top + height
    cv2.rectangle(room, (left + 8, top + 10), (right + 8, bottom + 10), (168, 182, 192), -1)
    cv2.rectangle(room, (left, top), (right, bottom), (52, 58, 66), -1)
    cv2.rectangle(room, (left + 10, top + 10), (right - 10, bottom - 10), (236, 240, 242), -1)
    inner = room[top + 26 : bottom - 26, left + 26 : right - 26]
    first, second, third = (_COVERS[(number + step) % len(_COVERS)] for step in (0, 3, 5))
    inner[:] = first
    high, wide = inner.shape[:2]
    peaks = [(0, high), (wide // 3, high // 3), (wide // 2, high * 3 // 5), (wide * 3 // 4, high // 5), (wide, high * 3 // 4), (wide, high)]
    cv2.fillPoly(inner, [np.array(peaks, np.int32)], second, cv2.LINE_AA)
    cv2.fillPoly(inner, [np.array([(0, high), (0, high * 3 // 4), (wide, high * 9 // 10), (wide, high)], np.int32)], third, cv2.LINE_AA)


def _lamp(room: Picture, x: int) -> None:
    cv2.line(room, (x, 46), (x, 110), (60, 66, 72), 3, cv2.LINE_AA)
    shade = np.array([(x - 14, 108), (x + 14, 108), (x + 52, 152), (x - 52, 152)], np.int32)
    cv2.fillConvexPoly(room, shade, (58, 92, 150), cv2.LINE_AA)
    cv2.ellipse(room, (x, 152), (50, 9), 0, 0, 360, (196, 238, 255), -1, cv2.LINE_AA)


def _plant(room: Picture, x: int, random: np.random.Generator) -> None:
    floor = 778
    cv2.ellipse(room, (x, floor), (70, 12), 0, 0, 360, (78, 108, 136), -1, cv2.LINE_AA)
    for _ in range(46):
        angle, length = random.uniform(-170, -10), random.uniform(50, 150)
        tip = np.radians(angle)
        centre = (round(x + 0.62 * length * np.cos(tip)), round(floor - 110 + 1.1 * length * np.sin(tip)))
        green = tuple(float(part) for part in np.array((74, 138, 74)) * random.uniform(0.6, 1.25))
        cv2.line(room, (x, floor - 90), centre, (58, 96, 62), 2, cv2.LINE_AA)
        cv2.ellipse(room, centre, (round(length * 0.3), 11), float(angle), 0, 360, green, -1, cv2.LINE_AA)
    pot = np.array([(x - 50, floor - 100), (x + 50, floor - 100), (x + 36, floor), (x - 36, floor)], np.int32)
    cv2.fillConvexPoly(room, pot, (70, 96, 186), cv2.LINE_AA)
    cv2.rectangle(room, (x - 55, floor - 112), (x + 55, floor - 92), (82, 112, 204), -1)


def _bench(room: Picture, left: int) -> None:
    for leg in (left + 24, left + 300):
        cv2.rectangle(room, (leg, 690), (leg + 16, 752), (64, 68, 72), -1)
    for slat in range(3):
        cv2.rectangle(room, (left, 610 + 22 * slat), (left + 340, 624 + 22 * slat), (80, 128, 176), -1)
    cv2.rectangle(room, (left - 8, 684), (left + 348, 702), (92, 142, 190), -1)


def _pillar(room: Picture) -> None:
    for left, top, right, bottom in PILLAR_PARTS:
        across = np.linspace(-1, 1, right - left, dtype=np.float32)
        light = 0.66 + 0.36 * np.sqrt(np.clip(1 - (across + 0.3) ** 2 / 1.7, 0, 1)) + 0.03 * np.cos(across * 30)
        room[top:bottom, left:right] = np.clip(np.array((204, 214, 222), np.float32) * light[None, :, None], 0, 255).astype(np.uint8)
    left, top, right, bottom = PILLAR_PARTS[1]
    cv2.line(room, (left, top), (right, top), (150, 160, 168), 3)
    cv2.ellipse(room, ((left + right) // 2, bottom), ((right - left) // 2 + 20, 12), 0, 0, 180, (70, 98, 126), -1, cv2.LINE_AA)


def _grain(room: Picture, random: np.random.Generator) -> Picture:
    """Add the faint texture of real surfaces, which also gives a calibration run something to hold on to."""
    noise = random.integers(-4, 5, (HEIGHT_PX, WIDTH_PX), dtype=np.int16)
    grained: Picture = np.clip(room.astype(np.int16) + noise[..., None], 0, 255).astype(np.uint8)
    return grained


def _columns(*pan_deg: float) -> tuple[int, ...]:
    return tuple(round(WIDTH_PX / 2 + pan * PX_PER_DEG[0]) for pan in pan_deg)


_FLOOR_PX = 690
_GAP = 0.12
_WINDOWS_PX = _columns(-72, -24, 8, 56)
_SHELVES_PX = _columns(-88, -40, 25.5, 74)
_PICTURES_PX = _columns(-54, -6.5, 46.2)
_PLANTS_PX = _columns(-57.5, -26.5, 23.5, 72)
_BENCHES_PX = _columns(-73, -7, 55)
_COVERS: tuple[Colour, ...] = (
    (64, 84, 176),
    (150, 116, 58),
    (88, 140, 88),
    (70, 160, 208),
    (120, 84, 120),
    (176, 168, 150),
    (58, 66, 78),
    (128, 150, 190),
)
