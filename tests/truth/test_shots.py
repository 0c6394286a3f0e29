"""SHOT_CHANGE_DETECTION on cuts, transitions and distractors that were put there (media 4.2)."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from footage import ANIMATION, CAMERA, PORTRAIT, location
from triptych.media.sample import Coding, flat, write_clip
from truth.chunked import Chunked
from truth.ladder import SIZE, moved
from truth.scoring import Analysis, tiles

LOSSLESS = Coding(video="ffv1", options={})
FPS = 25
CODINGS = {
    "lossless 25": LOSSLESS,
    "x264 23 24": Coding(options={"preset": "veryfast", "crf": "23"}, rate=Fraction(24)),
    "x264 28 59.94 full": Coding(options={"preset": "veryfast", "crf": "28"}, rate=Fraction(60000, 1001), full_range=True),
    "x265 50 10 bit": Coding(
        video="libx265", pixels="yuv420p10le", options={"preset": "veryfast", "x265-params": "log-level=none"}, rate=Fraction(50)
    ),
    "mpeg2 29.97": Coding(video="mpeg2video", options={"qmin": "2", "qmax": "8"}, rate=Fraction(30000, 1001)),
}


def _write(path, pictures, coding=LOSSLESS):
    write_clip(path, ((number / coding.rate, picture) for number, picture in enumerate(pictures)), [], coding)


def _mixed(one, other, share):
    return tuple(np.rint(a * (1 - share) + b * share).astype(np.uint8) for a, b in zip(one, other, strict=True))


def _hold(number, frames, shift=0):
    return [moved(number, shift + frame // 2) for frame in range(frames)]


def _shots(path, **options):
    return Analysis(path, ["SHOT_CHANGE_DETECTION"], {"SHOT_CHANGE_DETECTION": options})


def _numbers(analysis, rate=Fraction(FPS)):
    return [round(start * rate) for start in analysis.cuts()]


def _panned(number, frame):
    return moved(number, frame // 4)


def _pan(number, frames, first=0):
    return [_panned(number, first + frame) for frame in range(frames)]


def test_two_hundred_hard_cuts_are_found_at_their_frame(tmp_path) -> None:
    """media 4.2: F1 >= 0.99 at zero frames; `test_ladder` has as many more through every coding."""
    lengths = np.random.default_rng(5).integers(8, 22, 201)
    pictures = (picture for number, frames in enumerate(lengths) for picture in _hold(number % 40, frames))
    _write(tmp_path / "a.mkv", pictures, replace(CODINGS["x264 23 24"], rate=Fraction(FPS)))
    truth = set(np.cumsum(lengths)[:-1].tolist())
    analysis = _shots(tmp_path / "a.mkv")
    found = set(_numbers(analysis))
    hits = len(found & truth)
    assert 2 * hits / (len(found) + len(truth)) >= 0.99
    assert tiles(analysis.items["SHOT_CHANGE_DETECTION"], "0.000000s", f"{int(lengths.sum()) * 0.04:.6f}s")


def test_no_cut_is_one_item(tmp_path) -> None:
    _write(tmp_path / "a.mkv", _hold(1, 50))
    assert _shots(tmp_path / "a.mkv").spans("SHOT_CHANGE_DETECTION") == [(0, 2)]


@pytest.mark.parametrize(
    ("coding", "is_frozen"), [*((coding, False) for coding in CODINGS.values()), (LOSSLESS, True)], ids=[*CODINGS, "lossless 25, frozen"]
)
def test_dissolves_of_12_to_50_frames_are_found_inside_themselves(tmp_path, coding, is_frozen) -> None:
    """media 4.2: F1 >= 0.90 between panning shots, that stand still meanwhile or go on."""
    dice = np.random.default_rng(1)
    pictures, truth, at = _pan(100, 60), [], 60
    for number in range(101, 113):
        length = int(dice.integers(12, 51))
        begin = len(pictures)
        moves = [0 if is_frozen else step for step in range(length)]
        pictures += [
            _mixed(_panned(number - 1, at + move), _panned(number, move), (step + 1) / (length + 1)) for step, move in enumerate(moves)
        ]
        truth.append((begin, len(pictures)))
        rest = int(dice.integers(45, 70))
        pictures += _pan(number, rest, moves[-1])
        at = moves[-1] + rest
    _write(path := tmp_path / ("a.mkv" if coding is LOSSLESS else "a.mov"), pictures, coding)
    assert _event_f1(_numbers(_shots(path), coding.rate), truth) >= 0.9


@pytest.mark.parametrize(("coding", "luma"), list(zip(CODINGS.values(), (16, 235, 16, 235, 16), strict=True)), ids=CODINGS)
def test_fades_through_a_flat_colour_are_one_boundary_inside_the_fade(tmp_path, coding, luma) -> None:
    """media 4.2: 12 to 50 frames, F1 >= 0.90."""
    dice = np.random.default_rng(3)
    colour = flat(SIZE, luma)
    pictures, truth = _pan(200, 60), []
    for number in range(201, 210):
        half = int(dice.integers(6, 26))
        begin = len(pictures)
        pictures += [_mixed(_panned(number - 1, 59), colour, (step + 1) / half) for step in range(half)]
        pictures += [_mixed(colour, _panned(number, 0), step / half) for step in range(half)]
        truth.append((begin, len(pictures)))
        pictures += _pan(number, 60)
    _write(path := tmp_path / ("a.mkv" if coding is LOSSLESS else "a.mov"), pictures, coding)
    assert _event_f1(_numbers(_shots(path), coding.rate), truth) >= 0.9


def test_movement_that_starts_and_stops_is_no_transition(tmp_path) -> None:
    """media 4.2: pans of every speed, each speeding up and slowing down, within shots of 100 frames."""
    pictures, truth = [], set()
    for number, speed in enumerate([0.25, 0.5, 1, 2, 4] * 2):
        truth.add(len(pictures))
        eased = np.cumsum(speed * np.clip(np.sin(np.arange(100) / 12), 0, None))
        pictures += [moved(number, int(at)) for at in eased]
    _write(tmp_path / "a.mkv", pictures)
    assert set(_numbers(_shots(tmp_path / "a.mkv"))) == truth - {0}


def test_flashes_whip_pans_and_overlays_are_no_cuts(tmp_path) -> None:
    """At most one false cut in a hundred distractors."""
    rest = [moved(7, 0)] * 12
    pictures = []
    for number in range(34):
        pictures += rest + [flat(SIZE, 235)] * (1 + number % 3)
    for _ in range(33):
        away = [moved(7, 6 * step) for step in range(1, 8)]
        pictures += rest + away + away[-2::-1]
    for _ in range(33):
        pictures += rest + [_overlaid(moved(7, 0))] * 12
    _write(tmp_path / "a.mkv", pictures)
    assert len(_numbers(_shots(tmp_path / "a.mkv"))) <= 1


CUTS_OF_BIKES = [30, 76, 137, 187, 242]
"""The first pictures of its shots, read by eye."""


@pytest.mark.parametrize(("name", "cuts"), [(CAMERA, CUTS_OF_BIKES), (ANIMATION, []), (PORTRAIT, [])])
def test_real_films_are_cut_where_they_are(tmp_path, name, cuts) -> None:
    """media 4.2: a camera, an animation and a portrait; the same in chunks as whole."""
    film = location(name)
    analysis = _shots(film)
    assert _numbers(analysis, Fraction(*analysis.index.video.rate)) == cuts
    whole, parts = (Chunked(film, ["SHOT_CHANGE_DETECTION"], chunk_s) for chunk_s in (1e9, 1))
    assert whole.response == parts.response


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
    pictures = [moved(1 + (number >= 40), number) for number in range(60)]
    coding = Coding(video="ffv1", options={}, time_base=Fraction(1, 1000))
    write_clip(tmp_path / "a.mkv", [(Fraction(at, 1000), picture) for at, picture in zip(starts, pictures, strict=True)], [], coding)
    assert _shots(tmp_path / "a.mkv").cuts() == [Fraction(starts[40] - starts[0], 1000)]


def test_segments_are_tiled_each_for_itself(tmp_path) -> None:
    _write(tmp_path / "a.mkv", _hold(1, 50) + _hold(2, 50) + _hold(3, 50))
    found = Analysis(tmp_path / "a.mkv", ["SHOT_CHANGE_DETECTION"], segments=[(1_000_000, 2_960_000), (4_500_000, 5_000_000)])
    assert found.spans("SHOT_CHANGE_DETECTION") == [(1, 2), (2, 3), (Fraction("4.52"), Fraction("5.04"))]


def _overlaid(picture):
    luma, u, v = (plane.copy() for plane in picture)
    luma[70:78, 30:110:2] = 235
    return luma, u, v


def _event_f1(found, truth):
    hits = sum(any(begin <= number <= end for number in found) for begin, end in truth)
    true_found = sum(any(begin <= number <= end for begin, end in truth) for number in found)
    if not hits:
        return 0.0
    precision, recall = hits / max(1, len(found)), hits / len(truth)
    assert true_found >= hits
    return 2 * precision * recall / (precision + recall)
