"""Sound cut at pauses."""

from pathlib import Path

import numpy as np
import pytest

from speaking import resampled, say
from triptych.media.senses.rate import RATE_HZ
from triptych.media.senses.utterances import LONGEST_S, Cutter
from triptych.media.senses.voice import Voice
from triptych.media.slots import need

SENTENCE = "The train to the north leaves from platform nine in a few minutes."


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice(need("vad", Path("/nonexistent")).read())


def _speech() -> np.ndarray:
    return resampled(say(SENTENCE, "en-us").samples, RATE_HZ)


def _still(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def _cut(voice, sound, parts=1):
    cutter = Cutter(voice.listener())
    return [one for part in np.array_split(sound, parts) for one in cutter.hear(part)] + list(cutter.finish())


def test_a_pause_ends_an_utterance_and_its_place_is_known(voice) -> None:
    speech = _speech()
    found = _cut(voice, np.concatenate([_still(2), speech, _still(1.5), speech, _still(1)]))
    assert len(found) == 2
    for one, start in zip(found, (2, 2 + len(speech) / RATE_HZ + 1.5), strict=True):
        assert start - 0.5 <= one.start_s <= start + 0.1
        assert len(one.samples) / RATE_HZ >= len(speech) / RATE_HZ - 0.2


def test_what_comes_in_pieces_is_cut_alike(voice) -> None:
    sound = np.concatenate([_still(1), _speech(), _still(1)])
    (whole,), (pieces,) = _cut(voice, sound), _cut(voice, sound, 31)
    assert whole.start_s == pieces.start_s
    np.testing.assert_array_equal(whole.samples, pieces.samples)


def test_the_end_cuts_off_and_endless_speech_is_cut_in_time(voice) -> None:
    found = _cut(voice, np.tile(_speech(), 10))
    assert len(found) >= 2
    assert all(len(one.samples) <= LONGEST_S * RATE_HZ + 512 for one in found)
    assert sum(len(one.samples) for one in found) >= 0.9 * 10 * len(_speech())


def test_silence_holds_none(voice) -> None:
    assert _cut(voice, _still(3)) == []
