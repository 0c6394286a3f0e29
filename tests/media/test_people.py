"""The drawn people are laid where they are told to be."""

import numpy as np
import pytest

from triptych.media import people


def blank():
    return np.full((400, 400, 3), 200, np.uint8)


def test_a_head_is_as_high_as_its_radius_says():
    canvas = blank()
    people.lay(canvas, people.head(0, 60), 200, 200)
    rows = np.flatnonzero((canvas != 200).any(axis=(1, 2)))
    assert rows[-1] - rows[0] == pytest.approx(122, abs=8)
    assert (rows[-1] + rows[0]) / 2 == pytest.approx(198, abs=5)


def test_laying_tells_what_it_touched_and_touches_nothing_else():
    canvas = blank()
    rows, columns = people.lay(canvas, people.body(3, 30, 2, 1), 180, 60)
    canvas[rows, columns] = 200
    assert (canvas == 200).all()


@pytest.mark.parametrize(("x", "y"), [(-500, 100), (900, 100), (100, -900), (100, 900)])
def test_laying_outside_the_canvas_touches_nothing(x, y):
    canvas = blank()
    assert people.lay(canvas, people.head(0, 40), x, y) is None
    assert (canvas == 200).all()


def test_laying_across_an_edge_draws_the_part_that_is_inside():
    canvas = blank()
    rows, columns = people.lay(canvas, people.head(0, 60), 0, 0)
    assert (rows.start, columns.start) == (0, 0)
    assert (canvas != 200).any()


def test_every_look_differs():
    drawn = set()
    for look in range(len(people.LOOKS)):
        canvas = blank()
        people.lay(canvas, people.head(look, 50), 200, 200)
        drawn.add(canvas.tobytes())
    assert len(drawn) == len(people.LOOKS)


def test_a_walk_has_a_picture_for_every_stride_and_side():
    pictures = {people.body(0, 40, stride, turn).colour.tobytes() for stride in range(people.STRIDES) for turn in (-1, 1)}
    assert len(pictures) > people.STRIDES
    assert people.body(0, 40, 3, 0).colour.tobytes() == people.body(0, 40, 5, 0).colour.tobytes()


def test_the_ball_shows_its_turn():
    assert people.ball(30, 0).colour.tobytes() != people.ball(30, 24).colour.tobytes()
