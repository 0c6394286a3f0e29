"""The face detector, by both runtimes; tests/camera/test_faces.py runs it over the generated world."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from media.scenes import HOPPER_FACE, backdrop, hopper, portrait
from triptych.media.senses.faces import BlazeFace, make, tiles
from triptych.media.slots import need


@pytest.fixture(scope="module", params=[True, False], ids=["litert", "opencv"])
def detector(request) -> BlazeFace:
    return make(need("face", Path("/nonexistent")).read(), fast=request.param)


def test_a_face_is_found_where_it_is(detector) -> None:
    (face,) = detector.find(hopper())
    high, wide = hopper().shape[:2]
    told = (face.left * wide, face.top * high, face.right * wide, face.bottom * high)
    np.testing.assert_allclose(told, HOPPER_FACE, atol=25)
    assert face.score >= 0.5


def test_both_runtimes_find_the_same() -> None:
    weights = need("face", Path("/nonexistent")).read()
    (one,), (other,) = (make(weights, fast=fast).find(portrait()) for fast in (True, False))
    assert one.left == pytest.approx(other.left, abs=0.01)
    assert one.score == pytest.approx(other.score, abs=0.05)


def test_a_picture_without_faces_has_none(detector) -> None:
    assert detector.find(backdrop(640, 360)) == ()


@pytest.mark.parametrize(("width", "height", "count"), [(1280, 720, 2), (640, 480, 1), (480, 640, 1), (1920, 1080, 2), (3840, 1080, 5)])
def test_tiles_cover_the_picture_and_each_holds_the_heads_it_owns(width: int, height: int, count: int) -> None:
    parts = tiles(width, height)
    assert len(parts) == count
    assert parts[0].left == 0.0
    assert parts[-1].left + parts[-1].span == pytest.approx(width)
    for one, other in itertools.pairwise(parts):
        assert one.owns[1] > other.owns[0]
        assert one.left + one.span - one.owns[1] > height * 0.19
        assert other.owns[0] - other.left > height * 0.19
