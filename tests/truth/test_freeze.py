"""FREEZE on material in which a picture is repeated (media 4.3, K4)."""

from fractions import Fraction

import numpy as np
import pytest

from triptych.media.sample import Coding, flat, scene, write_clip
from truth.scoring import Analysis, cut, near

SIZE = (320, 180)
LOSSLESS = Coding(video="ffv1", options={})
FRAME = Fraction(1, 25)


def _clip(path, story, coding=LOSSLESS, noise=0.0) -> None:
    """Write `story`: (frames, moves) each; the picture goes on where it stopped."""
    dice = np.random.default_rng(5)
    pictures, shift, number = [], 0, 0
    for frames, moves in story:
        for _ in range(frames):
            shift += 2 * moves
            planes = scene(3, SIZE, shift)
            if noise:
                planes = (np.clip(planes[0] + dice.normal(0, noise, planes[0].shape), 0, 255).astype(np.uint8), *planes[1:])
            pictures.append((number / coding.rate, planes))
            number += 1
    write_clip(path, pictures, [], coding)


def _found(path, **options):
    return Analysis(path, ["FREEZE"], {"FREEZE": options}).spans("FREEZE")


def test_a_looped_picture_is_frozen_from_its_first_showing_on(tmp_path) -> None:
    """media 4.3 FREEZE: lossless, edges exact."""
    _clip(tmp_path / "a.mkv", [(25, True), (60, False), (20, True), (49, False), (10, True)])
    assert _found(tmp_path / "a.mkv") == [(24 * FRAME, 85 * FRAME), (104 * FRAME, 154 * FRAME)]


@pytest.mark.parametrize(
    ("video", "options", "pixels"),
    [
        ("libx264", {"preset": "veryfast", "crf": "18"}, "yuv420p"),
        ("libx264", {"preset": "veryfast", "crf": "23"}, "yuv420p"),
        ("libx264", {"preset": "veryfast", "crf": "28"}, "yuv420p"),
        ("libx265", {"preset": "veryfast", "crf": "23", "x265-params": "log-level=none"}, "yuv420p10le"),
        ("prores_ks", {}, "yuv422p10le"),
    ],
)
def test_coded_truth_is_met_within_a_frame(tmp_path, video, options, pixels) -> None:
    """media 4.3 FREEZE: F1 1.0, edges within a frame."""
    _clip(tmp_path / "a.mov", [(30, True), (100, False), (30, True)], Coding(video=video, options=options, pixels=pixels))
    assert near(_found(tmp_path / "a.mov"), [(29 * FRAME, 130 * FRAME)], FRAME)


def test_mpeg_2_is_found_though_it_repaints_by_more_than_a_code_at_its_next_key_frame(tmp_path) -> None:
    """media 4.3 FREEZE, K4: an interval IoU of 0.9."""
    coding = Coding(video="mpeg2video", options={"b": "20000000", "qmax": "2"})
    _clip(tmp_path / "a.mov", [(30, True), (100, False), (30, True)], coding)
    ((start, end),) = _found(tmp_path / "a.mov")
    assert (min(end, 130 * FRAME) - max(start, 29 * FRAME)) / (max(end, 130 * FRAME) - min(start, 29 * FRAME)) >= Fraction(9, 10)


def test_a_slow_fade_and_black_are_no_freeze(tmp_path) -> None:
    """media 4.3 FREEZE: slow fades and black: none."""
    fade = [(number * FRAME, scene(4, SIZE, light=1 - number / 250)) for number in range(250)]
    black = [((250 + number) * FRAME, flat(SIZE)) for number in range(75)]
    write_clip(tmp_path / "a.mkv", fade + black, [], LOSSLESS)
    assert _found(tmp_path / "a.mkv") == []
    assert len(_found(tmp_path / "a.mkv", ignoreBlack=False)) == 1


def test_noise_is_a_share_of_the_range(tmp_path) -> None:
    _clip(tmp_path / "a.mkv", [(75, False)], noise=1.0)
    assert _found(tmp_path / "a.mkv") == []
    assert _found(tmp_path / "a.mkv", noise=0.01) == [(0, 3)]


def test_the_shortest_freeze_is_as_long_as_asked(tmp_path) -> None:
    _clip(tmp_path / "a.mkv", [(25, True), (24, False), (25, True)])
    assert _found(tmp_path / "a.mkv", duration=1.0) == [(24 * FRAME, 49 * FRAME)]
    assert _found(tmp_path / "a.mkv", duration=1.04) == []


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(60000, 1001), None], ids=["23.976", "59.94", "VFR"])
def test_edges_are_those_of_the_pictures_at_any_rate(tmp_path, rate) -> None:
    """media K4: any rate, and a variable one."""
    ticks = np.cumsum(np.random.default_rng(8).integers(10, 40, 180))
    starts = [number / rate for number in range(180)] if rate else [Fraction(int(tick), 600) for tick in ticks]
    shifts = [min(number, 20) + max(0, number - 160) for number in range(180)]
    coding = Coding(options={"preset": "ultrafast", "qp": "0"}, rate=rate or Fraction(25), time_base=None if rate else Fraction(1, 600))
    write_clip(tmp_path / "a.mov", [(start, scene(3, SIZE, 2 * shift)) for start, shift in zip(starts, shifts, strict=True)], [], coding)
    ((start, end),) = _found(tmp_path / "a.mov")
    assert (start, end) == (cut(starts[20] - starts[0]), cut(starts[161] - starts[0]))
