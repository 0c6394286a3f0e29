"""TransNetV2 in numpy; tests/truth/test_latest_shots.py measures how well it finds cuts."""

from pathlib import Path

import numpy as np
import pytest

from triptych.media.senses.checkpoint import arrays
from triptych.media.senses.transnet import MARGIN, WINDOW, Transitions, TransNet, colours
from triptych.media.slots import need


@pytest.fixture(scope="module")
def network() -> TransNet:
    return TransNet(arrays(need("shot", Path("/nonexistent")).read()))


def test_a_film_is_seen_in_windows_whose_ends_stand_still(network) -> None:
    film = np.random.default_rng(2).integers(0, 256, (20, 27, 48, 3), np.uint8)
    stream = Transitions(network)
    told = [stream.add(picture) for picture in film]
    assert sum(map(len, told)) == 0
    left = stream.finish()
    before, after = np.repeat(film[:1], MARGIN, axis=0), np.repeat(film[-1:], WINDOW - MARGIN - len(film), axis=0)
    window = np.concatenate([before, film, after])
    np.testing.assert_array_equal(left, network.likely(window)[MARGIN : MARGIN + len(film)])
    assert len(stream.finish()) == 0


def test_a_picture_has_as_many_colours_as_pixels() -> None:
    flat = np.zeros((2, 27, 48, 3), np.uint8)
    flat[1] = (255, 0, 31)
    found = colours(flat)
    assert found[0].argmax() == 0
    assert found[1].argmax() == 7 << 6
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
