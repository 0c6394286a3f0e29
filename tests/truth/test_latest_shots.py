"""SHOT_CHANGE_DETECTION, builtin/latest, on cuts and dissolves that were put there (media 4.2)."""

from fractions import Fraction

import numpy as np
import pytest

from triptych.media.sample import Coding, scene, write_clip
from truth.scoring import Analysis, tiles

SIZE = (160, 90)
FPS = 25
LENGTHS = (23, 31, 18, 33)
DISSOLVE = 18


def _mixed(one, other, share):
    return tuple(np.rint(a * (1 - share) + b * share).astype(np.uint8) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Four shots between hard cuts, then a dissolve into a fifth."""
    path = tmp_path_factory.mktemp("shots") / "a.mkv"
    pictures = [scene(number, SIZE, frame // 2) for number, frames in enumerate(LENGTHS) for frame in range(frames)]
    last, following = pictures[-1], scene(50, SIZE)
    pictures += [_mixed(last, following, (step + 1) / (DISSOLVE + 1)) for step in range(DISSOLVE)] + [following] * 20
    write_clip(path, ((Fraction(number, FPS), picture) for number, picture in enumerate(pictures)), [], Coding(video="ffv1", options={}))
    options = {"SHOT_CHANGE_DETECTION": {"model": "builtin/latest"}}
    return Analysis(path, ["SHOT_CHANGE_DETECTION"], options), len(pictures)


def test_hard_cuts_are_found_at_their_frame(case) -> None:
    """media 4.2: at zero frames."""
    found = [int(cut * FPS) for cut in case[0].cuts()]
    assert found[:3] == np.cumsum(LENGTHS)[:3].tolist()


def test_a_dissolve_is_one_boundary_inside_itself(case) -> None:
    """media 4.2: the boundary lies inside the transition."""
    (boundary,) = [int(cut * FPS) for cut in case[0].cuts()][3:]
    assert sum(LENGTHS) <= boundary <= sum(LENGTHS) + DISSOLVE


def test_the_shots_are_contiguous(case) -> None:
    analysis, count = case
    assert tiles(analysis.items["SHOT_CHANGE_DETECTION"], "0.000000s", f"{count / FPS:.6f}s")
