"""camera 4, secure: a hidden face is noticed by frame difference, while the head is at rest."""

import numpy as np
import pytest

from camera.faces_at import frame
from triptych.camera.unrest import Unrest

ROOM = np.random.default_rng(1).integers(0, 255, (9, 16, 3), np.uint8).repeat(40, axis=0).repeat(40, axis=1)


def walk(motion, begin, seconds, size=0, *, still=True):
    """Let a block walk through the room; return when a motion was told."""
    told = []
    for beat in range(round(seconds * 30)):
        image = ROOM.copy()
        left = (beat * 8) % 500
        image[100 : 100 + 3 * size, left : left + size] = 255 - image[100 : 100 + 3 * size, left : left + size]
        if motion.see(frame(begin + beat / 30, image), still=still):
            told.append(begin + beat / 30)
    return told


@pytest.fixture
def motion():
    motion = Unrest()
    walk(motion, 0, 1)
    return motion


def test_a_large_thing_that_moves_is_told_once(motion):
    (told,) = walk(motion, 1, 4, size=80)
    assert 1.4 <= told <= 2.0


def test_it_is_told_again_after_five_seconds_of_calm(motion):
    walk(motion, 1, 2, size=80)
    walk(motion, 3, 8)
    assert len(walk(motion, 11, 2, size=80)) == 1


def test_a_small_thing_is_not_told(motion):
    assert walk(motion, 1, 4, size=20) == []


def test_nothing_is_told_while_the_head_turns(motion):
    assert walk(motion, 1, 4, size=80, still=False) == []


def test_a_glance_is_not_told(motion):
    assert walk(motion, 1, 0.4, size=80) == []
