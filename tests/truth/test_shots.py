"""SHOT_CHANGE_DETECTION on cuts, transitions and distractors that were put there (media 4.2)."""

from fractions import Fraction

import numpy as np
import pytest

from triptych.media.sample import Coding, flat, scene, write_clip
from truth.scoring import Analysis, tiles

SIZE = (320, 180)
LOSSLESS = Coding(video="ffv1", options={})
FPS = 25


def _write(path, pictures, coding=LOSSLESS):
    write_clip(path, ((Fraction(number, FPS), picture) for number, picture in enumerate(pictures)), [], coding)


def _mixed(one, other, share):
    return tuple(np.rint(a * (1 - share) + b * share).astype(np.uint8) for a, b in zip(one, other, strict=True))


def _hold(number, frames, shift=0):
    return [scene(number, SIZE, shift + frame // 2) for frame in range(frames)]


def _shots(path, **options):
    return Analysis(path, ["SHOT_CHANGE_DETECTION"], {"SHOT_CHANGE_DETECTION": options})


def _numbers(analysis):
    return [int(start * FPS) for start in analysis.cuts()]


@pytest.mark.parametrize("video", ["ffv1", "libx264"])
def test_two_hundred_hard_cuts_are_found_at_their_frame(tmp_path, video) -> None:
    lengths = np.random.default_rng(5).integers(8, 30, 201)
    coding = Coding(video=video, options={} if video == "ffv1" else {"preset": "veryfast", "crf": "23"})
    _write(tmp_path / "a.mkv", (picture for number, frames in enumerate(lengths) for picture in _hold(number, frames)), coding)
    truth = set(np.cumsum(lengths)[:-1].tolist())
    analysis = _shots(tmp_path / "a.mkv")
    found = set(_numbers(analysis))
    hits = len(found & truth)
    assert 2 * hits / (len(found) + len(truth)) >= 0.99
    assert tiles(analysis.items["SHOT_CHANGE_DETECTION"], "0.000000s", f"{int(lengths.sum()) * 0.04:.6f}s")


def test_no_cut_is_one_item(tmp_path) -> None:
    _write(tmp_path / "a.mkv", _hold(1, 50))
    assert _shots(tmp_path / "a.mkv").spans("SHOT_CHANGE_DETECTION") == [(0, 2)]


@pytest.mark.parametrize("seed", [1, 2])
def test_dissolves_of_12_to_50_frames_are_found_inside_themselves(tmp_path, seed) -> None:
    dice = np.random.default_rng(seed)
    pictures, truth = _hold(100, 70), []
    for number in range(101, 117):
        length = int(dice.integers(12, 51))
        begin = len(pictures)
        old, new = pictures[-1], scene(number, SIZE)
        pictures += [_mixed(old, new, (step + 1) / (length + 1)) for step in range(length)]
        truth.append((begin, len(pictures)))
        pictures += _hold(number, int(dice.integers(50, 80)))
    _write(tmp_path / "a.mkv", pictures)
    assert _event_f1(_numbers(_shots(tmp_path / "a.mkv")), truth) >= 0.9


def test_fades_through_black_are_one_boundary_inside_the_fade(tmp_path) -> None:
    dice = np.random.default_rng(3)
    pictures, truth = _hold(200, 70), []
    for number in range(201, 213):
        half = int(dice.integers(6, 26))
        begin = len(pictures)
        pictures += [scene(number - 1, SIZE, 34, light=1 - (step + 1) / half) for step in range(half)]
        pictures += [scene(number, SIZE, 0, light=step / half) for step in range(half)]
        truth.append((begin, len(pictures)))
        pictures += _hold(number, 70)
    _write(tmp_path / "a.mkv", pictures)
    assert _event_f1(_numbers(_shots(tmp_path / "a.mkv")), truth) >= 0.9


def test_flashes_whip_pans_and_overlays_are_no_cuts(tmp_path) -> None:
    """At most one false cut in a hundred distractors."""
    rest = [scene(7, SIZE)] * 12
    pictures = []
    for number in range(34):
        pictures += rest + [flat(SIZE, 235)] * (1 + number % 3)
    for _ in range(33):
        away = [scene(7, SIZE, 12 * step) for step in range(1, 8)]
        pictures += rest + away + away[-2::-1]
    for _ in range(33):
        pictures += rest + [_overlaid(scene(7, SIZE))] * 12
    _write(tmp_path / "a.mkv", pictures)
    assert len(_numbers(_shots(tmp_path / "a.mkv"))) <= 1


def test_a_flash_between_two_scenes_keeps_the_cut(tmp_path) -> None:
    _write(tmp_path / "a.mkv", [*_hold(1, 30), flat(SIZE, 235), *_hold(2, 30)])
    assert len(_numbers(_shots(tmp_path / "a.mkv"))) >= 1


def test_min_shot_length_0_keeps_both_edges_of_a_flash(tmp_path) -> None:
    _write(tmp_path / "a.mkv", [*_hold(1, 30), flat(SIZE, 235), *_hold(1, 30, 15)])
    assert _numbers(_shots(tmp_path / "a.mkv", minShotLength=0)) == [30, 31]
    assert _numbers(_shots(tmp_path / "a.mkv")) == []


def test_variable_frame_times_are_the_edges(tmp_path) -> None:
    """G6: the rate is never used for time."""
    starts = np.cumsum(np.random.default_rng(9).integers(20, 61, 60)).tolist()
    pictures = [scene(1 + (number >= 40), SIZE, number) for number in range(60)]
    coding = Coding(video="ffv1", options={}, time_base=Fraction(1, 1000))
    write_clip(tmp_path / "a.mkv", [(Fraction(at, 1000), picture) for at, picture in zip(starts, pictures, strict=True)], [], coding)
    assert _shots(tmp_path / "a.mkv").cuts() == [Fraction(starts[40] - starts[0], 1000)]


def test_segments_are_tiled_each_for_itself(tmp_path) -> None:
    _write(tmp_path / "a.mkv", _hold(1, 50) + _hold(2, 50) + _hold(3, 50))
    found = Analysis(tmp_path / "a.mkv", ["SHOT_CHANGE_DETECTION"], segments=[(1_000_000, 2_960_000), (4_500_000, 5_000_000)])
    assert found.spans("SHOT_CHANGE_DETECTION") == [(1, 2), (2, 3), (Fraction("4.52"), Fraction("5.04"))]


def _overlaid(picture):
    luma, u, v = (plane.copy() for plane in picture)
    luma[140:156, 60:220:2] = 235
    return luma, u, v


def _event_f1(found, truth):
    hits = sum(any(begin <= number <= end for number in found) for begin, end in truth)
    true_found = sum(any(begin <= number <= end for begin, end in truth) for number in found)
    if not hits:
        return 0.0
    precision, recall = hits / max(1, len(found)), hits / len(truth)
    assert true_found >= hits
    return 2 * precision * recall / (precision + recall)
