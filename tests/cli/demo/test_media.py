"""What was found on a clip, beside its truth."""

from pathlib import Path

import pytest

from triptych.cli.demo.media import Clip, Span, compare

TRUTH = {"IN_BLACK": [Span(1.0, 2.0), Span(4.0, 6.0)]}


def _clip() -> Clip:
    return Clip(path=Path("clip.mp4"), what="a clip", truth=TRUTH, tolerance_s={"IN_BLACK": 0.04})


@pytest.mark.parametrize(
    ("found", "right"),
    [
        ([Span(1.03, 2.0), Span(4.0, 6.0)], [True, True]),
        ([Span(1.05, 2.0), Span(4.0, 6.0)], [False, True]),
        ([Span(1.0, 2.0)], [True, False]),
        ([Span(1.0, 2.0), Span(4.0, 6.0), Span(7.0, 8.0)], [True, True, False]),
        ([Span(1.0, 2.0, "mono"), Span(4.0, 6.0)], [False, True]),
    ],
)
def test_a_span_is_right_when_both_edges_and_the_label_agree(found, right):
    assert [row.right for row in compare("IN_BLACK", found, _clip())] == right


def test_of_a_foreign_file_nothing_is_known():
    rows = compare("IN_BLACK", [Span(1.0, 2.0)], Clip(path=Path("x.mp4"), what="x"))
    assert [(row.found, row.truth, row.right) for row in rows] == [("1.000 - 2.000", "not known", True)]
