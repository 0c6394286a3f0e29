from itertools import pairwise

import cv2
import numpy as np
import pytest

from triptych.media.fields import Fields, compared
from triptych.media.sample import scene

SIZE = (240, 120)
PULLDOWN = ((0, 0), (1, 1), (1, 2), (2, 3), (3, 3))
"""Which of four film pictures the top and the bottom field of five video pictures come from."""


def moved(number, shift, *, upright=False, size=SIZE):
    """Return the luma of a scene moved by a fraction of a pixel, to the left or upwards."""
    whole = scene(number, (size[0] + 200, size[1] + 200))[0]
    move = np.array([[1, 0, -shift * (not upright)], [0, 1, -shift * upright]], np.float32)
    return cv2.warpAffine(whole, move, size, flags=cv2.INTER_LINEAR)


def woven(top, bottom):
    picture = top.copy()
    picture[1::2] = bottom[1::2]
    return picture


def filmed(scan, number, count, speed, *, upright=False, size=SIZE):
    """Return `count` lumas of a scene that moves `speed` pixels a picture, scanned in one of four ways."""

    def at(time):
        return moved(number, speed * time, upright=upright, size=size)

    if scan == "telecine":
        film = [PULLDOWN[place % 5] for place in range(count)]
        return [woven(at(1.25 * (place // 5 * 4 + top)), at(1.25 * (place // 5 * 4 + bottom))) for place, (top, bottom) in enumerate(film)]
    late = {"progressive": (0, 0), "tff": (0, 0.5), "bff": (0.5, 0)}[scan]
    return [woven(at(place + late[0]), at(place + late[1])) for place in range(count)]


def _verdicts(pictures, noise=0.0):
    dice = np.random.default_rng(2)
    noisy = [np.clip(picture + np.rint(dice.normal(0, noise, picture.shape)), 0, 255).astype(np.uint8) for picture in pictures]
    return [compared(now, then, 1).verdict() for now, then in pairwise(noisy)]


@pytest.mark.parametrize("noise", [0.0, 2.0])
@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("speed", [4, 7.5, 15])
@pytest.mark.parametrize("scan", ["progressive", "tff", "bff"])
def test_every_moving_pair_is_told(scan, speed, upright, noise) -> None:
    """media 4.3 INTERLACE: made from known motion."""
    assert set(_verdicts(filmed(scan, 3, 6, speed, upright=upright), noise)) == {scan}


@pytest.mark.parametrize("speed", [4, 7.5, 15])
def test_three_of_five_pairs_of_pulldown_tell(speed) -> None:
    assert _verdicts(filmed("telecine", 3, 11, speed)) == ["progressive", "telecine", "telecine", "telecine", "progressive"] * 2


def test_a_static_picture_tells_nothing_even_with_noise() -> None:
    """media 4.3 INTERLACE: undetermined (static)."""
    still = [moved(3, 0)] * 3
    assert _verdicts(still) == [None, None]
    assert _verdicts(still, noise=1.0) == [None, None]


def test_ten_bit_measures_like_eight() -> None:
    now, then = filmed("tff", 3, 2, 6)
    deep = compared(now.astype(np.uint16) * 4, then.astype(np.uint16) * 4, 4)
    assert deep == pytest.approx(compared(now, then, 1), abs=1e-5)


def test_an_odd_height_leaves_its_last_line_out() -> None:
    now, then = (np.vstack([picture, picture[-1:]]) for picture in filmed("bff", 3, 2, 6))
    assert compared(now, then, 1) == compared(now[:-1], then[:-1], 1)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        (Fields(0.3, 0.3, 0.0, 0.0), "progressive"),
        (Fields(0.3, 0.3, -0.5, 0.5), "tff"),
        (Fields(0.3, 0.3, 0.5, -0.2), "bff"),
        (Fields(0.3, 0.3, 0.5, 0.5), None),
        (Fields(0.3, 0.02, 0.0, 0.5), "telecine"),
        (Fields(0.3, 0.3, -1.0, 1.0), "telecine"),
        (Fields(0.001, 0.001, 0.0, 0.0), None),
    ],
)
def test_a_verdict_is_drawn_from_when_the_fields_were_taken(fields, verdict) -> None:
    assert fields.verdict() == verdict
