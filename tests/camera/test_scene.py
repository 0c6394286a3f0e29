"""The generated world: who is where, and what is drawn there."""

import numpy as np
import pytest

from triptych.media import world
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import SceneSource
from triptych.media.sources.sim import VirtualClock

MOMENTS = [second / 4 for second in range(4 * 180)]


def scene(figures: int = 2, seed: int = 7) -> SceneSource:
    clock = VirtualClock()
    return SceneSource(SceneOptions(figures=figures, seed=seed), clock, wait=clock.wait)


def walk(figure: world.Figure) -> list[float]:
    return [pan for moment in MOMENTS if (pan := figure.path(moment)) is not None]


@pytest.mark.parametrize("seed", [0, 7, 1234])
def test_the_first_figure_stays_in_the_home_view_and_pauses(seed: int) -> None:
    pans = walk(world.default_cast(1, seed)[0])
    assert max(map(abs, pans)) <= 25.0
    assert max(pans) - min(pans) > 15.0
    assert any(pans[place] == pans[place + 1] for place in range(len(pans) - 1))


@pytest.mark.parametrize("seed", [0, 7, 1234])
def test_the_second_figure_roams_crosses_the_first_and_hides_behind_the_pillar(seed: int) -> None:
    cast = world.default_cast(2, seed)
    first, second = walk(cast[0]), walk(cast[1])
    assert 45.0 < max(map(abs, second)) <= 75.0
    sides = np.sign(np.subtract(second, first))
    assert np.any(sides[1:] * sides[:-1] < 0)
    shown = [head.shown for moment in MOMENTS for head in world.truth(cast, moment) if head.figure == 1]
    assert min(shown) == 0.0
    assert max(shown) == 1.0


def test_the_world_is_a_function_of_seed_and_time() -> None:
    early, again = scene(), scene()
    again.draw(55.0)
    assert np.array_equal(early.draw(3.0), again.draw(3.0))
    assert early.truth(3.0) == again.truth(3.0)
    assert scene(seed=8).truth(3.0) != early.truth(3.0)


def test_what_moved_away_leaves_no_trace() -> None:
    drawn = scene(figures=8)
    for moment in (0.0, 1.0, 20.0):
        drawn.draw(moment)
    drawn.figures = 0
    assert np.array_equal(drawn.draw(20.0), scene(figures=0).draw(20.0))


def test_figures_can_be_set_while_it_runs() -> None:
    drawn = scene(figures=0)
    assert drawn.truth(1.0) == ()
    drawn.figures = 8
    assert len(drawn.truth(1.0)) == 8
    assert not np.array_equal(drawn.draw(1.0), scene(figures=0).draw(1.0))


def test_a_frame_cannot_be_painted_on() -> None:
    with pytest.raises(ValueError, match="read-only"):
        scene().read().image[0, 0] = 0


def test_angles_and_pixels_are_each_others_inverse() -> None:
    assert world.to_px(0.0, 0.0) == (1920.0, 540.0)
    assert world.to_deg(*world.to_px(-31.5, 4.25)) == pytest.approx((-31.5, 4.25))
