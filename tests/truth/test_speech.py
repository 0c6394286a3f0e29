"""SPEECH_TRANSCRIPTION on scripts read aloud by voices whose words have known times (media 4.3)."""

import re

import numpy as np
import pytest

from speaking import resampled, say
from triptych.media.sample import RATE_HZ
from truth.films import silence, write_sound
from truth.scoring import Analysis, seconds

SCRIPTS = (
    "Good evening and welcome to the program. Tonight we look at the weather and the roads.",
    "The long history of the railway began in the north of the country many years ago.",
)
GAP_S = 1.5


def _words(text: str) -> list[str]:
    return re.sub(r"[^\w ]", "", text.lower()).split()


def _errors(told: list[str], truth: list[str]) -> int:
    """Return the least number of words changed, left out or added."""
    row = list(range(len(truth) + 1))
    for place, word in enumerate(told, 1):
        before, row = row, [place]
        for at, wanted in enumerate(truth):
            row.append(min(before[at] + (word != wanted), before[at + 1] + 1, row[at] + 1))
    return row[-1]


def _begins(text, begins, shift):
    """Return the words that are said once in all and whose beginning is known, each with it."""
    known = [(_words(text[place:])[0], shift + at) for place, at in begins.items()]
    return [(word, at) for word, at in known if _words(" ".join(SCRIPTS)).count(word) == 1]


@pytest.fixture(scope="module", params=["en-us", "en-us+m3"])
def case(request, tmp_path_factory):
    """Both scripts by one voice, a pause between them; the items, and when each word begins."""
    path = tmp_path_factory.mktemp("speech") / "a.mkv"
    first, second = (say(text, request.param) for text in SCRIPTS)
    one, other = (resampled(spoken.samples, RATE_HZ) for spoken in (first, second))
    write_sound(path, [np.concatenate([silence(0.5), one, silence(GAP_S), other, silence(0.5)])], "mono")
    shift = 0.5 + len(one) / RATE_HZ + GAP_S
    begins = [*_begins(SCRIPTS[0], first.begins, 0.5), *_begins(SCRIPTS[1], second.begins, shift)]
    options = {"languageCode": "en-US"}
    return Analysis(path, ["SPEECH_TRANSCRIPTION"], {"SPEECH_TRANSCRIPTION": options}).items["SPEECH_TRANSCRIPTION"], begins


def test_what_is_said_is_read_with_few_errors(case) -> None:
    """media 4.3: word error at most 0.15."""
    items, _ = case
    told = _words(" ".join(item["alternatives"][0]["transcript"] for item in items))
    truth = _words(" ".join(SCRIPTS))
    assert _errors(told, truth) / len(truth) <= 0.15
    assert {item["languageCode"] for item in items} == {"en-US"}


def test_each_word_is_where_it_was_said(case) -> None:
    """media 4.3: word times within 0.3 s."""
    items, truth = case
    told = [word for item in items for word in item["alternatives"][0]["words"]]
    assert all(seconds(word["startTime"]) <= seconds(word["endTime"]) for word in told)
    starts = {_words(word["word"])[0]: float(seconds(word["startTime"])) for word in told}
    off = [abs(starts[word] - at) for word, at in truth if word in starts]
    assert len(off) >= 12
    assert max(off) <= 0.3


def test_auto_tells_the_language_and_alternatives_are_as_many_as_asked(tmp_path) -> None:
    spoken = say("Guten Abend und willkommen zu unserer Sendung.", "de")
    write_sound(tmp_path / "a.mkv", [resampled(spoken.samples, RATE_HZ)], "mono")
    options = {"languageCode": "auto", "maxAlternatives": 2}
    (item,) = Analysis(tmp_path / "a.mkv", ["SPEECH_TRANSCRIPTION"], {"SPEECH_TRANSCRIPTION": options}).items["SPEECH_TRANSCRIPTION"]
    assert item["languageCode"] == "de"
    assert 1 <= len(item["alternatives"]) <= 2
    assert item["alternatives"][0]["confidence"] >= item["alternatives"][-1]["confidence"]


def test_nothing_is_said_where_nobody_speaks(tmp_path) -> None:
    write_sound(tmp_path / "a.mkv", [silence(4)], "mono")
    options = {"SPEECH_TRANSCRIPTION": {"languageCode": "en"}}
    assert Analysis(tmp_path / "a.mkv", ["SPEECH_TRANSCRIPTION"], options).items["SPEECH_TRANSCRIPTION"] == []
