import textwrap
from fractions import Fraction
from itertools import groupby

import pytest

from triptych.media.captioning import Captioning
from triptych.media.language import folded
from triptych.media.measured import Measured
from truth.captioner import Dtvcc, Line21, Track, write_captioned
from truth.chunked import Chunked
from truth.scoring import Analysis
from truth.speech import ENGLISH, FRENCH, PORTUGUESE, SPANISH

NAMES = ["CAPTION_LANGUAGE"]
EVERY_S = 4
SENTENCES = (ENGLISH, SPANISH, FRENCH, PORTUGUESE)


def _rows(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, 28)


def _line21(style) -> Track:
    track = Track(30)
    for number in range(len(ENGLISH)):
        for service, sentences in enumerate(SENTENCES):
            field, channel = service // 2 + 1, service % 2 + 1
            rows = _rows(style(sentences[number]))
            track.field(EVERY_S * number + 2 * (channel - 1), Line21(channel, field).pop_on(rows, 12), field)
    return track


def _dtvcc(style) -> Track:
    track = Track(25)
    for number in range(len(ENGLISH)):
        for service, sentences in enumerate(SENTENCES, 1):
            track.service(EVERY_S * number, Dtvcc().packets(service, Dtvcc().caption(_rows(style(sentences[number])))))
    return track


KINDS = {"608": (_line21, "ts"), "708": (_dtvcc, "mp4")}
STYLES = {"as written": str, "capitals": lambda text: folded(text).upper()}


@pytest.fixture(scope="module", params=[(kind, style) for kind in KINDS for style in STYLES], ids=" ".join)
def film(request, tmp_path_factory):
    kind, style = request.param
    make, suffix = KINDS[kind]
    path = tmp_path_factory.mktemp("captions") / f"film.{suffix}"
    write_captioned(path, make(STYLES[style]), EVERY_S * len(ENGLISH))
    return Analysis(path, NAMES), STYLES[style], path


def _displays(analysis: Analysis) -> list[list[list[str]]]:
    captions = Captioning()
    shown: list[list[list[str]]] = [[] for _ in SENTENCES]
    for message in analysis.messages:
        for frame in message.frames if isinstance(message, Measured) else ():
            captions.take(frame.looks.get("CAPTION_LANGUAGE", b""), Fraction(*frame.start))
            for place, screen in enumerate(captions.screens):
                shown[place].append(screen.display())
    return [[text for text, _ in groupby(service) if text] for service in shown]


def test_all_text_comes_back(film) -> None:
    """media 4.2 CAPTION_LANGUAGE: text recovered 100 %, in the order of presentation of reordered pictures."""
    analysis, style, _ = film
    assert _displays(analysis) == [[_rows(style(sentence)) for sentence in sentences] for sentences in SENTENCES]


def test_languages_are_right(film) -> None:
    """media 4.2 CAPTION_LANGUAGE: en and es right in >= 99 % of ticks with >= 40 letters; fr and pt es at >= 0.5 in <= 2 %."""
    analysis, _, _ = film
    ticks = [item["services"] for item in analysis.items["CAPTION_LANGUAGE"]][1:]
    assert len(ticks) >= 18
    english, spanish, *others = zip(*ticks, strict=True)
    assert sum(one["language"] == "en" for one in english) >= 0.99 * len(ticks)
    assert sum(one["language"] == "es" for one in spanish) >= 0.99 * len(ticks)
    wrong = [one for other in others for one in other if one["language"] == "es" and one["confidence"] >= 0.5]
    assert len(wrong) <= 0.02 * 2 * len(ticks)


def test_chunks_change_nothing(film) -> None:
    """media P4, P5."""
    _, _, path = film
    whole, chunked = (Chunked(path, NAMES, chunk_s) for chunk_s in (1000, 20))
    assert chunked.chunks > 1
    assert chunked.response == whole.response


def test_mpeg_2_user_data_is_read_too(tmp_path) -> None:
    """media 4.2 CAPTION_LANGUAGE: from the picture's A/53 user data, whatever codec carries it."""
    path = tmp_path / "film.m2v.ts"
    write_captioned(path, Track(25).field(0, Line21().pop_on(["The old road to the lake"])), 3, codec="mpeg2video")
    assert Analysis(path, NAMES).items["CAPTION_LANGUAGE"][0]["services"][0]["language"] == "en"
