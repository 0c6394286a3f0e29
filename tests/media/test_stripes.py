import numpy as np
import pytest

from triptych.media.stripes import striped_share

SHAPE = (27, 48)


def _striped(pairs, share=1.0):
    cells = np.full(SHAPE, 10, np.float32)
    along = np.arange(SHAPE[1]) * 2 * pairs // SHAPE[1] % 2 == 1
    cells[: round(SHAPE[0] * share), along] = 100
    return cells


@pytest.mark.parametrize(("pairs", "expected"), [(5, 0.0), (6, 1.0), (12, 1.0)])
def test_six_light_stripes_are_needed(pairs, expected) -> None:
    """media 4.3 PSE: >= 6 stripes."""
    assert striped_share(_striped(pairs), 20, 160) == pytest.approx(expected, abs=0.05)


def test_the_share_is_that_of_the_striped_part() -> None:
    assert striped_share(_striped(8, 1 / 3), 20, 160) == pytest.approx(1 / 3, abs=0.02)


def test_stripes_must_stand_out_from_a_dark() -> None:
    assert striped_share(_striped(8) * 0.2, 20, 160) == 0
    assert striped_share(_striped(8) + 160, 20, 160) == 0


def test_uneven_marks_and_noise_are_no_stripes() -> None:
    cells = np.full(SHAPE, 10, np.float32)
    cells[:, [1, 3, 10, 12, 25, 27, 44]] = 100
    assert striped_share(cells, 20, 160) == 0
    noise = np.random.default_rng(1).uniform(0, 200, SHAPE).astype(np.float32)
    assert striped_share(noise, 20, 160) < 0.25
