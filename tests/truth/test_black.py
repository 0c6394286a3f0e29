"""IN_BLACK on material whose black and silence are known (media 4.2, K4)."""

from fractions import Fraction

import numpy as np
import pytest

from triptych.media.sample import RATE_HZ, Coding, flat, scene, tone, write_clip
from truth.scoring import Analysis, cut, near

SIZE = (128, 72)
LOSSLESS = Coding(video="ffv1", options={}, audio="pcm_s16le")
FIFTY = Coding(video="ffv1", options={}, rate=Fraction(50))


def _clip(path, story, *, coding=LOSSLESS, rate=Fraction(25), noise=0.0):
    """Write `story`: (frames, is black, is loud) each; without any sound at all where loud is None."""
    pictures, sounds, number = [], [], 0
    dice = np.random.default_rng(7)
    for frames, is_black, is_loud in story:
        for _ in range(frames):
            planes = flat(SIZE) if is_black else scene(3, SIZE, number)
            if noise:
                planes = tuple(np.clip(np.rint(plane + dice.normal(0, noise, plane.shape)), 0, 255).astype(np.uint8) for plane in planes)
            pictures.append((Fraction(number) / rate, planes))
            number += 1
        if is_loud is not None:
            samples = round(Fraction(number) / rate * RATE_HZ) - sum(part.shape[1] for part in sounds)
            sounds.append(np.tile(tone(997, samples) * is_loud, (2, 1)))
    write_clip(path, pictures, [np.concatenate(sounds, axis=1)] if sounds else [], coding)


def _found(path, **options):
    return Analysis(path, ["IN_BLACK"], {"IN_BLACK": options}).spans("IN_BLACK")


def test_a_black_and_silent_run_has_exact_edges(tmp_path) -> None:
    _clip(tmp_path / "a.mkv", [(25, False, True), (50, True, False), (25, False, True)])
    assert _found(tmp_path / "a.mkv", delay=1) == [(1, 3)]


@pytest.mark.parametrize(("frames", "expected"), [(172, 0), (175, 1), (178, 1)], ids=["6.88 s", "7.0 s", "7.12 s"])
def test_the_default_delay_is_seven_seconds(tmp_path, frames, expected) -> None:
    _clip(tmp_path / "a.mkv", [(10, False, None), (frames, True, None), (10, False, None)])
    assert len(_found(tmp_path / "a.mkv")) == expected


def test_delay_0_reports_even_one_frame(tmp_path) -> None:
    _clip(tmp_path / "a.mkv", [(10, False, None), (1, True, None), (10, False, None), (2, True, None)])
    assert _found(tmp_path / "a.mkv", delay=0) == [(Fraction("0.4"), Fraction("0.44")), (Fraction("0.84"), Fraction("0.92"))]


def test_black_with_a_tone_and_picture_with_silence_are_no_event(tmp_path) -> None:
    _clip(tmp_path / "a.mkv", [(50, True, True), (50, False, False)])
    assert _found(tmp_path / "a.mkv", delay=0.5) == []


def test_sound_that_stops_within_black_starts_the_run_at_that_frame(tmp_path) -> None:
    _clip(tmp_path / "a.mkv", [(10, True, True), (40, True, False), (10, False, False)])
    assert _found(tmp_path / "a.mkv", delay=0.5) == [(Fraction("0.4"), 2)]


def test_no_audio_track_counts_as_silent(tmp_path) -> None:
    _clip(tmp_path / "a.mkv", [(10, False, None), (40, True, None)])
    assert _found(tmp_path / "a.mkv", delay=1) == [(Fraction("0.4"), 2)]


def test_noise_of_one_code_on_black_is_black(tmp_path) -> None:
    _clip(tmp_path / "a.mkv", [(10, False, None), (40, True, None), (10, False, None)], noise=1.0)
    assert _found(tmp_path / "a.mkv", delay=1) == [(Fraction("0.4"), 2)]


def test_29_97_edges_are_exact_and_cut(tmp_path) -> None:
    rate = Fraction(30000, 1001)
    coding = Coding(options={"preset": "veryfast", "qp": "0"}, audio="pcm_s16le", rate=rate)
    _clip(tmp_path / "a.mov", [(61, False, True), (60, True, False), (30, False, True)], coding=coding, rate=rate)
    assert _found(tmp_path / "a.mov", delay=1) == [(cut(61 / rate), cut(121 / rate))]


def test_ten_bit_full_range_black_is_read_as_such(tmp_path) -> None:
    coding = Coding(pixels="yuv420p10le", options={"preset": "veryfast", "qp": "0"})
    _clip(tmp_path / "a.mkv", [(10, False, None), (40, True, None), (10, False, None)], coding=coding)
    assert _found(tmp_path / "a.mkv", delay=1) == [(Fraction("0.4"), 2)]


@pytest.mark.parametrize("video", ["libx264", "mpeg2video", "prores_ks", "libx265"])
def test_coded_truth_is_met_within_a_frame(tmp_path, video) -> None:
    pixels = "yuv422p10le" if video == "prores_ks" else "yuv420p"
    options = {"libx264": {"crf": "23"}, "libx265": {"crf": "23", "x265-params": "log-level=none"}, "mpeg2video": {"qscale": "4"}}
    coding = Coding(video=video, pixels=pixels, options=options.get(video, {}), audio="aac")
    _clip(tmp_path / "a.mov", [(30, False, True), (40, True, False), (30, False, True)], coding=coding, noise=1.0)
    assert near(_found(tmp_path / "a.mov", delay=1), [(Fraction("1.2"), Fraction("2.8"))], Fraction("0.045"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"blackValue": 60}, 1), ({"black_value": 60}, 1), ({"black_value": 0.21}, 1), ({"black_value": 0.15}, 0), ({}, 0)],
)
def test_the_level_is_a_fraction_or_a_code(tmp_path, options, expected) -> None:
    pictures = [(Fraction(number, 25), flat(SIZE, 60)) for number in range(30)]
    write_clip(tmp_path / "a.mkv", pictures, [], LOSSLESS)
    assert len(_found(tmp_path / "a.mkv", delay=1, **options)) == expected


@pytest.mark.parametrize(("coverage", "expected"), [(0.9, 1), (0.98, 0)])
def test_coverage_is_the_share_that_must_be_black(tmp_path, coverage, expected) -> None:
    luma, u, v = flat((100, 50))
    luma[:, :5] = 200
    write_clip(tmp_path / "a.mkv", [(Fraction(number, 25), (luma, u, v)) for number in range(30)], [], LOSSLESS)
    assert len(_found(tmp_path / "a.mkv", delay=1, coverage=coverage)) == expected


def test_the_alarm_is_told_1_while_it_is_black_and_silent_and_0_else(tmp_path) -> None:
    """media 3.4: frame by frame, whatever the delay."""
    _clip(tmp_path / "a.mkv", [(10, False, True), (20, True, False), (5, True, True)])
    told = []

    class Alarm:
        def judge(self, start: Fraction, end: Fraction, severity: float) -> None:
            told.append((start, end, severity))

    Analysis(tmp_path / "a.mkv", ["IN_BLACK"], alarm=Alarm())
    assert told == [(Fraction(n, 25), Fraction(n + 1, 25), float(10 <= n < 30)) for n in range(35)]


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le", "yuv422p10le"])
def test_black_of_full_range_is_code_0(tmp_path, pixels) -> None:
    """media K1: 0 is black there, and 16 is not."""
    coding = Coding(video="ffv1", options={}, pixels=pixels, full_range=True)
    for luma, expected in ((0, 1), (2, 1), (3, 0), (16, 0)):
        write_clip(tmp_path / "a.mkv", [(Fraction(number, 25), flat(SIZE, luma)) for number in range(30)], [], coding)
        assert len(_found(tmp_path / "a.mkv", delay=1)) == expected, luma


@pytest.mark.parametrize(("frames", "expected"), [(345, 0), (350, 1), (355, 1)], ids=["6.9 s", "7.0 s", "7.1 s"])
def test_at_50_frames_a_second_the_delay_is_met_to_the_tenth(tmp_path, frames, expected) -> None:
    """media 4.2"""
    _clip(tmp_path / "a.mkv", [(10, False, None), (frames, True, None), (10, False, None)], rate=Fraction(50), coding=FIFTY)
    assert len(_found(tmp_path / "a.mkv")) == expected


def test_a_span_never_crosses_a_gap_between_segments(tmp_path) -> None:
    _clip(tmp_path / "a.mkv", [(100, True, None)])
    found = Analysis(tmp_path / "a.mkv", ["IN_BLACK"], {"IN_BLACK": {"delay": 0}}, [(0, 1_000_000), (2_000_000, 3_000_000)])
    assert found.spans("IN_BLACK") == [(0, Fraction("1.04")), (2, Fraction("3.04"))]
