"""MACROBLOCKING on real and made pictures, coded from pristine to starved (media 4.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import pytest

from footage import ANIMATION, CAMERA, PORTRAIT, footage, planes
from triptych.media.features.blocks import ratios, ssim
from triptych.media.measured import Measured
from triptych.media.sample import Coding, Picture, scene, write_clip
from truth.chunked import Chunked
from truth.scoring import Analysis, tiles

FRAMES = 36
LOSSLESS = Coding(video="ffv1", options={})
STEADY = "ipratio=1:pbratio=1"
"""Every picture at the quantiser that is asked for; x264 spends more on those that others refer to."""


def _mpeg2(quantiser: int) -> Coding:
    return Coding(video="mpeg2video", options={"qmin": str(quantiser), "qmax": str(quantiser), "g": "12"})


def _h264(quantiser: int, *, deblock: bool = True) -> Coding:
    params = STEADY if deblock else f"{STEADY}:no-deblock=1"
    return Coding(options={"preset": "veryfast", "qp": str(quantiser), "g": "12", "x264-params": params})


def _noisy(number: int) -> tuple:
    luma, *chroma = scene(5, (320, 180), 3 * number)
    noise = np.random.default_rng(number).normal(0, 6, luma.shape)
    return np.clip(luma + noise, 0, 255).astype(np.uint8), *chroma


CLIPS = {
    "riders": lambda: footage(CAMERA, slice(0, FRAMES)),
    "trees": lambda: footage(CAMERA, slice(150, 150 + FRAMES)),
    "portrait": lambda: footage(PORTRAIT, slice(0, FRAMES)),
    "animation": lambda: footage(ANIMATION, slice(0, FRAMES), (480, 270)),
    "animation later": lambda: footage(ANIMATION, slice(90, 90 + FRAMES), (480, 270)),
    "pan": lambda: [scene(3, (320, 180), 2 * number) for number in range(FRAMES)],
    "noisy pan": lambda: [_noisy(number) for number in range(FRAMES)],
    "still": lambda: [scene(9, (320, 180))] * FRAMES,
}
CLEAN = (LOSSLESS, _mpeg2(2), _h264(18), _h264(24))
STARVED = (_mpeg2(20), _mpeg2(31), _h264(42, deblock=False), _h264(48, deblock=False))
MPEG2_LADDER = (2, 4, 8, 13, 20, 31)
H264_LADDER = (18, 24, 30, 36, 42, 48)


@dataclass(frozen=True, slots=True)
class Scored:
    """What one coded clip gives: the score of each sampled picture, and how much more it kinks on the grid than beside it."""

    scores: np.ndarray
    ratios: np.ndarray


class Ladder:
    """Codes the clips and keeps what each gave."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[tuple[str, str], Scored] = {}

    def scored(self, clip: str, coding: Coding) -> Scored:
        key = clip, f"{coding.video} {coding.options}"
        if key not in self._found:
            self._found[key] = _score(_write(self._folder / f"{len(self._found)}.mkv", _pictures(clip), coding))
        return self._found[key]


@lru_cache
def _pictures(clip: str) -> list[Picture]:
    return CLIPS[clip]()


def _write(path: Path, pictures: Iterable[Picture], coding: Coding) -> Path:
    write_clip(path, ((Fraction(at, 25), planes) for at, planes in enumerate(pictures)), [], coding)
    return path


def _score(path: Path) -> Scored:
    run = Analysis(path, ["MACROBLOCKING"], {"MACROBLOCKING": {"sampleHz": 5}})
    frames = [frame for message in run.messages if isinstance(message, Measured) for frame in message.frames]
    samples = [np.frombuffer(frame.looks["MACROBLOCKING"], np.float32).reshape(2, 8) for frame in frames if frame.looks]
    return Scored(ssim(samples), ratios(samples))


def _ranks(values: Sequence[float]) -> np.ndarray:
    return np.argsort(np.argsort(values))


@pytest.fixture(scope="module")
def ladder(tmp_path_factory) -> Ladder:
    return Ladder(tmp_path_factory.mktemp("ladder"))


@pytest.mark.parametrize("clip", CLIPS)
def test_what_is_coded_well_scores_above_95_percent(ladder, clip) -> None:
    """media 4.2 MACROBLOCKING: uncompressed, MPEG-2 q 2 and H.264 QP up to 24."""
    for coding in CLEAN:
        assert ladder.scored(clip, coding).scores.mean() > 0.95, coding


@pytest.mark.parametrize("clip", CLIPS)
def test_what_is_starved_scores_below_86_percent(ladder, clip) -> None:
    """media 4.2 MACROBLOCKING: MPEG-2 q from 20, and H.264 without deblocking from QP 42."""
    for coding in STARVED:
        assert ladder.scored(clip, coding).scores.mean() < 0.86, coding


def test_single_pictures_of_both_kinds_are_told_apart(ladder) -> None:
    """media 4.2 MACROBLOCKING: area under the curve at least 0.99."""
    good, bad = (np.concatenate([ladder.scored(clip, coding).scores for clip in CLIPS for coding in kind]) for kind in (CLEAN, STARVED))
    above = np.mean(good[:, None] > bad) + np.mean(good[:, None] == bad) / 2
    assert len(good) > 200
    assert above >= 0.99


@pytest.mark.parametrize("clip", CLIPS)
def test_the_ratio_rises_with_the_quantiser(ladder, clip) -> None:
    """media 4.2 MACROBLOCKING: rank correlation at least 0.9 in every ladder."""
    for rungs in ([_mpeg2(step) for step in MPEG2_LADDER], [_h264(step, deblock=False) for step in H264_LADDER]):
        means = [ladder.scored(clip, coding).ratios.mean() for coding in rungs]
        assert np.corrcoef(_ranks(means), np.arange(len(means)))[0, 1] >= 0.9, means


@pytest.mark.parametrize("clip", CLIPS)
def test_a_crop_that_moves_the_grid_changes_little(tmp_path, clip) -> None:
    """media 4.2 MACROBLOCKING: 3 by 5 pixels cut off a starved clip."""
    starved = _write(tmp_path / "starved.mkv", _pictures(clip), STARVED[0])
    with av.open(str(starved)) as film:
        lumas = [planes(frame)[0] for frame in film.decode(film.streams.video[0])]
    whole, cropped = (
        _score(_write(tmp_path / "seen.mkv", [_grey(luma[top:, left:]) for luma in lumas], LOSSLESS)) for top, left in ((0, 0), (5, 3))
    )
    assert abs(whole.scores.mean() - cropped.scores.mean()) <= 0.03


def _grey(luma: np.ndarray) -> Picture:
    height, width = luma.shape
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    return luma, chroma, chroma


def test_spans_follow_shots_and_cover_the_film(tmp_path) -> None:
    """media 4.2 MACROBLOCKING: split every 10 s; a shot of a fifth of a second has a score of its own picture."""
    story = [(1, 280), (2, 5), (3, 40)]
    pictures = [scene(number, (96, 54), at) for number, frames in story for at in range(frames)]
    items = Analysis(_write(tmp_path / "a.mkv", pictures, LOSSLESS), ["MACROBLOCKING"]).items["MACROBLOCKING"]
    assert tiles(items, "0.000000s", "13.000000s")
    assert [item["startTimeOffset"] for item in items] == ["0.000000s", "10.000000s", "11.200000s", "11.400000s"]
    assert all(0 < item["ssim"]["min"] <= item["ssim"]["mean"] <= 1 for item in items)


def test_each_segment_is_covered_by_itself(tmp_path) -> None:
    """media 4.2 MACROBLOCKING: the analysed span, even where a segment is too short to be sampled."""
    path = _write(tmp_path / "a.mkv", [scene(1, (96, 54), at) for at in range(60)], LOSSLESS)
    run = Analysis(path, ["MACROBLOCKING"], segments=[(100_000, 200_000), (1_000_000, 1_960_000)])
    assert run.spans("MACROBLOCKING") == [(Fraction("0.12"), Fraction("0.24")), (1, 2)]


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p10le", "yuv444p12le", "gray"])
def test_depth_and_chroma_change_nothing(tmp_path, pixels) -> None:
    """media K1, MACROBLOCKING: codes are normalised to 8 bits."""
    plain, other = (
        _score(_write(tmp_path / "a.mkv", _pictures("pan")[:12], Coding(video="ffv1", options={}, pixels=form)))
        for form in ("yuv420p", pixels)
    )
    assert np.allclose(plain.ratios, other.ratios, atol=0.02)


def test_uneven_times_and_odd_sizes_are_scored(tmp_path) -> None:
    """media MACROBLOCKING: the first picture at or after each half second."""
    times = [Fraction(at * at, 1000) for at in range(50)]
    write_clip(
        tmp_path / "a.mkv", [(at, scene(1, (99, 57))) for at in times], [], Coding(video="ffv1", options={}, time_base=Fraction(1, 1000))
    )
    items = Analysis(tmp_path / "a.mkv", ["MACROBLOCKING"]).items["MACROBLOCKING"]
    assert tiles(items, "0.000000s", items[-1]["endTimeOffset"])
    assert items[0]["ssim"]["mean"] > 0.95


def test_chunks_give_the_bytes_of_the_whole(tmp_path) -> None:
    """media P5, MACROBLOCKING."""
    pictures = [scene(at // 70, (160, 90), at) for at in range(300)]
    coding = Coding(options={"preset": "veryfast", "crf": "36", "g": "25"})
    path = _write(tmp_path / "a.mkv", pictures, coding)
    whole, cut = Chunked(path, ["MACROBLOCKING"], 60), Chunked(path, ["MACROBLOCKING"], 3)
    assert cut.chunks > 1
    assert cut.response == whole.response
