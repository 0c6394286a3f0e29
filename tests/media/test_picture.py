from fractions import Fraction

import av
import numpy as np
import pytest

from triptych.media.picture import THUMB_SHAPE, Shrinker, pic_size


def _frame(luma: np.ndarray, form: str = "yuv420p", color_range: int = 0) -> av.VideoFrame:
    height, width = luma.shape
    frame = av.VideoFrame(width, height, form)
    deep = frame.format.components[0].bits > 8
    for number, plane in enumerate(frame.planes):
        kind = np.uint16 if deep else np.uint8
        codes = np.full((plane.height, plane.line_size // kind().itemsize), 512 if deep else 128, kind)
        if number == 0:
            codes[:, :width] = luma
        plane.update(codes.tobytes())
    frame.color_range = color_range
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return frame


def _picture(luma: np.ndarray, **more):
    return Shrinker().shrink(_frame(luma, **more), Fraction(0))


@pytest.mark.parametrize(
    ("size", "pic"),
    [((1920, 1080), (320, 180)), ((320, 240), (320, 240)), ((99, 77), (99, 77)), ((720, 576), (320, 256)), ((16384, 2), (320, 2))],
)
def test_the_picture_is_at_most_320_wide_and_never_scaled_up(size, pic) -> None:
    """K1."""
    assert pic_size(*size) == pic


def test_shrinking_takes_the_mean_of_areas() -> None:
    luma = np.tile(np.array([[0, 100], [100, 200]], np.uint8), (90, 320))
    picture = _picture(luma)
    assert picture.planes[0].shape == (90, 320)
    assert np.all(np.abs(picture.planes[0].astype(int) - 100) <= 1)


@pytest.mark.parametrize(("color_range", "black", "white"), [(0, 16, 235), (1, 16, 235), (2, 0, 255)])
def test_an_unknown_range_is_read_as_limited(color_range, black, white) -> None:
    """K1."""
    picture = _picture(np.full((48, 64), 50, np.uint8), color_range=color_range)
    assert (picture.black, picture.white) == (black, white)


def test_ten_bit_codes_keep_their_fractions() -> None:
    """K1."""
    picture = _picture(np.full((48, 64), 73, np.uint16), form="yuv420p10le")
    assert picture.steps == 4
    assert picture.share_below(18.25) == 1.0
    assert picture.share_below(18) == 0.0


@pytest.mark.parametrize("color_range", [0, 1, 2])
@pytest.mark.parametrize("form", ["yuv420p", "yuv422p", "yuv420p10le", "yuv422p10le", "yuv420p12le"])
@pytest.mark.parametrize("size", [(36, 64), (360, 640)], ids=str)
def test_codes_are_kept_in_either_range(form, color_range, size) -> None:
    """media K1: they are normalised to 8 bits as fractions, and never stretched from one range to the other."""
    steps = 1 << (av.VideoFormat(form).components[0].bits - 8)
    picture = _picture(np.full(size, 3 * steps, np.uint16 if steps > 1 else np.uint8), form=form, color_range=color_range)
    assert np.all(np.abs(picture.planes[0] / picture.steps - 3) <= 1 / 4)
    assert picture.black == (0 if color_range == 2 else 16)


def test_a_range_that_changes_in_mid_file_is_followed() -> None:
    """media K1"""
    shrinker = Shrinker()
    for color_range in (1, 2, 1):
        picture = shrinker.shrink(_frame(np.full((36, 64), 40, np.uint16), "yuv420p10le", color_range), Fraction(0))
        assert np.all(picture.planes[0] == 40)


def test_the_change_is_the_mean_of_luma_plus_both_chromas_in_8_bit_codes() -> None:
    one, other = _picture(np.full((48, 64), 100, np.uint8)), _picture(np.full((48, 64), 130, np.uint8))
    assert one.change_to(other) == pytest.approx(30)
    deep, deeper = (_picture(np.full((48, 64), code, np.uint16), form="yuv420p10le") for code in (400, 402))
    assert deep.change_to(deeper) == pytest.approx(0.5)


def test_there_is_no_change_to_a_picture_of_another_grid() -> None:
    assert _picture(np.zeros((48, 64), np.uint8)).change_to(_picture(np.zeros((64, 64), np.uint8))) is None


def test_a_thumb_is_three_planes_of_27_by_48() -> None:
    thumb = np.frombuffer(_picture(np.full((180, 320), 77, np.uint8)).thumb(), np.uint8).reshape(THUMB_SHAPE)
    assert np.all(thumb[0] == 77)
    assert np.all(thumb[1:] == 128)


def test_the_grid_restarts_when_the_size_changes() -> None:
    shrinker = Shrinker()
    shapes = [shrinker.shrink(_frame(np.zeros(size, np.uint8)), Fraction(0)).planes[0].shape for size in ((48, 64), (90, 120), (48, 64))]
    assert shapes == [(48, 64), (90, 120), (48, 64)]
