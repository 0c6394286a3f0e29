"""Who stands where in the generated world, as a function of seed and time."""

import numpy as np
import pytest

from triptych.media import world

MOMENTS = [second / 4 for second in range(4 * 180)]


def walk(figure):
    return [figure.path(moment) for moment in MOMENTS]


@pytest.mark.parametrize("seed", [0, 7, 1234])
def test_the_first_figure_stays_in_the_home_view_and_pauses(seed):
    pans = walk(world.default_cast(1, seed)[0])
    assert max(map(abs, pans)) <= 25.0
    assert max(pans) - min(pans) > 15.0
    assert any(pans[place] == pans[place + 1] for place in range(len(pans) - 1))


@pytest.mark.parametrize("seed", [0, 7, 1234])
def test_the_second_figure_roams_crosses_the_first_and_hides_behind_the_pillar(seed):
    cast = world.default_cast(2, seed)
    first, second = walk(cast[0]), walk(cast[1])
    assert 45.0 < max(map(abs, second)) <= 75.0
    sides = np.sign(np.subtract(second, first))
    assert np.any(sides[1:] * sides[:-1] < 0)
    shown = [head.shown for moment in MOMENTS for head in world.truth(cast, moment) if head.figure == 1]
    assert min(shown) == 0.0
    assert max(shown) == 1.0


def test_the_first_figure_is_the_largest():
    first, *others = world.default_cast(8)
    assert len(others) == 7
    assert all(40 <= other.radius_px < first.radius_px <= 180 for other in others)


def test_a_figure_away_has_no_truth():
    away = world.Figure(look=0, radius_px=50, path=lambda moment: 0.0 if moment < 1 else None)
    assert len(world.truth([away], 0.5)) == 1
    assert world.truth([away], 1.5) == ()


def test_a_nearer_figure_hides_a_farther_one_and_not_the_other_way_round():
    near = world.Figure(look=0, radius_px=60, path=lambda _: 0.0)
    far = world.Figure(look=1, radius_px=45, path=lambda _: 0.0)
    assert [head.shown for head in world.truth([near, far], 0.0)] == [1.0, 0.0]


def test_a_figure_that_moves_strides_and_turns_that_way():
    figure = world.Figure(look=0, radius_px=60, path=lambda moment: 10.0 * moment)
    strides = {world.stand(figure, moment / 30).stride for moment in range(30)}
    assert len(strides) == 30
    assert world.stand(figure, 1.0).turn == 1
    assert world.stand(world.Figure(look=0, radius_px=60, path=lambda _: 3.0), 1.0).turn == 0


def test_angles_and_pixels_are_each_others_inverse():
    assert world.to_px(0.0, 0.0) == (1920.0, 540.0)
    assert world.to_deg(*world.to_px(-31.5, 4.25)) == pytest.approx((-31.5, 4.25))


def test_the_ball_rolls_without_sliding():
    (left, _, before), (right, _, after) = world.ball_px(0.0), world.ball_px(1.0)
    assert right > left
    assert np.radians(after - before) * world.BALL_RADIUS_PX == pytest.approx(right - left)
