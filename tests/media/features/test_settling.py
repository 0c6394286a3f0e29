from fractions import Fraction

import pytest

from triptych.media.features.settling import Hold, Memory, Reading, Run, Settling
from triptych.media.spans import Span, joined


def held(spans) -> list[Span]:
    hold = Hold()
    return joined([done for span in spans for done in hold.take(span)] + list(hold.finish()))


def remembered(runs) -> list[Span]:
    memory = Memory()
    return joined([done for run in runs for done in memory.take(run)] + list(memory.finish()))


def _spans(*parts) -> list[Span]:
    spans, at = [], Fraction(0)
    for label, length in parts:
        spans.append(Span(at, at + Fraction(str(length)), label))
        at = spans[-1].end
    return spans


def test_a_change_must_hold_half_a_second_and_starts_where_it_began() -> None:
    assert held(_spans(("a", 1), ("b", 0.4), ("a", 1), ("b", 0.5))) == [
        Span(Fraction(0), Fraction("2.4"), "a"),
        Span(Fraction("2.4"), Fraction("2.9"), "b"),
    ]


def test_the_first_layout_of_a_stretch_needs_no_hold() -> None:
    assert [span.label for span in held(_spans(("a", 0.1), ("b", 1)))] == ["a", "b"]


def _runs(*parts) -> list[Run]:
    runs, at = [], Fraction(0)
    for reading, length in parts:
        runs.append(Run(at, at + length, reading))
        at += length
    return runs


SURROUND = Reading("5.1", 1, "5.1", None)
QUIET = Reading("stereo", 0, "5.1", None)
AGAINST = Reading("stereo pairs", 0, None, None)


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        (_runs((SURROUND, 5), (QUIET, 10), (SURROUND, 5)), ["5.1"]),
        (_runs((SURROUND, 5), (QUIET, 11), (SURROUND, 5)), ["5.1", "stereo", "5.1"]),
        (_runs((SURROUND, 5), (QUIET, 2), (AGAINST, 2), (SURROUND, 5)), ["5.1", "stereo", "stereo pairs", "5.1"]),
        (_runs((SURROUND, 5), (QUIET, 2)), ["5.1", "stereo"]),
        (_runs((QUIET, 2), (SURROUND, 5)), ["stereo", "5.1"]),
    ],
)
def test_five_one_is_remembered_for_ten_seconds_if_it_comes_back(runs, labels) -> None:
    assert [span.label for span in remembered(runs)] == labels


def _windows(*parts) -> list[Run]:
    """Return the parts, in seconds, cut into windows of 40 ms."""
    return [
        Run(run.start + Fraction(n, 25), run.start + Fraction(n + 1, 25), run.reading)
        for run in _runs(*parts)
        for n in range(int((run.end - run.start) * 25))
    ]


def test_cut_into_windows_a_dip_is_filled_as_long() -> None:
    """media 4.2: at most 10 s."""
    assert [span.label for span in remembered(_windows((SURROUND, 1), (QUIET, 10), (SURROUND, 1)))] == ["5.1"]
    assert [span.label for span in remembered(_windows((SURROUND, 1), (QUIET, 11), (SURROUND, 1)))] == ["5.1", "stereo", "5.1"]


def test_what_is_certain_is_told_at_once_and_a_dip_after_10_seconds() -> None:
    """media A1: an alarm must not wait for the end of a stretch of sound, which may last for days."""
    settling = Settling()
    late = []
    for run in _windows((QUIET, 2), (SURROUND, 5), (QUIET, 30)):
        late += [(run.end - span.start, span.label) for span in settling.take(run)]
    assert max(wait for wait, label in late if label == "5.1") <= Fraction(1, 2) + Fraction(1, 25)
    assert max(wait for wait, label in late if label == "stereo") <= 10 + Fraction(1, 25)
    assert min(wait for wait, label in late if label == "stereo") == Fraction(1, 25)


def test_spans_tile_whatever_comes() -> None:
    """Every window is told once and in order."""
    runs = _windows((QUIET, 1), (AGAINST, 1), (SURROUND, 1), (QUIET, 3), (SURROUND, 1), (AGAINST, 2), (QUIET, 12))
    settling = Settling()
    spans = [span for run in runs for span in settling.take(run)] + list(settling.finish())
    assert [span.start for span in spans[1:]] == [span.end for span in spans[:-1]]
    assert (spans[0].start, spans[-1].end) == (0, 21)
