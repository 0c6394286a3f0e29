"""Where the figure walked, beside where it was seen."""

import numpy as np
import pytest

from triptych.cli.demo.walk import match
from triptych.media.world import default_cast

TIMES = np.arange(0.0, 8.0, 0.1)


@pytest.mark.parametrize("figure", [0, 1])
@pytest.mark.parametrize("began_s", [0.4, 6.0])
def test_the_way_of_a_figure_is_found_whenever_it_began(figure, began_s):
    path = default_cast(2)[figure].path
    walk = match([(1000.0 + moment, path(began_s + moment) + 0.1) for moment in TIMES])
    assert walk.apart_deg < 0.15
    assert walk.true_deg[0] == pytest.approx(path(began_s), abs=0.3)


def test_who_walks_another_way_is_told_apart():
    walk = match([(moment, 20.0 * np.sin(moment * 2.0)) for moment in TIMES])
    assert walk.apart_deg > 5.0


def test_one_look_is_too_little():
    assert match([(0.0, 0.0)]) is None
