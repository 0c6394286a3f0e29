"""INTERLACE on material of known scan, made from known motion (media 4.3, K4)."""

from fractions import Fraction

import numpy as np
import pytest

from media.test_fields import filmed, moved
from triptych.media.sample import Coding, scene, write_clip
from truth.scoring import Analysis

SIZE = (240, 136)
NTSC = Fraction(30000, 1001)
FFV1 = Coding(video="ffv1", options={}, rate=NTSC)
WINDOW = 150
SPEEDS = (4, 9, 1.5, 16)


def _clip(path, lumas, coding=FFV1) -> None:
    grey = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
    write_clip(path, [(number / coding.rate, (luma, grey, grey)) for number, luma in enumerate(lumas)], [], coding)


def _back_and_forth(scan, number, speed, count=WINDOW):
    """Return pictures that go to one side for at most ten at a time, so that the scene is never left."""
    leg = filmed(scan, number, 10, speed, size=SIZE)
    return [leg[place % 10] for place in range(count)]


def _found(path, **options):
    return Analysis(path, ["INTERLACE"], {"INTERLACE": options}).items["INTERLACE"]


@pytest.mark.parametrize("scan", ["progressive", "tff", "bff", "telecine"])
def test_every_moving_window_is_told(tmp_path, scan) -> None:
    """media 4.3 INTERLACE: right in >= 99 % of moving windows; here in all."""
    lumas = [luma for number, speed in enumerate(SPEEDS) for luma in _back_and_forth(scan, 3 + number, speed)]
    _clip(tmp_path / "a.mkv", lumas)
    assert [item["scan"] for item in _found(tmp_path / "a.mkv")] == [scan]


@pytest.mark.parametrize(
    ("scan", "flags", "flagged", "mismatch"),
    [
        ("tff", "tff=1", "interlaced", False),
        ("bff", "bff=1", "interlaced", False),
        ("tff", "", "progressive", True),
        ("progressive", "", "progressive", False),
        ("progressive", "tff=1", "interlaced", True),
    ],
)
def test_h264_is_told_and_held_against_its_flags(tmp_path, scan, flags, flagged, mismatch) -> None:
    """media 4.3 INTERLACE: flagged from the stream, mismatch."""
    options = {"preset": "veryfast", "crf": "23"} | ({"x264-params": flags} if flags else {})
    _clip(tmp_path / "a.mkv", _back_and_forth(scan, 3, 6, 60), Coding(options=options, rate=Fraction(25)))
    (item,) = _found(tmp_path / "a.mkv")
    assert (item["scan"], item["flagged"], item["mismatch"]) == (scan, flagged, mismatch)
    assert (item["startTimeOffset"], item["endTimeOffset"]) == ("0.000000s", "2.400000s")


def test_a_still_is_undetermined_and_a_change_of_scan_is_seen(tmp_path) -> None:
    """media 4.3 INTERLACE: undetermined (static)."""
    _clip(tmp_path / "a.mkv", [moved(3, 0, size=SIZE)] * WINDOW + _back_and_forth("tff", 3, 6) + _back_and_forth("progressive", 3, 6))
    assert [item["scan"] for item in _found(tmp_path / "a.mkv")] == ["undetermined", "tff", "progressive"]


def test_one_picture_alone_is_undetermined(tmp_path) -> None:
    """media 9: one frame gives full results."""
    write_clip(tmp_path / "a.mkv", [(Fraction(0), scene(1, (64, 48), 0))], [], Coding(video="ffv1", options={}))
    (item,) = Analysis(tmp_path / "a.mkv", ["INTERLACE"]).items["INTERLACE"]
    assert (item["scan"], item["flagged"], item["mismatch"]) == ("undetermined", "progressive", False)
