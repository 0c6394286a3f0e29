"""LEVELS on ramps and patches at set levels (media 4.3, K4)."""

from fractions import Fraction

import av
import numpy as np
import pytest

from triptych.media.sample import Coding, flat, scene, write_clip
from truth.scoring import Analysis

SIZE = (320, 180)
LOSSLESS = Coding(video="ffv1", options={}, rate=Fraction(10))


def patched(codes, share):
    """Return a scene with these codes in the right hand `share` of it."""
    planes = [plane.copy() for plane in scene(2, SIZE)]
    for plane, code in zip(planes, codes, strict=True):
        plane[:, plane.shape[1] - round(plane.shape[1] * share) :] = code
    return tuple(planes)


def _found(path, pictures, coding=LOSSLESS, **options):
    write_clip(path, [(number / coding.rate, planes) for number, planes in enumerate(pictures)], [], coding)
    analysis = Analysis(path, ["LEVELS"], {"LEVELS": options})
    return analysis.items["LEVELS"], analysis


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ((13, 128, 128), "luma"),
        ((242, 128, 128), "luma"),
        ((14, 128, 128), None),
        ((241, 128, 128), None),
        ((81, 90, 240), None),
        ((81, 90, 247), None),
        ((81, 90, 251), "rgb"),
        ((30, 200, 128), None),
        ((28, 200, 128), "rgb"),
    ],
)
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_patches_are_judged_by_their_levels_and_measured(tmp_path, codes, kind, share) -> None:
    """media 4.3 LEVELS: area within 0.1 %, limits within a code."""
    items, _ = _found(tmp_path / "a.mkv", [patched(codes, share)] * 3)
    assert [item["kind"] for item in items] == ([kind] if kind else [])
    assert all(abs(item["areaOutside"] - share) <= 0.001 for item in items)


def test_a_ramp_over_all_codes_gives_its_extremes_and_share(tmp_path) -> None:
    luma, u, v = flat((256, 64))
    luma[:] = np.arange(256, dtype=np.uint8)
    (item,), _ = _found(tmp_path / "a.mkv", [(luma, u, v)] * 3)
    assert (item["yMin"], item["yMax"]) == (0, 255)
    assert item["areaOutside"] == pytest.approx((14 + 14) / 256, abs=0.001)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.00625, 0), (0.0125, 1)])
def test_one_percent_may_be_outside(tmp_path, share, expected) -> None:
    """media 4.3 LEVELS: area 1 %."""
    assert len(_found(tmp_path / "a.mkv", [patched((250, 128, 128), share)] * 3)[0]) == expected


def test_spans_begin_and_end_with_the_sampled_pictures(tmp_path) -> None:
    pictures = [patched((250, 128, 128), 0.3 if 10 <= number < 20 else 0.0) for number in range(30)]
    (item,), analysis = _found(tmp_path / "a.mkv", pictures)
    assert (item["startTimeOffset"], item["endTimeOffset"]) == ("1.000000s", "2.000000s")
    (item,), _ = _found(tmp_path / "b.mkv", pictures[3:], sampleHz=0)
    assert (item["startTimeOffset"], item["endTimeOffset"]) == ("0.700000s", "1.700000s")
    totals = analysis._features["LEVELS"].extras()["levelsTotals"]
    assert (totals["pictures"], totals["picturesOutside"], totals["maxAreaOutside"]) == (6, 2, pytest.approx(0.3, abs=0.001))


def test_ten_bit_loses_nothing(tmp_path) -> None:
    """media K1: codes are fractions of 8 bits."""
    coding = Coding(options={"preset": "veryfast", "qp": "0"}, pixels="yuv420p10le", rate=Fraction(10))
    (item,), _ = _found(tmp_path / "a.mkv", [patched((250, 128, 128), 0.3)] * 3, coding)
    assert (item["kind"], item["yMax"]) == ("both", 250)
    assert item["areaOutside"] == pytest.approx(0.3, abs=0.001)


def test_pictures_in_rgb_lie_within_bounds(tmp_path) -> None:
    rows = np.linspace(0, 255, 96).astype(np.uint8)
    picture = np.stack(np.broadcast_arrays(rows[:, None], rows[None], np.uint8(255)), axis=2)
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "bgr0"
        for _ in range(3):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="bgr0")))
        out.mux(stream.encode(None))
    assert Analysis(tmp_path / "a.mkv", ["LEVELS"]).items["LEVELS"] == []
