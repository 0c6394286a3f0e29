"""SPOKEN_LANGUAGE on voices whose language is known (media 4.2)."""

import numpy as np
import pytest

from triptych.media.sample import RATE_HZ
from triptych.media.senses.whisper import Whisper
from truth.films import music, silence, spoken, write_sound
from truth.scoring import Analysis, seconds

TEXTS = {
    "en": "Good evening, and welcome to the programme. Tonight we look at the weather and at the long history of the railway in the north.",
    "es": "Buenas noches y bienvenidos al programa. Hoy hablamos del tiempo y de la larga historia de los trenes en el norte del país.",
    "de": "Guten Abend und willkommen zu unserer Sendung. Heute sprechen wir über das Wetter und die Geschichte der Eisenbahn.",
    "fr": "Bonsoir et bienvenue dans notre émission. Ce soir nous parlons du temps et de l'histoire des trains dans le nord.",
}
VOICES = {
    "en": ("en-us", "en-us+m7", "en-us+m3", "en-us+f2"),
    "es": ("es", "es-419", "es+m3", "es+f2"),
    "de": ("de", "de+m3", "de+m7", "de+f2"),
    "fr": ("fr", "fr+m3", "fr+m7", "fr+f2"),
}
ORDER = (("en", "de"), ("es", "fr"), ("de", "es"), ("fr", "en"))
SPEECH_S, BREAK_S, GUARD_S = 10, 5, 5
NAMES = {"en": "en", "es": "es", "de": "und", "fr": "und"}


def _label_at(items, channel, at):
    return [item["channels"][channel]["language"] for item in items if seconds(item["timeOffset"]) <= at][-1]


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """Sixteen voices of four languages on eight channels, music or silence between them."""
    path = tmp_path_factory.mktemp("voices") / "a.mkv"
    channels = []
    for number in range(8):
        one, other = ORDER[number % 4]
        between = silence(BREAK_S) if number % 2 else music(BREAK_S, number)
        place = number // 4 * 2
        first, second = (spoken(TEXTS[name], VOICES[name][place + late], SPEECH_S) for name, late in ((one, 0), (other, 1)))
        channels.append(np.concatenate([first, between, second]))
    write_sound(path, channels, "7.1")
    return Analysis(path, ["SPOKEN_LANGUAGE"]).items["SPOKEN_LANGUAGE"]


def test_the_language_is_right_for_95_percent_of_the_speech(items) -> None:
    """media 4.2: four voices each of English, Spanish, German and French, outside 5 s of changes."""
    right = []
    for channel in range(8):
        one, other = ORDER[channel % 4]
        for name, start, end in ((one, 0, SPEECH_S - GUARD_S), (other, SPEECH_S + BREAK_S + GUARD_S, 2 * SPEECH_S + BREAK_S)):
            right += [_label_at(items, channel, at) == NAMES[name] for at in range(start, end)]
    assert len(right) == 8 * 10
    assert np.mean(right) >= 0.95


def test_an_item_holds_every_channel_and_its_scores_make_one(items) -> None:
    assert items[0]["timeOffset"] == "0.000000s"
    for item in items:
        assert len(item["channels"]) == 8
        for channel in item["channels"]:
            assert sum(channel[key] for key in ("en", "es", "oob", "other")) == pytest.approx(1, abs=1e-5)
    assert all(float(seconds(item["timeOffset"])) % 5 == 0 for item in items)


def test_music_noise_and_silence_are_no_language(tmp_path) -> None:
    """media 4.2: en or es in at most 1 % of windows without speech."""
    rng = np.random.default_rng(4)
    white = (0.1 * rng.standard_normal(30 * RATE_HZ)).astype(np.float32)
    brown = np.cumsum(white - white.mean())
    write_sound(tmp_path / "a.mkv", [music(30), white, (0.2 * brown / np.abs(brown).max()).astype(np.float32), silence(30)], "quad")
    found = Analysis(tmp_path / "a.mkv", ["SPOKEN_LANGUAGE"]).items["SPOKEN_LANGUAGE"]
    assert [channel["language"] for channel in found[0]["channels"]] == ["♪"] * 4
    assert len(found) == 1


def test_a_clip_shorter_than_a_window_is_judged_all_the_same(tmp_path) -> None:
    write_sound(tmp_path / "a.mkv", [spoken(TEXTS["en"], "en-us", 4)], "mono")
    (item,) = Analysis(tmp_path / "a.mkv", ["SPOKEN_LANGUAGE"]).items["SPOKEN_LANGUAGE"]
    assert (item["timeOffset"], item["channels"][0]["language"]) == ("0.000000s", "en")


def test_only_the_segments_are_heard_and_each_begins_anew(tmp_path, monkeypatch) -> None:
    """media 2.3: the union of the segments is analysed, and the model is not asked of anything else."""
    asked = []
    languages = Whisper.languages
    monkeypatch.setattr(Whisper, "languages", lambda self, samples: asked.append(len(samples)) or languages(self, samples))
    write_sound(tmp_path / "a.mkv", [np.concatenate([spoken(TEXTS["de"], "de", 12), spoken(TEXTS["en"], "en-us", 12)])], "mono")
    segments = [(1_000_000, 4_000_000), (16_000_000, 20_900_000)]
    items = Analysis(tmp_path / "a.mkv", ["SPOKEN_LANGUAGE"], segments=segments).items["SPOKEN_LANGUAGE"]
    found = [(item["timeOffset"], item["channels"][0]["language"]) for item in items]
    assert found == [("1.000000s", "und"), ("16.000000s", "en")]
    assert sum(asked) <= 16_000 * 8.2
