import numpy as np
import pytest

from triptych.media.display import MATRIX_601, MATRIX_709, MATRIX_2020, Display, matrix_of
from triptych.media.measured import VideoFacts


def _one(*codes):
    return np.array(codes, np.uint8).reshape(3, 1, 1)


@pytest.mark.parametrize(("full", "black", "white"), [(False, 16, 235), (True, 0, 255)])
def test_white_is_200_candela_and_black_is_dark(full, black, white) -> None:
    """media 4.3 PSE: a 200 cd/m2 display."""
    light = Display(full).luminance(np.array([black, white], np.uint8))
    assert light == pytest.approx([0.067, 200], rel=0.01)


def test_red_is_saturated_where_it_holds_four_fifths_of_the_light() -> None:
    display = Display(matrix=MATRIX_601)
    amount, is_saturated = display.redness(_one(82, 90, 240))
    assert (amount.item(), is_saturated.item()) == (pytest.approx(320, rel=0.01), True)
    amount, is_saturated = display.redness(_one(90, 128, 170))
    assert amount.item() > 20
    assert not is_saturated.item()


def test_where_nothing_is_red_the_same_arrays_come_back() -> None:
    display = Display()
    assert display.redness(_one(100, 128, 128))[0] is display.redness(_one(200, 90, 120))[0]


@pytest.mark.parametrize(
    ("colorspace", "height", "matrix"),
    [(1, 480, MATRIX_709), (6, 1080, MATRIX_601), (9, 2160, MATRIX_2020), (2, 576, MATRIX_601), (2, 720, MATRIX_709)],
)
def test_an_unknown_matrix_is_what_is_usual_for_the_size(colorspace, height, matrix) -> None:
    assert matrix_of(colorspace, height) == matrix


def test_chroma_gives_back_the_primaries() -> None:
    red_v, green_u, green_v, blue_u = MATRIX_709.from_chroma()
    assert (red_v, blue_u) == pytest.approx((1.5748, 1.8556))
    assert (green_u, green_v) == pytest.approx((-0.1873, -0.4681), abs=1e-4)


def test_a_stream_names_its_range_and_matrix() -> None:
    video = VideoFacts("h264", 720, 576, (25, 1), "yuvj420p", 8, True, 1)
    assert Display.of(video) == Display(full_range=True, matrix=MATRIX_601)
    assert Display.of(None) == Display()
