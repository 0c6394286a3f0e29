from fractions import Fraction

import av
import numpy as np
import pytest

from triptych.media.picture import Shrinker
from triptych.media.sight import Sight


def _sight(frame: av.VideoFrame, start=Fraction(0), before=None) -> Sight:
    return Sight(frame, start, before, Shrinker())


def _frame(form: str = "yuv420p", size=(96, 64)) -> av.VideoFrame:
    width, height = size
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, :, 0] = 255
    rgb[:, width // 2 :, 2] = 255
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=form)


def test_the_first_picture_at_or_after_each_multiple_is_sampled() -> None:
    """media K1."""
    starts = [Fraction(number, 25) for number in range(60)]
    before = [None, *starts[:-1]]
    at_2 = [start for start, last in zip(starts, before, strict=True) if _sight(_frame(), start, last).is_sampled(2)]
    assert at_2 == [Fraction(0), Fraction(13, 25), Fraction(1), Fraction(38, 25), Fraction(2)]
    assert all(_sight(_frame(), start, last).is_sampled(0) for start, last in zip(starts, before, strict=True))
    slow = [(Fraction(number), Fraction(number - 1)) for number in range(1, 4)]
    assert all(_sight(_frame(), start, last).is_sampled(5) for start, last in slow)


@pytest.mark.parametrize(
    ("form", "bits", "chroma"),
    [
        ("yuv420p", 8, (32, 48)),
        ("yuv422p", 8, (64, 48)),
        ("yuv444p10le", 10, (64, 96)),
        ("yuv420p12le", 12, (32, 48)),
        ("yuva420p", 8, (32, 48)),
        ("nv12", 8, (64, 96)),
        ("rgb24", 8, (64, 96)),
        ("gray", 8, (64, 96)),
    ],
)
def test_the_full_picture_has_its_codes_as_coded(form, bits, chroma) -> None:
    full = _sight(_frame(form)).full
    assert [plane.shape for plane in full.planes] == [(64, 96), chroma, chroma]
    assert full.steps == 1 << (bits - 8)
    assert full.planes[0].max() > 40 * full.steps


def test_branches_are_made_once() -> None:
    sight = _sight(_frame())
    assert sight.picture is sight.picture
    assert sight.full is sight.full
    assert sight.rgb(32, 32) is sight.rgb(32, 32)


def test_rgb_is_red_green_blue_from_the_top_left() -> None:
    rgb = _sight(_frame(size=(192, 128))).rgb(48, 32)
    assert rgb.shape == (32, 48, 3)
    assert rgb[4, 4, 0] > 200
    assert rgb[4, 4, 2] < 60
    assert rgb[28, 44, 2] > 200
    assert rgb[28, 44, 0] < 60


def test_a_picture_without_captions_has_none() -> None:
    sight = _sight(_frame())
    assert sight.captions == b""
    assert sight.size == (96, 64)
