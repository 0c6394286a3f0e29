"""TEXT_DETECTION from lines on; tests/truth measures the whole."""

from fractions import Fraction

from triptych.media.features.text import TextInPicture
from triptych.media.measured import Finished, Seen
from triptych.media.options import TextOptions

HERE = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.2], [0.1, 0.2]]
NEAR = [[0.12, 0.1], [0.42, 0.1], [0.42, 0.2], [0.12, 0.2]]
ELSEWHERE = [[0.6, 0.6], [0.9, 0.6], [0.9, 0.7], [0.6, 0.7]]


def _run(*looks):
    """Show one look a second."""
    feature = TextInPicture(TextOptions())
    for number, look in enumerate(looks):
        feature.frame(Seen(start=Fraction(number), end=Fraction(number + 1), thumb=None, change=None, silent=True), look)
    feature.rest(Fraction(len(looks)))
    feature.conclude(Finished(frames=len(looks), samples=0, duration=(len(looks), 1), errors=(), truncated=False))
    return {item["text"]: [part["segment"] for part in item["segments"]] for item in feature.items()}


def _span(start, end):
    return {"startTimeOffset": f"{start}.000000s", "endTimeOffset": f"{end}.000000s"}


def test_equal_text_in_overlapping_places_is_one_line() -> None:
    """media 4.3."""
    assert _run([("a", 0.9, HERE)], [("a", 0.8, NEAR)], []) == {"a": [_span(0, 2)]}


def test_equal_text_elsewhere_or_later_is_another_stretch_of_it() -> None:
    assert _run([("a", 0.9, HERE), ("a", 0.9, ELSEWHERE)], [], [("a", 0.9, HERE)]) == {"a": [_span(0, 1), _span(0, 1), _span(2, 3)]}


def test_other_text_in_the_same_place_is_another_line() -> None:
    assert _run([("a", 0.9, HERE)], [("b", 0.9, HERE)]) == {"a": [_span(0, 1)], "b": [_span(1, 2)]}


def test_pictures_between_samples_end_nothing() -> None:
    assert _run([("a", 0.9, HERE)], None, None, [("a", 0.9, HERE)]) == {"a": [_span(0, 4)]}
