"""The default source draws the world as it is told."""

import numpy as np
import pytest

from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import SceneSource
from triptych.media.sources.sim import VirtualClock


def scene(figures=2, seed=7):
    clock = VirtualClock()
    return SceneSource(SceneOptions(figures=figures, seed=seed), clock, wait=clock.wait)


def test_the_picture_is_a_function_of_seed_and_time():
    early, again = scene(), scene()
    again.draw(55.0)
    assert np.array_equal(early.draw(3.0), again.draw(3.0))
    assert early.truth(3.0) == again.truth(3.0)
    assert scene(seed=8).truth(3.0) != early.truth(3.0)


def test_what_moved_away_leaves_no_trace():
    drawn = scene(figures=8)
    for moment in (0.0, 1.0, 20.0):
        drawn.draw(moment)
    drawn.figures = 0
    assert np.array_equal(drawn.draw(20.0), scene(figures=0).draw(20.0))


def test_figures_can_be_set_while_it_runs():
    drawn = scene(figures=0)
    assert drawn.truth(1.0) == ()
    drawn.figures = 8
    assert (drawn.figures, len(drawn.truth(1.0))) == (8, 8)
    assert not np.array_equal(drawn.draw(1.0), scene(figures=0).draw(1.0))


def test_a_figure_behind_the_pillar_is_not_drawn():
    drawn = scene(figures=2)
    hidden = next(moment / 4 for moment in range(4 * 300) if drawn.truth(moment / 4)[1].shown == 0.0)
    alone = scene(figures=1).draw(hidden).copy()
    behind = drawn.draw(hidden)
    assert np.array_equal(behind[330:530, 2690:2880], alone[330:530, 2690:2880])


def test_a_frame_cannot_be_painted_on():
    with pytest.raises(ValueError, match="read-only"):
        scene().read().image[0, 0] = 0
