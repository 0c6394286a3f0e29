"""SPEECH_TRANSCRIPTION beside its models; tests/truth measures with them."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from speaking import resampled, say
from triptych.media.features.speech import Speech, SpeechEar
from triptych.media.measured import Heard
from triptych.media.options import SpeechOptions


def _told(text, *words):
    return {"language": "en-US", "readings": [{"text": text, "confidence": 0.8, "words": [list(word) for word in words]}]}


def test_an_utterance_becomes_an_item_in_the_documented_shape() -> None:
    """media 4.3."""
    feature = Speech(SpeechOptions(languageCode="en-US"))
    feature.heard(Heard(start=Fraction(2), end=Fraction(3), value=[_told("All right.", (1500, 1740, "All"), (1740, 2000, "right."))]))
    assert feature.items() == [
        {
            "alternatives": [
                {
                    "transcript": "All right.",
                    "confidence": 0.8,
                    "words": [
                        {"startTime": "1.500000s", "endTime": "1.740000s", "word": "All"},
                        {"startTime": "1.740000s", "endTime": "2.000000s", "word": "right."},
                    ],
                }
            ],
            "languageCode": "en-US",
        }
    ]


@pytest.mark.parametrize(("asked", "expected"), [((0,), "weather"), ((1,), "railway"), ((5,), "")])
def test_a_track_is_a_stream_with_all_its_channels(asked, expected) -> None:
    """media 4.3: audioTracks."""
    feature = Speech(SpeechOptions(languageCode="en", audioTracks=asked))
    feature.models_dir, feature.tracks = Path("/nonexistent"), (2, 1)
    feature.prepare()
    ear = feature.ear(16_000, 3)
    assert isinstance(ear, SpeechEar)
    first, second = (
        resampled(say(text, "en-us").samples, 16_000) for text in ("The weather is good today.", "The railway began in the north.")
    )
    count = min(len(first), len(second))
    sound = np.stack([first[:count], first[:count], second[:count]])
    told = [*(ear.hear(0, sound) or []), *(ear.finish() or [])]
    text = " ".join(one["readings"][0]["text"] for one in told)
    assert expected in text.lower()
    assert bool(told) == bool(expected)
