"""camera R5: what waits for a file waits small."""

import numpy as np
import pytest

from triptych.camera.taken import Packed, coded_size, fitted, pack


@pytest.mark.parametrize(("size", "coded"), [((1280, 720), (1280, 720)), ((161, 91), (160, 90)), ((3840, 2160), (1920, 1080))])
def test_a_picture_is_stored_in_the_size_of_its_recording(size, coded):
    """camera R1: the source's size up to 1080 lines."""
    assert coded_size(size) == coded
    assert fitted(np.zeros((size[1], size[0], 3), np.uint8)).shape[1::-1] == coded


def test_a_packed_frame_is_small_and_looks_the_same(shoot):
    taken = shoot(4)
    packed = pack(taken)
    assert isinstance(packed.frame, Packed)
    assert packed.captured == taken.captured
    assert packed.size_bytes < taken.size_bytes / 5
    assert np.abs(packed.frame.image.astype(int) - taken.frame.image).mean() < 4
    assert pack(packed) is packed
