"""dlib's descriptors on the faces that our own detector finds, over two real persons and over the drawn figures (camera 9)."""

from datetime import timedelta
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from media.scenes import backdrop, hopper, place_head, place_hopper
from portraits import hoppers, man, men
from triptych.camera.faces import open_detector
from triptych.camera.persons.describer import Describer
from triptych.camera.persons.matching import ALIKE, Enrolled, match
from triptych.contracts import Frame


@pytest.fixture(scope="module")
def describe():
    describer, detector = Describer(Path("/nonexistent")), open_detector()

    def described(picture):
        (face, *_) = detector.find(Frame(number=0, captured=timedelta(0), image=picture))
        return describer.describe(picture, face.box)

    yield described
    describer.close()


def apart(first, second):
    return float(np.linalg.norm(first - second))


def test_one_person_lies_near_and_two_lie_apart(describe):
    """camera 9: distance < 0.6."""
    women, men_ = [describe(picture) for picture in hoppers()], [describe(picture) for picture in men()]
    assert max(apart(*pair) for pair in combinations(women, 2)) < 0.25
    assert max(apart(*pair) for pair in combinations(men_, 2)) < 0.45
    assert min(apart(*pair) for pair in product(women, men_)) > 0.7


def test_frames_that_were_not_enrolled_match_their_person(describe):
    """camera 9: over >= 3 samples."""
    woman = Enrolled(id="w", name="W", descriptors=np.stack([describe(hopper())]))
    him = Enrolled(id="m", name="M", descriptors=np.stack([describe(man(0))]))
    samples = np.stack([describe(man(frame)) for frame in (20, 50, 70)])
    assert match(samples, [woman, him]) is him
    assert match(samples, [woman]) is None


@pytest.mark.parametrize("face_px", [40, 60, 100])
def test_a_small_face_is_still_the_same(describe, face_px):
    picture = backdrop(640, 360)
    place_hopper(picture, face_px, 320, 180)
    assert apart(describe(picture), describe(hopper())) < 0.35


def test_drawn_figures_are_nobody_who_is_real_and_all_alike(describe):
    """The drawn figures cannot stand for persons: the network takes them all for one."""
    drawn = []
    for look in (0, 1, 4):
        picture = backdrop(640, 360)
        place_head(picture, look, 80, 320, 180)
        drawn.append(describe(picture))
    assert max(apart(*pair) for pair in combinations(drawn, 2)) < ALIKE / 2
    assert min(apart(one, describe(hopper())) for one in drawn) > 0.65
