"""AUDIO_PHASE on pairs that are inverted, delayed, wide and equal (media 4.3)."""

from fractions import Fraction

import numpy as np
import pytest

from triptych.media.sample import RATE_HZ, Coding, flat, write_clip
from truth.scoring import Analysis, seconds

EDGE = 0.4
DELAY = 240
LENGTH_S = 3


def _programme(seed: int, seconds_long: float = LENGTH_S) -> np.ndarray:
    """Return sound like a programme's: noise that falls with frequency and breathes."""
    samples = round(seconds_long * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(20, np.arange(len(spectrum)))), samples)
    return 0.1 * pink / pink.std() * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * np.arange(samples) / RATE_HZ))


def _pair(kind: str, seed: int) -> np.ndarray:
    left, other = _programme(seed), _programme(seed + 100)
    return {
        "reversed": lambda: np.stack([left, -left]),
        "quieter and reversed": lambda: np.stack([left, -0.5 * left + 0.05 * other]),
        "dual_mono": lambda: np.stack([left, left]),
        "delayed": lambda: np.stack([left, np.roll(left, DELAY)]),
        "wide": lambda: np.stack([left + 0.5 * other, other - 0.5 * left]),
        "stereo": lambda: np.stack([left, 0.6 * left + 0.5 * other]),
        "silent": lambda: np.zeros((2, len(left))),
    }[kind]()


def _analysed(path, sound: np.ndarray, coding: Coding) -> list:
    pictures = [(Fraction(number, 25), flat((32, 18))) for number in range(sound.shape[1] * 25 // RATE_HZ)]
    write_clip(path, pictures if path.suffix == ".mkv" else [], [sound.astype(np.float32)], coding)
    analysis = Analysis(path, ["AUDIO_PHASE"])
    assert not analysis.failed
    return analysis.items["AUDIO_PHASE"]


KINDS = ("stereo", "reversed", "delayed", "dual_mono", "wide", "quieter and reversed", "silent", "dual_mono", "stereo", "reversed")
TRUTH = [("reversed", 1), ("dual_mono", 3), ("reversed", 5), ("dual_mono", 7), ("reversed", 9)]


@pytest.mark.parametrize(("name", "audio"), [("a.wav", "pcm_s16le"), ("a.mkv", "aac"), ("a.mkv", "ac3")])
def test_kinds_are_right_and_edges_within_0_4_s(tmp_path, name, audio) -> None:
    """media 4.3 AUDIO_PHASE: inverted, delayed, wide and dual-mono pairs: kind 100 %, edges within 0.4 s."""
    sound = np.concatenate([_pair(kind, seed) for seed, kind in enumerate(KINDS)], axis=1)
    items = _analysed(tmp_path / name, sound, Coding(audio=audio))
    assert [(item["kind"], item["pair"]) for item in items] == [(kind, [1, 2]) for kind, _ in TRUTH]
    for item, (_, place) in zip(items, TRUTH, strict=True):
        assert abs(float(seconds(item["startTimeOffset"])) - place * LENGTH_S) <= EDGE
        assert abs(float(seconds(item["endTimeOffset"])) - (place + 1) * LENGTH_S) <= EDGE


def test_pairs_of_one_stream_are_judged_apart(tmp_path) -> None:
    sound = np.concatenate([_pair("stereo", 1), _pair("reversed", 2), _pair("dual_mono", 3)])
    items = _analysed(tmp_path / "a.wav", sound, Coding(audio="pcm_s16le", layout="5.1"))
    assert [(item["pair"], item["kind"], item["correlation"]) for item in items] == [([3, 4], "reversed", -1.0), ([5, 6], "dual_mono", 1.0)]


@pytest.mark.parametrize(("length_s", "found"), [(1.6, 0), (2.4, 1)])
def test_shorter_than_two_seconds_is_not_told(tmp_path, length_s, found) -> None:
    """media 4.3 AUDIO_PHASE: at least 2 s."""
    left = _programme(5, length_s)
    sound = np.concatenate([np.zeros((2, RATE_HZ)), np.stack([left, -left]), np.zeros((2, RATE_HZ))], axis=1)
    assert len(_analysed(tmp_path / "a.wav", sound, Coding(audio="pcm_s16le"))) == found


def test_a_single_channel_has_no_phase(tmp_path) -> None:
    assert _analysed(tmp_path / "a.wav", _programme(1)[None], Coding(audio="pcm_s16le", layout="mono")) == []
