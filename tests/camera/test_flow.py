"""camera 4, 11: how far the view turned, from the pictures of the default world alone."""

import math

import numpy as np
import pytest

from triptych.camera.control import Lens
from triptych.camera.flow import Gauge, agreed, corners, small_grey, turns
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import SceneSource
from triptych.media.sources.sim import VirtualClock

LENS = Lens(view_deg=(60.0, 100 / 3), linear=True)
PX_PER_DEG = 1280 / 60


@pytest.fixture(scope="module")
def scene():
    clock = VirtualClock()
    return SceneSource(SceneOptions(figures=2), clock, wait=clock.wait)


def view(scene, time_s, pan_deg, tilt_deg=0.0):
    left, top = 1280 + round(pan_deg * PX_PER_DEG), 180 - round(tilt_deg * 720 / (100 / 3))
    return scene.draw(time_s)[top : top + 720, left : left + 1280].copy()


def test_a_slow_swing_is_measured_while_people_walk(scene):
    gauge = Gauge(LENS)
    for number in range(0, 120, 2):
        pan_deg = 8 * math.sin(2 * math.pi * number / 120)
        turn = gauge.measure(view(scene, 3 + number / 30, pan_deg, -pan_deg / 2))
        assert (turn.pan_deg, turn.tilt_deg) == pytest.approx((pan_deg, -pan_deg / 2), abs=0.12)
        assert turn.share > 0.3


def test_a_fast_turn_is_added_up_over_many_pictures(scene):
    gauge = Gauge(LENS)
    told = [gauge.measure(view(scene, 3 + number / 30, 4.0 * number - 30)) for number in range(15)]
    assert told[-1].pan_deg == pytest.approx(56.0, abs=0.6)


def test_a_tangent_lens_is_measured_by_its_own_angles():
    """Camera L1: a picture of a room as a tangent lens would bend it, turned by 5 degrees."""
    lens = Lens.of_width(60.0, (1280, 720))
    grid = np.random.default_rng(1).integers(0, 255, (40, 60), np.uint8)

    def picture(pan_deg):
        y, x = np.mgrid[0:720, 0:1280]
        angle = np.degrees(np.arctan(2 * (x / 1280 - 0.5) * math.tan(math.radians(30)))) + pan_deg
        return grid[y // 20, (np.floor(angle / 1.5).astype(int)) % 60][..., None].repeat(3, axis=2)

    gauge = Gauge(lens)
    told = [gauge.measure(picture(float(pan_deg))) for pan_deg in range(6)]
    assert told[-1].pan_deg == pytest.approx(5.0, abs=0.1)


def test_flat_and_noisy_pictures_tell_nothing():
    random = np.random.default_rng(2)
    one, other = (small_grey(random.integers(110, 140, (720, 1280, 3), np.uint8)) for _ in range(2))
    assert len(corners(one)) == 0
    assert agreed(turns(one, other, corners(one), LENS), 0.2) is None
    black = np.zeros((180, 320), np.uint8)
    assert len(corners(black)) == 0
    assert agreed(turns(black, black, corners(black), LENS), 0.2) is None


def test_the_many_that_agree_outvote_the_few():
    told = np.float32([[2.0, 0.1]] * 9 + [[0.0, 0.0]] * 6)
    assert agreed(told, 0.2).pan_deg == pytest.approx(2.0)
    assert agreed(told, 0.2).share == pytest.approx(0.6)
    assert agreed(np.float32([[float(number), 0.0] for number in range(20)]), 0.2) is None
