from fractions import Fraction

import pytest

from triptych.media.captioning import valid
from triptych.media.features.captions import CaptionLanguage, masks, severity
from triptych.media.language import Guess
from triptych.media.measured import Seen
from triptych.media.options import CaptionAlarm, CaptionLanguageOptions
from truth.captioner import Line21, Track

EMPTY = {"language": "", "en": 0.0, "es": 0.0, "confidence": 0.0}


class Heard:
    def __init__(self) -> None:
        self.told: list[tuple] = []

    def judge(self, start, end, bad) -> None:
        self.told.append((start, end, bad))


def _run(track: Track, seconds: int, **options) -> CaptionLanguage:
    feature = CaptionLanguage(CaptionLanguageOptions(**options))
    feature.alarm = Heard()
    for number, triplets in enumerate(track.triplets(seconds)):
        start = Fraction(number, track.rate)
        feature.frame(Seen(start=start, end=start + Fraction(1, track.rate), thumb=None, change=None, silent=True), valid(triplets))
    feature.rest(Fraction(seconds))
    return feature


def test_a_film_without_captions_is_absent_once() -> None:
    """media 4.2 CAPTION_LANGUAGE: once when a service is absent for `gap`, with language "" and zeros."""
    assert _run(Track(10), 30).items() == [{"timeOffset": "10.000000s", "services": [EMPTY] * 4}]
    assert _run(Track(10), 9).items() == []


def test_an_item_appears_at_each_tick_with_new_text_and_only_there() -> None:
    """media 4.2 CAPTION_LANGUAGE: every 2 s, an item at each such tick with new text."""
    line = Line21()
    track = Track(30).field(0.2, line.pop_on(["The train is late again."])).field(5, line.pop_on(["We will have to wait."]))
    items = _run(track, 10, gap=60).items()
    assert [item["timeOffset"] for item in items] == ["2.000000s", "6.000000s"]
    assert items[0]["services"][0]["language"] == "en"
    assert items[0]["services"][1:] == [EMPTY] * 3


def test_text_that_stands_is_not_absent_and_absence_counts_from_where_it_went() -> None:
    line = Line21()
    track = Track(30).field(0, line.pop_on(["It still stands there."])).field(12.5, line.erase())
    items = _run(track, 24, gap=4).items()
    assert [item["timeOffset"] for item in items] == ["2.000000s", "4.000000s", "18.000000s"]


def test_confidence_grows_with_the_letters() -> None:
    """media 4.2 CAPTION_LANGUAGE: confidence = min(1, letters / 40) x margin."""
    service = _run(Track(30).field(0, Line21().pop_on(["The weather there"])), 3).items()[0]["services"][0]
    assert service["confidence"] == pytest.approx(15 / 40, abs=0.02)


def test_absence_and_languages_that_are_not_allowed_are_severe() -> None:
    """media 3.4: 1 - summed score of the allowed values, greatest over monitored services; absence has severity 1."""
    spanish = Guess(60, 0.1, 0.8, 0.1)
    assert severity(spanish, 3, absent=False) == pytest.approx(0.1)
    assert severity(spanish, 1, absent=False) == pytest.approx(0.9)
    assert severity(spanish, 4, absent=False) == pytest.approx(0.9)
    assert severity(spanish, 7, absent=False) == 0
    assert (severity(None, 3, absent=True), severity(None, 0, absent=True), severity(None, 3, absent=False)) == (1, 0, 0)
    assert masks(CaptionAlarm(maskAllowableLanguages=(2,))) == (2, 0, 0, 0)


def test_the_alarm_hears_of_every_moment() -> None:
    """media 3.4."""
    settings = CaptionAlarm(enabled=True, maskAllowableLanguages=(1, 0, 0, 0))
    track = Track(30).field(0, Line21().pop_on(["Nadie sabe que paso con", "el barco de tu hermano."]))
    told = _run(track, 5, alarmSettings=settings).alarm.told
    assert [(start, end) for start, end, _ in told] == [(0, 2), (2, 4), (4, 5)]
    assert all(bad > 0.9 for *_, bad in told)


def test_nothing_is_carried_over_a_gap() -> None:
    feature = CaptionLanguage(CaptionLanguageOptions(gap=60))
    track = list(Track(30).field(0, Line21().pop_on(["The weather there"])).triplets(5))
    for start in (0, 100):
        for number in range(120):
            at = start + Fraction(number, 30)
            look = valid(track[number]) if start == 0 else None
            feature.frame(Seen(start=at, end=at + Fraction(1, 30), thumb=None, change=None, silent=True), look)
        feature.rest(start + Fraction(4))
    assert [item["timeOffset"] for item in feature.items()] == ["2.000000s"]
