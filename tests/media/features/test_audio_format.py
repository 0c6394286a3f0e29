from fractions import Fraction

import numpy as np
import pytest

from triptych.media.features.audio_format import Reading, Run, Window, correlations, held, read, remembered
from triptych.media.spans import Span


def _window(active, pairs=(), lfe=()) -> Window:
    """`active`, `lfe`: channels from 1; `pairs`: channels that carry the same."""
    mask = np.isin(np.arange(1, 9), active)
    correlation = np.eye(8)
    for one, other in pairs:
        correlation[one - 1, other - 1] = correlation[other - 1, one - 1] = 0.99
    return Window(mask, correlation, ~mask | np.isin(np.arange(1, 9), lfe))


@pytest.mark.parametrize(
    ("window", "label"),
    [
        (_window([3]), "mono"),
        (_window([1, 2], [(1, 2)]), "mono"),
        (_window([1, 2]), "stereo"),
        (_window([5, 6]), "stereo"),
        (_window([1, 2, 3, 4]), "stereo pairs"),
        (_window([1, 2, 5]), "stereo sap"),
        (_window([1, 2, 3, 4], [(3, 4)]), "stereo sap"),
        (_window([1, 2, 3, 4, 5, 6], lfe=[4]), "5.1"),
        (_window([1, 2, 3, 5, 6]), "5.1"),
        (_window([1, 2, 3, 4, 5, 6]), "stereo pairs"),
        (_window([1, 2, 3, 4, 5, 6, 7, 8], lfe=[4]), "5.1 stereo"),
        (_window([1, 2, 3, 4, 5, 6, 7, 8], [(7, 8)], lfe=[4]), "5.1 sap"),
        (_window([1, 2, 3, 4, 5, 6, 8], lfe=[4]), "5.1 sap"),
        (_window([1, 2, 3, 4, 5, 6, 7, 8], lfe=[6]), "stereo 5.1"),
        (_window([1, 2, 3, 4, 5, 6, 7, 8]), "stereo pairs"),
    ],
)
def test_each_layout_of_the_table_is_read(window, label) -> None:
    assert read(window).label == label


def test_correlation_is_1_for_equal_and_0_for_nothing() -> None:
    found = correlations(np.array([[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    assert found.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


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
