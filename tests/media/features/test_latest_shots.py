"""SHOT_CHANGE_DETECTION, builtin/latest, beside its network; tests/truth measures with it."""

from collections import deque
from fractions import Fraction

import numpy as np
import pytest

from triptych.media.features.latest_shots import LatestShots, as_rgb, detector
from triptych.media.features.shots import Shots
from triptych.media.options import ShotOptions


def test_the_option_names_the_detector() -> None:
    assert isinstance(detector(ShotOptions()), Shots)
    assert isinstance(detector(ShotOptions(model="builtin/latest")), LatestShots)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [((16, 128, 128), (0, 0, 0)), ((235, 128, 128), (255, 255, 255)), ((63, 102, 240), (255, 1, 0)), ((173, 42, 26), (0, 255, 1))],
)
def test_codes_become_the_colours_of_bt_709(codes, expected) -> None:
    thumb = np.stack([np.full((27, 48), code, np.uint8) for code in codes])
    assert np.abs(as_rgb(thumb)[0, 0].astype(int) - expected).max() <= 2


def _edges(likely, **options):
    """Judge pictures a second apart and return where shots begin."""
    shots = LatestShots(ShotOptions(model="builtin/latest", **options))
    shots._edges = [Fraction(0)]
    shots._waiting = deque(Fraction(number) for number in range(len(likely)))
    shots._judge(np.array(likely, np.float32))
    return shots._edges[1:]


def test_a_shot_begins_behind_the_picture_of_a_cut_and_behind_the_middle_of_a_dissolve() -> None:
    assert _edges([0, 0, 0.9, 0, 0]) == [3]
    assert _edges([0, 0.6, 0.7, 0.9, 0.8, 0.6, 0]) == [4]


def test_a_shot_shorter_than_asked_is_none() -> None:
    assert _edges([0, 0.9, 0, 0.9, 0, 0, 0.9, 0], minShotLength=3) == [4, 7]
