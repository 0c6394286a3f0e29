"""The empty room."""

import numpy as np
import pytest

from triptych.media import backdrop, world


def test_the_room_has_the_size_of_the_world_and_cannot_be_painted_on():
    room = backdrop.paint()
    assert room.shape == (world.HEIGHT_PX, world.WIDTH_PX, 3)
    with pytest.raises(ValueError, match="read-only"):
        room[0, 0] = 0


def test_the_room_is_the_same_for_the_same_seed():
    first = backdrop.paint(3).copy()
    backdrop.paint(4)
    assert np.array_equal(first, backdrop.paint(3))
    assert not np.array_equal(first, backdrop.paint(4))


def test_every_part_of_the_room_has_texture():
    room = backdrop.paint()
    spreads = [room[180:900, left : left + 320].std() for left in range(0, world.WIDTH_PX, 320)]
    assert min(spreads) > 8
