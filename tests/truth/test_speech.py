"""SPEECH_TRANSCRIPTION on scripts read aloud by voices whose words have known times (media 4.3)."""

import re

import numpy as np
import pytest

from speaking import resampled, say
from triptych.media.sample import RATE_HZ
from truth.films import music, silence, write_sound
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


def test_only_the_segments_are_read_at_their_true_times(tmp_path) -> None:
    """media 2.3: offsets stay relative to the start of the file."""
    one, other = (resampled(say(text, "en-us").samples, RATE_HZ) for text in SCRIPTS)
    write_sound(tmp_path / "a.mkv", [np.concatenate([one, silence(1), other, silence(1)])], "mono")
    begins = len(one) / RATE_HZ + 1
    options = {"SPEECH_TRANSCRIPTION": {"languageCode": "en"}}
    segments = [(round((begins - 0.5) * 1e6), round(1e6 * (begins + 60)))]
    (item,) = Analysis(tmp_path / "a.mkv", ["SPEECH_TRANSCRIPTION"], options, segments).items["SPEECH_TRANSCRIPTION"]
    words = item["alternatives"][0]["words"]
    assert _errors([_words(word["word"])[0] for word in words], _words(SCRIPTS[1])) <= 2
    assert abs(float(seconds(words[0]["startTime"])) - begins) <= 0.3


def _siren(length_s: float) -> np.ndarray:
    """Return a tone that goes up and down three times a second: the voice detector takes it for speech, and Whisper reads "Whoa, whoa"."""
    time = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * 300 * time + 200 / 3 * np.sin(2 * np.pi * 3 * time))).astype(np.float32)


def _sung(length_s: float) -> np.ndarray:
    """Return vowels without words, half a second each."""
    time, parts = np.arange(RATE_HZ // 2) / RATE_HZ, np.arange(1, 20)[:, None]
    notes = []
    for pitch in np.random.default_rng(1).choice([180, 200, 220, 247, 262, 294], round(2 * length_s)):
        weights = np.exp(-(((parts * pitch - 700) / 300) ** 2)) + 0.5 * np.exp(-(((parts * pitch - 1200) / 200) ** 2))
        tones = np.sin(parts * (2 * np.pi * pitch * time + 3 * np.sin(2 * np.pi * 5.5 * time)))
        notes.append((weights * tones).sum(axis=0) * np.hanning(len(time)) * 0.2)
    return np.concatenate(notes).astype(np.float32)


@pytest.mark.parametrize("sound", [_siren, _sung, music], ids=["siren", "sung", "music"])
def test_no_words_are_invented_where_nobody_speaks(sound, tmp_path) -> None:
    """media 1: a result is measured or absent, never guessed."""
    write_sound(tmp_path / "a.mkv", [np.concatenate([silence(0.5), sound(10), silence(1)])], "mono")
    options = {"SPEECH_TRANSCRIPTION": {"languageCode": "auto"}}
    assert Analysis(tmp_path / "a.mkv", ["SPEECH_TRANSCRIPTION"], options).items["SPEECH_TRANSCRIPTION"] == []


@pytest.mark.parametrize(("text", "voice"), [("No, thanks.", "en-us"), ("Guten Abend und willkommen zu unserer Sendung.", "de")])
@pytest.mark.parametrize("before_s", [0, 0.5])
def test_a_short_sentence_is_read_once(text, voice, before_s, tmp_path) -> None:
    """media 4.3: word error; Whisper says short sound again and again where too little silence follows it."""
    write_sound(tmp_path / "a.mkv", [np.concatenate([silence(before_s), resampled(say(text, voice).samples, RATE_HZ), silence(1)])], "mono")
    options = {"SPEECH_TRANSCRIPTION": {"languageCode": voice}}
    (item,) = Analysis(tmp_path / "a.mkv", ["SPEECH_TRANSCRIPTION"], options).items["SPEECH_TRANSCRIPTION"]
    assert _errors(_words(item["alternatives"][0]["transcript"]), _words(text)) <= 0.3 * len(_words(text))
