from fractions import Fraction

import numpy as np
import pytest

from triptych.media.display import MATRIX_601, MATRIX_709, MATRIX_2020
from triptych.media.features.levels import Levels, added, in_rgb_bounds, measured
from triptych.media.measured import Seen
from triptych.media.options import LevelsOptions
from triptych.media.picture import Picture

DEFAULTS = LevelsOptions()


def _picture(planes, *, bits=8, full=False):
    return Picture(planes, bits=bits, full=full, start=Fraction(0))


def _grey(luma, chroma=128):
    return [luma, *[np.full((luma.shape[0] // 2, luma.shape[1] // 2), chroma, luma.dtype)] * 2]


@pytest.mark.parametrize(
    ("bits", "full", "first", "last"),
    [(8, False, 14, 241), (10, False, 56, 966), (8, True, 0, 255)],
)
def test_luma_is_allowed_from_minus_1_to_103_percent(bits, full, first, last) -> None:
    """media 4.3 LEVELS: luma -1..103 %, within a code."""
    codes = np.arange(2**bits, dtype=np.uint16 if bits > 8 else np.uint8).reshape(16, -1)
    options = LevelsOptions(rgbMin=-100, rgbMax=200)
    outside = measured(_picture(_grey(codes, 128 << (bits - 8)), bits=bits, full=full), MATRIX_709, options)
    assert outside.luma * codes.size == pytest.approx(first + 2**bits - 1 - last)
    assert (outside.least, outside.most) == (0, (2**bits - 1) / 2 ** (bits - 8))


@pytest.mark.parametrize("matrix", [MATRIX_601, MATRIX_709, MATRIX_2020])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_rgb_bounds_are_those_of_the_formula(matrix, bits) -> None:
    """media 4.3 LEVELS: RGB -5..105 %, within a code."""
    dice, steps = np.random.default_rng(bits), 1 << (bits - 8)
    planes = [dice.integers(0, 256 * steps, (64, 64)).astype(np.uint16 if steps > 1 else np.uint8) for _ in range(3)]
    luma = (planes[0] / steps - 16) / 219
    u, v = ((plane / steps - 128) / 224 for plane in planes[1:])
    red, blue = luma + 2 * (1 - matrix.red) * v, luma + 2 * (1 - matrix.blue) * u
    green = (luma - matrix.red * red - matrix.blue * blue) / matrix.green
    rgb = np.stack((red, green, blue))
    slack = 0.05 / 219
    surely = ((rgb > -0.05 + slack) & (rgb < 1.05 - slack)).all(axis=0)
    perhaps = ((rgb > -0.05 - slack) & (rgb < 1.05 + slack)).all(axis=0)
    inside = in_rgb_bounds(_picture(planes, bits=bits), matrix, DEFAULTS) == 255
    assert (surely <= inside).all()
    assert (inside <= perhaps).all()


def test_grey_chroma_adds_nothing() -> None:
    most, least = added(_picture(_grey(np.full((4, 4), 100, np.uint8))), MATRIX_709)
    assert not most.any()
    assert not least.any()


def _shown(looks, **options):
    feature, heard = Levels(LevelsOptions(**options)), []
    feature.alarm = type("Judge", (), {"judge": lambda self, start, end, severity: heard.append(severity)})()
    for number, look in enumerate(looks):
        at = Fraction(number, 4)
        feature.frame(Seen(start=at, end=at + Fraction(1, 4), thumb=None, change=None, silent=True), look)
    feature.rest(Fraction(len(looks), 4))
    return feature, heard


GOOD, LUMA, RGB = [16, 235, 0.0, 0.0, 0.0], [4, 250, 0.05, 0.0, 0.05], [10, 240, 0.0, 0.2, 0.2]


def test_a_sampled_picture_speaks_for_those_up_to_the_next() -> None:
    feature, heard = _shown([GOOD, None, LUMA, None, LUMA, None, GOOD, None])
    (item,) = feature.items()
    assert list(item) == ["yMin", "yMax", "areaOutside", "kind", "startTimeOffset", "endTimeOffset"]
    assert item == {
        "yMin": 4,
        "yMax": 250,
        "areaOutside": 0.05,
        "kind": "luma",
        "startTimeOffset": "0.500000s",
        "endTimeOffset": "1.500000s",
    }
    assert heard == [0, 0, 0.5, 0.5, 0.5, 0.5, 0, 0]


def test_what_is_outside_is_luma_or_rgb_or_both() -> None:
    assert [item["kind"] for item in _shown([RGB, GOOD, LUMA, RGB, GOOD])[0].items()] == ["rgb", "both"]


def test_the_area_must_be_more_than_asked_and_last_long_enough() -> None:
    assert len(_shown([LUMA, GOOD], area=4.9)[0].items()) == 1
    assert _shown([LUMA, GOOD], area=5)[0].items() == []
    assert _shown([LUMA, GOOD], duration=0.3)[0].items() == []


def test_totals_are_over_all_that_was_sampled() -> None:
    assert _shown([GOOD, None, LUMA, None])[0].extras() == {
        "levelsTotals": {"pictures": 2, "picturesOutside": 1, "yMin": 4, "yMax": 250, "meanAreaOutside": 0.025, "maxAreaOutside": 0.05}
    }
    assert _shown([])[0].extras() == {"levelsTotals": {"pictures": 0, "picturesOutside": 0}}
