"""COLOUR_BARS on generated bars between programme (media 4.3, K4)."""

from fractions import Fraction

import numpy as np
import pytest

from media.features.test_colour_bars import NAMES, drawn
from triptych.media.display import MATRIX_601, MATRIX_709
from triptych.media.sample import Coding, flat, scene, write_clip
from truth.scoring import Analysis, seconds

SIZE = (320, 180)
CODINGS = {
    "ffv1": Coding(video="ffv1", options={}),
    "x264": Coding(options={"preset": "veryfast", "crf": "28"}),
    "x265": Coding(video="libx265", options={"preset": "veryfast", "crf": "23", "x265-params": "log-level=none"}, pixels="yuv420p10le"),
    "mpeg2": Coding(video="mpeg2video", options={"b": "20000000", "qmax": "4"}),
    "full": Coding(options={"preset": "veryfast", "qp": "0"}, full_range=True),
}


def bars(name, *, full=False, below=None):
    """Return a pattern as a 4:2:0 picture; below it is what SMPTE has there, or more of the same."""
    luma, u, v = drawn(name, MATRIX_601 if name == "smpte_sd" else MATRIX_709, size=SIZE, full=full)
    if name.startswith("ebu"):
        for plane in (luma, u, v):
            plane[100:] = plane[50]
    else:
        luma[105:] = np.linspace(16, 235, SIZE[0]).astype(np.uint8)
    return luma, np.ascontiguousarray(u[::2, ::2]), np.ascontiguousarray(v[::2, ::2])


def _found(path, pictures, coding=CODINGS["ffv1"], **options):
    write_clip(path, [(number / coding.rate, planes) for number, planes in enumerate(pictures)], [], coding)
    items = Analysis(path, ["COLOUR_BARS"], {"COLOUR_BARS": options}).items["COLOUR_BARS"]
    return [(item["pattern"], seconds(item["startTimeOffset"]) * 25, seconds(item["endTimeOffset"]) * 25) for item in items]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("name", NAMES)
def test_bars_between_programme_are_found_and_named(tmp_path, name, coding) -> None:
    """media 4.3 COLOUR_BARS: EBU 75/100, SMPTE SD/HD: F1 1.0 within a frame, pattern right."""
    programme = [scene(3, SIZE, 2 * number) for number in range(15)]
    shown = programme + [bars(name, full=coding == "full")] * 20 + programme
    ((pattern, start, end),) = _found(tmp_path / "a.mkv", shown, CODINGS[coding])
    assert pattern == name
    assert abs(start - 15) <= 1
    assert abs(end - 35) <= 1


def test_less_than_half_a_second_is_not_reported(tmp_path) -> None:
    shown = [flat(SIZE)] * 5 + [bars("ebu_75")] * 12 + [flat(SIZE)] * 5
    assert _found(tmp_path / "a.mkv", shown) == []
    assert _found(tmp_path / "a.mkv", shown, duration=0.48) == [("ebu_75", 5, 17)]


def test_other_stripes_and_programme_are_no_bars(tmp_path) -> None:
    """media 4.3 COLOUR_BARS: none in programme."""
    grey = [plane.copy() for plane in flat(SIZE)]
    grey[0][:] = np.repeat(np.linspace(235, 16, 8).astype(np.uint8), SIZE[0] // 8)
    swapped = tuple(np.ascontiguousarray(plane[:, ::-1]) for plane in bars("ebu_75"))
    programme = [scene(5 + number, SIZE) for number in range(200)]
    assert _found(tmp_path / "a.mkv", [tuple(grey)] * 20 + [swapped] * 20 + programme, duration=0) == []


def test_noise_of_one_code_does_no_harm(tmp_path) -> None:
    dice = np.random.default_rng(3)
    noisy = [
        tuple(np.clip(plane + np.rint(dice.normal(0, 1, plane.shape)), 0, 255).astype(np.uint8) for plane in bars("smpte_hd"))
        for _ in range(15)
    ]
    assert _found(tmp_path / "a.mkv", noisy) == [("smpte_hd", 0, Fraction(15))]
