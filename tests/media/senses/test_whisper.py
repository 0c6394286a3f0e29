"""Whisper as a sense; tests/truth measures how well it hears."""

from pathlib import Path

import numpy as np
import pytest

from speaking import resampled, say
from triptych.media.senses.mel import RATE_HZ
from triptych.media.senses.whisper import Whisper, _passings
from triptych.media.slots import need


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    found = need("speech", Path("/nonexistent"))
    return Whisper(found.read_all())


def test_the_likelihoods_of_all_languages_make_one(whisper) -> None:
    told = whisper.languages(resampled(say("Buenas noches y bienvenidos al programa.", "es").samples, RATE_HZ))
    assert len(told) == 99
    assert sum(told.values()) == pytest.approx(1, abs=1e-4)
    assert max(told, key=told.get) == "es"


def test_a_sentence_is_read_with_words_in_order(whisper) -> None:
    (heard,) = whisper.transcribe(resampled(say("The weather is very good today.", "en-us").samples, RATE_HZ), "en")
    assert " ".join(word.text for word in heard.words) == heard.text
    starts = [word.start for word in heard.words]
    assert starts == sorted(starts)
    assert all(word.start <= word.end and 0 <= word.confidence <= 1 for word in heard.words)


def test_a_language_that_it_does_not_know_is_refused(whisper) -> None:
    with pytest.raises(ValueError, match="does not know the language 'zz'"):
        whisper.transcribe(np.zeros(RATE_HZ, np.float32), "zz")


def test_a_token_begins_where_the_path_first_comes_to_it() -> None:
    assert _passings([(0, 0), (0, 1), (1, 5), (2, 5), (2, 9)]) == [0.0, 0.1, 0.1]
