"""The voice detector."""

from pathlib import Path

import numpy as np
import pytest

from speaking import resampled, say
from triptych.media.senses.voice import FRAME, RATE_HZ, SPEECH, Voice
from triptych.media.slots import need


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice(need("vad", Path("/nonexistent")).read())


def test_speech_is_heard_and_silence_is_not(voice) -> None:
    speech = resampled(say("The train to the north leaves from platform nine.", "en-us").samples, RATE_HZ)
    sound = np.concatenate([np.zeros(RATE_HZ, np.float32), speech, np.zeros(RATE_HZ, np.float32)])
    likely = voice.listener().hear(sound)
    assert len(likely) == len(sound) // FRAME
    assert (likely[:25] < SPEECH).all()
    assert (likely[-20:] < SPEECH).all()
    assert (likely[35:-35] >= SPEECH).mean() > 0.7


def test_pieces_give_what_the_whole_gives(voice) -> None:
    sound = np.random.default_rng(1).standard_normal(20_000).astype(np.float32) * 0.1
    listener = voice.listener()
    pieces = [listener.hear(part) for part in np.array_split(sound, 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), voice.listener().hear(sound))
