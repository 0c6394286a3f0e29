from fractions import Fraction

import numpy as np
import pytest

from triptych.media.display import MATRIX_601, MATRIX_709
from triptych.media.features.colour_bars import PATTERNS, Colour, ColourBars, pattern_of
from triptych.media.measured import Seen
from triptych.media.options import ColourBarsOptions
from triptych.media.picture import Picture

NAMES = ("ebu_75", "ebu_100", "smpte_sd", "smpte_hd")
WIDTH, HEIGHT = 224, 90


def drawn(name, matrix=MATRIX_709, *, size=(WIDTH, HEIGHT), bits=8, full=False):
    """Return the planes of a pattern, 4:4:4."""
    pattern = next(one for one in PATTERNS if one.name == name)
    black, span, chroma = (0, 255, 255) if full else (16, 219, 224)
    planes = [np.full(size[::-1], code * 2 ** (bits - 8), np.uint16 if bits > 8 else np.uint8) for code in (black, 128, 128)]
    edges = [round(edge * size[0]) for edge in pattern.edges]
    for left, right, colour in zip(edges[:-1], edges[1:], pattern.colours(matrix), strict=True):
        codes = (black + span * colour.luma, 128 + chroma * colour.u, 128 + chroma * colour.v)
        for plane, code in zip(planes, codes, strict=True):
            plane[: round(size[1] * 7 / 12), left:right] = round(min(code, 255) * 2 ** (bits - 8))
    return planes


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("matrix", "bits", "full"), [(MATRIX_709, 8, False), (MATRIX_601, 8, False), (MATRIX_709, 10, True)])
def test_each_known_pattern_is_told_from_the_others(name, matrix, bits, full) -> None:
    """media 4.3 COLOUR_BARS."""
    picture = Picture(drawn(name, matrix, bits=bits, full=full), bits=bits, full=full, start=Fraction(0))
    assert pattern_of(picture) == name


@pytest.mark.parametrize(("off", "expected"), [(5, "ebu_75"), (7, None)])
def test_a_stripe_is_flat_within_six_codes(off, expected) -> None:
    """media 4.3 COLOUR_BARS: each flat within 6 codes."""
    planes = drawn("ebu_75")
    planes[0][20, 70] += off
    assert pattern_of(Picture(planes, bits=8, full=False, start=Fraction(0))) == expected


def test_levels_hold_within_8_percent_and_hues_within_10_degrees() -> None:
    """media 4.3 COLOUR_BARS: hues within 10 degrees and levels within 8 %."""
    known = Colour(0.5, 0.3, 0.0)
    assert Colour(0.57, 0.3, 0.0).is_like(known)
    assert not Colour(0.59, 0.3, 0.0).is_like(known)
    assert not Colour(0.5, 0.39, 0.0).is_like(known)
    assert Colour(0.5, 0.297, 0.047).is_like(known)
    assert not Colour(0.5, 0.293, -0.062).is_like(known)
    assert Colour(0.5, -0.299, -0.03).is_like(Colour(0.5, -0.299, 0.02))


@pytest.mark.parametrize("code", [16, 128, 235])
def test_a_flat_picture_shows_no_bars(code) -> None:
    planes = [np.full((HEIGHT, WIDTH), value, np.uint8) for value in (code, 128, 128)]
    assert pattern_of(Picture(planes, bits=8, full=False, start=Fraction(0))) is None


def test_a_picture_too_small_for_stripes_shows_none() -> None:
    planes = [np.full((2, 2), value, np.uint8) for value in (200, 128, 128)]
    assert pattern_of(Picture(planes, bits=8, full=False, start=Fraction(0))) is None


def test_runs_shorter_than_the_duration_are_left_out_and_patterns_kept_apart() -> None:
    feature, heard = ColourBars(ColourBarsOptions(duration=2.0)), []
    feature.alarm = type("Judge", (), {"judge": lambda self, start, end, severity: heard.append(severity)})()
    looks = ["ebu_75", None, "ebu_75", "ebu_75", "ebu_100", "ebu_100", "ebu_100"]
    for number, look in enumerate(looks):
        feature.frame(Seen(start=Fraction(number), end=Fraction(number + 1), thumb=None, change=None, silent=True), look)
    feature.rest(Fraction(7))
    assert [(item["pattern"], item["startTimeOffset"]) for item in feature.items()] == [("ebu_75", "2.000000s"), ("ebu_100", "4.000000s")]
    assert heard == [1, 0, 1, 1, 1, 1, 1]
