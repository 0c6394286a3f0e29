"""SPOKEN_LANGUAGE from scores on, without the models; tests/truth measures with them."""

from fractions import Fraction

import pytest

from triptych.media.features.spoken_language import SpokenLanguage, label, severity
from triptych.media.measured import Heard
from triptych.media.options import SpokenAlarm, SpokenLanguageOptions

SCORES = {"oob": (1.0, 0.0, 0.0, 0.0), "en": (0.1, 0.8, 0.05, 0.05), "es": (0.1, 0.05, 0.8, 0.05), "other": (0.1, 0.1, 0.1, 0.7)}


class _Alarm:
    def __init__(self) -> None:
        self.told: list[tuple] = []

    def judge(self, start, end, value) -> None:
        self.told.append((start, end, value))


def _run(*windows, alarm=None, **settings):
    """Show the languages of each window, one word a channel, and return the items."""
    feature = SpokenLanguage(SpokenLanguageOptions(alarmSettings=SpokenAlarm(**settings)))
    feature.alarm = alarm
    for number, window in enumerate(windows):
        end = Fraction(5 * number + 5)
        feature.heard(Heard(start=end - 1, end=end, value=[[5000 * number, [list(SCORES[name]) for name in window.split()]]]))
    feature.rest(Fraction(5 * len(windows)))
    return [(item["timeOffset"], [channel["language"] for channel in item["channels"]]) for item in feature.items()]


def test_a_change_is_told_once_the_next_window_agrees_at_the_first_windows_start() -> None:
    """media 4.2."""
    assert _run("en", "en", "es", "es", "oob", "oob") == [("0.000000s", ["en"]), ("10.000000s", ["es"]), ("20.000000s", ["♪"])]


def test_one_window_alone_changes_nothing() -> None:
    assert _run("en", "es", "en", "other", "oob", "en", "en") == [("0.000000s", ["en"])]


def test_every_channel_changes_for_itself_and_an_item_holds_them_all() -> None:
    assert _run("en es", "en es", "en other", "es other", "es other") == [
        ("0.000000s", ["en", "es"]),
        ("10.000000s", ["en", "und"]),
        ("15.000000s", ["es", "und"]),
    ]


@pytest.mark.parametrize(
    ("language", "mask", "expected"), [("en", 2, 0.2), ("en", 3, 0.1), ("en", 4, 0.95), ("oob", 1, 0), ("other", 8, 0.3), ("en", 0, 0)]
)
def test_severity_is_what_is_not_allowed(language, mask, expected) -> None:
    """media 3.4: 1 less the summed score of the allowed values; 0 is not monitored."""
    assert severity([SCORES[language]], SpokenAlarm(maskAllowableLanguages=(mask,))) == pytest.approx(expected)


def test_the_worst_monitored_channel_counts_and_the_default_allows_noise_and_english() -> None:
    assert severity([SCORES["en"], SCORES["es"]], SpokenAlarm()) == pytest.approx(0.85)
    assert severity([SCORES["en"], SCORES["es"]], SpokenAlarm(maskAllowableLanguages=(3, 0))) == pytest.approx(0.1)


def test_the_misspelt_key_is_read_too() -> None:
    """media 4.2."""
    assert severity([SCORES["es"]], SpokenAlarm(maskAllowableLangauges=(4,))) == pytest.approx(0.2)


def test_the_alarm_hears_every_window_in_order() -> None:
    alarm = _Alarm()
    _run("en", "es", alarm=alarm, maskAllowableLanguages=(2,))
    assert [(start, end) for start, end, _ in alarm.told] == [(0, 5), (5, 10)]
    assert [value for *_, value in alarm.told] == pytest.approx([0.2, 0.95])


def test_the_greatest_score_names_the_language() -> None:
    assert [label(scores) for scores in SCORES.values()] == list(SCORES)
