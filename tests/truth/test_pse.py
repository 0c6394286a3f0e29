"""PSE on made flashes and stripes, one step to either side of each limit (media 4.3)."""

from fractions import Fraction

import numpy as np
import pytest

from triptych.media.sample import Coding, flat, scene, write_clip
from truth.scoring import Analysis

SIZE = (160, 90)
RATE = Fraction(25)
GREY = (70, 128, 128)
"""About 13 cd/m2."""

LIT = (130, 128, 128)
"""About 55 cd/m2."""

RED = (63, 102, 240)
"""Full red by BT.601: about 10 cd/m2, so that it is no flash of luminance."""


def painted(colour, over=(70, 128, 128), share=1.0):
    """Return a picture of the colour `over`, of which the left `share` has `colour`."""
    planes = []
    for plane, below, code in zip(flat(SIZE), over, colour, strict=True):
        painting = np.full_like(plane, below)
        painting[:, : round(plane.shape[1] * share)] = code
        planes.append(painting)
    return tuple(planes)


def square(rate_hz, *, lit=LIT, over=GREY, share=1.0, rate=RATE, seconds=2.0, duty=0.5):
    """Return pictures that flash `rate_hz` times a second."""
    on, off = painted(lit, over, share), painted(over, over)
    numbers = range(round(seconds * rate))
    return [on if (number * Fraction(rate_hz) / rate) % 1 < Fraction(str(duty)) else off for number in numbers]


def wave(rate_hz, low, high, seconds=2.0):
    """Return pictures whose luma goes up and down in a sine."""
    phases = 2 * np.pi * rate_hz * np.arange(round(seconds * RATE)) / float(RATE)
    return [painted((round(low + (high - low) * (0.5 - 0.5 * np.cos(phase))), 128, 128)) for phase in phases]


def _found(path, pictures, rate=RATE, **coding):
    settings = {"video": "ffv1", "options": {}, "rate": rate} | coding
    write_clip(path, [(number / rate, planes) for number, planes in enumerate(pictures)], [], Coding(**settings))
    return Analysis(path, ["PSE"]).items["PSE"]


def _kinds(*args, **keys):
    return [item["kind"] for item in _found(*args, **keys)]


@pytest.mark.parametrize(
    "rate", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(50)], ids=["23.976", "25", "29.97", "50"]
)
@pytest.mark.parametrize(("rate_hz", "expected"), [(1, []), (2, []), (3, []), (4, ["general"]), (5, ["general"]), (10, ["general"])])
def test_more_than_three_flashes_in_a_second_are_general(tmp_path, rate, rate_hz, expected) -> None:
    """media 4.3 PSE: > 3 in any 1 s."""
    assert _kinds(tmp_path / "a.mkv", square(rate_hz, rate=rate), rate=rate) == expected


@pytest.mark.parametrize(("flashes", "expected"), [(3, []), (4, ["general"])])
def test_a_burst_is_counted_by_its_flashes(tmp_path, flashes, expected) -> None:
    still = square(0, lit=GREY, seconds=1.0)
    assert _kinds(tmp_path / "a.mkv", still + square(5, seconds=flashes / 5) + still) == expected


@pytest.mark.parametrize(
    ("rate_hz", "seconds", "expected"),
    [(1, 8, []), (Fraction(3, 2), 8, []), (2, 4, []), (2, 6, ["extended"]), (3, 4.5, []), (3, 6, ["extended"])],
)
def test_two_or_three_a_second_for_over_five_seconds_are_extended(tmp_path, rate_hz, seconds, expected) -> None:
    """media 4.3 PSE: 2..3 per s for over 5 s."""
    found = _found(tmp_path / "a.mkv", square(rate_hz, seconds=seconds))
    assert [item["kind"] for item in found] == expected
    assert all(abs(item["rate"] - rate_hz) < 0.1 for item in found)


@pytest.mark.parametrize(("share", "expected"), [(0.1, []), (0.2, []), (0.3, ["general"]), (0.5, ["general"])])
def test_only_more_than_a_quarter_of_the_picture_counts(tmp_path, share, expected) -> None:
    """media 4.3 PSE: over > 25 % of the picture."""
    found = _found(tmp_path / "a.mkv", square(5, share=share))
    assert [item["kind"] for item in found] == expected
    assert all(abs(item["area"] - share) < 0.02 and item["rate"] == pytest.approx(5, abs=0.3) for item in found)


@pytest.mark.parametrize(
    ("dark", "light", "expected"),
    [(70, 104, []), (70, 108, ["general"]), (210, 235, ["general"]), (216, 235, []), (216, 225, [])],
    ids=["18 cd up", "21 cd up", "darker 144", "darker 163", "too little"],
)
def test_a_change_is_20_cd_from_a_dark_below_160(tmp_path, dark, light, expected) -> None:
    """media 4.3 PSE: rise and fall of >= 20 cd/m2 with the darker < 160 on a 200 cd/m2 display."""
    assert _kinds(tmp_path / "a.mkv", square(5, lit=(light, 128, 128), over=(dark, 128, 128))) == expected


@pytest.mark.parametrize(("rate_hz", "expected"), [(3, []), (4, ["general"])])
@pytest.mark.parametrize(("low", "high"), [(40, 200), (70, 130)])
def test_gradual_flashes_count_like_sudden_ones(tmp_path, rate_hz, expected, low, high) -> None:
    """media 4.3 PSE: gradual."""
    assert _kinds(tmp_path / "a.mkv", wave(rate_hz, low, high)) == expected


def test_gradual_changes_of_too_little_light_are_none(tmp_path) -> None:
    assert _kinds(tmp_path / "a.mkv", wave(4, 70, 90)) == []


@pytest.mark.parametrize(("rate_hz", "share", "expected"), [(3, 1.0, []), (4, 1.0, [True]), (5, 0.2, []), (5, 0.3, [True])])
def test_saturated_red_counts_alike(tmp_path, rate_hz, share, expected) -> None:
    """media 4.3 PSE: saturated red alike."""
    found = _found(tmp_path / "a.mkv", square(rate_hz, lit=RED, over=(63, 128, 128), share=share))
    assert [item["red"] for item in found] == expected
    assert all(item["kind"] == "general" for item in found)


def test_red_that_is_not_saturated_is_none(tmp_path) -> None:
    assert _kinds(tmp_path / "a.mkv", square(5, lit=(90, 128, 170), over=(90, 128, 128))) == []


def test_halves_that_flash_in_turn_are_flashes_too(tmp_path) -> None:
    left, right = painted(LIT, GREY, 0.5), painted(GREY, LIT, 0.5)
    assert _kinds(tmp_path / "a.mkv", [left if number // 3 % 2 else right for number in range(50)]) == ["general"]


def stripes(pairs, *, dark=40, light=160, upright=True, share=1.0):
    luma, u, v = (plane.copy() for plane in flat(SIZE, 40))
    length = SIZE[0] if upright else SIZE[1]
    along = (np.arange(length) * 2 * pairs // length % 2).astype(bool)
    lit = np.where(along, light, dark).astype(np.uint8)
    field = np.broadcast_to(lit if upright else lit[:, None], luma.shape)
    luma[: round(SIZE[1] * share)] = field[: round(SIZE[1] * share)]
    return luma, u, v


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize(("pairs", "expected"), [(3, []), (5, []), (6, ["pattern"]), (8, ["pattern"]), (10, ["pattern"])])
def test_six_stripes_are_a_pattern(tmp_path, pairs, upright, expected) -> None:
    """media 4.3 PSE: >= 6 stripes for 0.5 s."""
    assert _kinds(tmp_path / "a.mkv", [stripes(pairs, upright=upright)] * 13) == expected


@pytest.mark.parametrize(
    ("frames", "share", "light", "expected"),
    [(12, 1.0, 160, []), (13, 0.2, 160, []), (13, 0.3, 160, ["pattern"]), (13, 1.0, 60, []), (40, 1.0, 160, ["pattern"])],
)
def test_a_pattern_lasts_covers_and_stands_out(tmp_path, frames, share, light, expected) -> None:
    still = [painted(GREY)] * 10
    found = _found(tmp_path / "a.mkv", still + [stripes(8, share=share, light=light)] * frames + still)
    assert [item["kind"] for item in found] == expected
    assert all(item["startTimeOffset"] == "0.400000s" for item in found)


def test_a_pan_over_a_scene_and_its_cuts_are_none(tmp_path) -> None:
    pictures = [scene(1 + number // 25, SIZE, 3 * number) for number in range(150)]
    assert _kinds(tmp_path / "a.mkv", pictures) == []


def test_coded_flashes_in_10_bit_are_found_with_their_times(tmp_path) -> None:
    pictures = [painted(GREY)] * 25 + square(5, seconds=2) + [painted(GREY)] * 50
    coding = {"video": "libx264", "pixels": "yuv420p10le", "options": {"preset": "veryfast", "crf": "23"}}
    (item,) = _found(tmp_path / "a.mkv", pictures, **coding)
    assert (item["kind"], item["startTimeOffset"], item["endTimeOffset"]) == ("general", "1.000000s", "2.960000s")


@pytest.mark.parametrize("each_s", [Fraction(1, 3), Fraction(10)])
def test_pictures_that_stand_long_do_not_flash(each_s, tmp_path) -> None:
    """media 9: 0.1 fps; media 4.3 PSE: extended is 2..3 flashes per s."""
    pictures = [(number * each_s, flat(SIZE, (LIT if number % 2 else GREY)[0])) for number in range(24)]
    write_clip(tmp_path / "a.mkv", pictures, [], Coding(video="ffv1", options={}))
    analysis = Analysis(tmp_path / "a.mkv", ["PSE"])
    assert (analysis.failed, analysis.items["PSE"]) == ({}, [])
