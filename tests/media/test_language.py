from collections.abc import Iterator

import pytest

from triptych.media.language import Guess, folded, guess, words
from truth.speech import ENGLISH, FRENCH, PORTUGUESE, SPANISH

STYLES = (str, str.upper, lambda text: folded(text).upper())


def _windows(sentences, style, sentences_each: int) -> Iterator[Guess]:
    for at in range(len(sentences)):
        text = " ".join((sentences + sentences)[at : at + sentences_each])
        judged = guess(style(text))
        assert judged is not None
        assert judged.letters >= 40
        yield judged


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("each", [1, 2, 3])
def test_english_and_spanish_are_told_from_40_letters_in_capitals_too(style, each) -> None:
    """media 4.2 CAPTION_LANGUAGE: en and es right in 99 % of ticks, all-capitals included."""
    assert {judged.language for judged in _windows(ENGLISH, style, each)} == {"en"}
    spanish = [judged.language for judged in _windows(SPANISH, style, each)]
    assert spanish.count("es") >= 0.99 * len(spanish)


@pytest.mark.parametrize("style", STYLES)
def test_french_and_portuguese_are_not_called_spanish(style) -> None:
    """media 4.2 CAPTION_LANGUAGE: at confidence 0.5 or more in at most 2 % of ticks."""
    judged = [one for language in (FRENCH, PORTUGUESE) for each in (1, 2, 3) for one in _windows(language, style, each)]
    wrong = [one for one in judged if one.language == "es" and one.margin >= 0.5]
    assert len(wrong) <= 0.02 * len(judged)
    assert sum(one.language == "und" for one in judged) >= 0.98 * len(judged)


def test_the_shares_add_up_and_the_margin_is_the_lead_of_the_winner() -> None:
    judged = guess("no sé")
    assert judged is not None
    assert judged.en + judged.es + judged.other == pytest.approx(1)
    first, second, _ = sorted((judged.en, judged.es, judged.other), reverse=True)
    assert judged.margin == first - second
    assert judged.letters == 4


def test_other_scripts_are_other_languages_and_no_letters_are_none() -> None:
    judged = guess("Завтра мы поедем к морю, если будет хорошая погода.")
    assert judged is not None
    assert (judged.language, judged.margin) == ("und", 1.0)
    assert guess("♪ 1234 -- ...") is None


def test_words_are_small_letters_with_single_spaces() -> None:
    assert words("Don't  STOP—now, Señor 7!") == " dont stop now señor "
