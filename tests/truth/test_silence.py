"""SILENCE on sines that are muted at known times (media 4.3)."""

from fractions import Fraction

import numpy as np
import pytest

from triptych.media.sample import RATE_HZ, Coding, flat, tone, write_clip
from truth.scoring import Analysis, near

STORY = ((1.234, True), (2.5, False), (1.111, True), (1.9, False), (0.7, True), (3.006, False))
"""Seconds, and whether anything is heard; 1.9 s are too short."""
TRUTH = [(Fraction("1.234"), Fraction("3.734")), (Fraction("7.445"), Fraction("10.451"))]
PCM, CODED = Fraction(10, 1000), Fraction(50, 1000)


def _sound(story=STORY, *, peak: float = 0.25) -> np.ndarray:
    parts = [tone(997, round(seconds * RATE_HZ), peak=peak if is_heard else 0.0) for seconds, is_heard in story]
    return np.tile(np.concatenate(parts), (2, 1))


def _written(path, sound: np.ndarray, coding: Coding, *, film: bool = False):
    pictures = [(Fraction(number, 25), flat((32, 18))) for number in range(sound.shape[1] * 25 // RATE_HZ)] if film else []
    write_clip(path, pictures, [sound], coding)
    return path


def _found(path, **options) -> list:
    analysis = Analysis(path, ["SILENCE"], {"SILENCE": options})
    assert not analysis.failed
    return analysis.spans("SILENCE")


@pytest.mark.parametrize(("name", "audio"), [("a.wav", "pcm_s16le"), ("a.wav", "pcm_s24le"), ("a.flac", "flac")])
def test_muted_sines_have_edges_within_10_ms(tmp_path, name, audio) -> None:
    """media 4.3 SILENCE: edges within 10 ms for PCM."""
    assert near(_found(_written(tmp_path / name, _sound(), Coding(audio=audio))), TRUTH, PCM)


def test_a_film_has_the_same_edges_as_its_sound(tmp_path) -> None:
    """media 4.3 SILENCE: steps of 10 ms, whatever the pictures do."""
    path = _written(tmp_path / "a.mkv", _sound(), Coding(audio="pcm_s16le"), film=True)
    assert near(_found(path), [TRUTH[0], (TRUTH[1][0], Fraction("10.44"))], PCM)


@pytest.mark.parametrize(("name", "audio"), [("a.m4a", "aac"), ("a.mp4", "aac"), ("a.mkv", "ac3"), ("a.mkv", "libopus"), ("a.mp2", "mp2")])
def test_coded_sines_have_edges_within_50_ms(tmp_path, name, audio) -> None:
    """media 4.3 SILENCE: edges within 50 ms coded."""
    story = (*STORY[:-1], (3.006, False), (1.0, True))
    assert near(_found(_written(tmp_path / name, _sound(story), Coding(audio=audio))), TRUTH, CODED)


@pytest.mark.parametrize(("peak", "found"), [(0.0013, 1), (0.0015, 0)])
def test_the_level_parts_silence_from_sound(tmp_path, peak, found) -> None:
    """media 4.3 SILENCE: -60 dBFS RMS; a sine of -60 dBFS RMS peaks at 0.00141."""
    path = _written(tmp_path / "a.wav", _sound(((3, True),), peak=peak), Coding(audio="pcm_s24le"))
    assert len(_found(path)) == found
    assert len(_found(path, level=-40)) == 1


def test_channels_are_told_apart(tmp_path) -> None:
    """media 4.3 SILENCE: perChannel, `channels`."""
    sound = _sound(((1, True), (5, True)))
    sound[0, RATE_HZ : 4 * RATE_HZ] = 0
    sound[1, 2 * RATE_HZ : 5 * RATE_HZ] = 0
    path = _written(tmp_path / "a.wav", sound, Coding(audio="pcm_s16le"))
    assert _found(path, duration=1) == [(2, 4)]
    items = Analysis(path, ["SILENCE"], {"SILENCE": {"perChannel": True}}).items["SILENCE"]
    assert [(item["channels"], item["startTimeOffset"], item["endTimeOffset"]) for item in items] == [
        ([1], "1.000000s", "4.000000s"),
        ([2], "2.000000s", "5.000000s"),
    ]


def test_a_segment_cuts_a_silence(tmp_path) -> None:
    path = _written(tmp_path / "a.wav", np.zeros((2, 10 * RATE_HZ), np.float32), Coding(audio="pcm_s16le"))
    analysis = Analysis(path, ["SILENCE"], segments=[(0, 2_990_000), (5_000_000, 8_990_000)])
    assert analysis.spans("SILENCE") == [(0, 3), (5, 9)]
