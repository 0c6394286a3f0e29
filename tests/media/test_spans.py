import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.media.spans import Segments, Span, bounds, joined, microseconds, offset_text, starting


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (Fraction(61 * 1001, 30000), "2.035366s"),
        (Fraction(0), "0.000000s"),
        (Fraction(2, 3), "0.666666s"),
        (Fraction(108_000), "108000.000000s"),
    ],
)
def test_an_offset_is_cut_to_microseconds(offset, text) -> None:
    """G4."""
    assert offset_text(offset) == text


def test_spans_are_sorted_by_their_starts_as_numbers() -> None:
    spans = [bounds(Fraction(start), Fraction(start + 1)) for start in (10, 9, Fraction(2, 3))]
    assert sorted(spans, key=starting) == spans[::-1]


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ab")), max_size=20))
def test_joined_spans_tile_what_they_tiled_and_no_two_neighbours_are_equal(parts) -> None:
    spans, at = [], Fraction(0)
    for length, label in parts:
        spans.append(Span(at, at + length, label))
        at += length
    whole = joined(spans)
    assert sum(span.end - span.start for span in whole) == at
    assert all(one.end == other.start and one.label != other.label for one, other in itertools.pairwise(whole))


def test_spans_with_a_gap_between_them_stay_apart() -> None:
    spans = [Span(Fraction(0), Fraction(1), "a"), Span(Fraction(2), Fraction(3), "a")]
    assert joined(spans) == spans


def test_no_segment_is_the_whole_file() -> None:
    segments = Segments(())
    assert segments.part(Fraction(10**6)) == 0
    assert segments.whole(Fraction(5)) == (0, 5)
    assert segments.last_us is None


def test_both_ends_are_inclusive_and_a_printed_offset_selects_its_frame() -> None:
    frame = Fraction(61 * 1001, 30000)
    at_us = microseconds(frame)
    assert Segments([(at_us, at_us + 1)]).part(frame) == 0
    assert Segments([(0, at_us)]).part(frame) == 0
    assert Segments([(0, at_us - 1)]).part(frame) is None


def test_overlapping_segments_are_one_part_and_others_count_on() -> None:
    segments = Segments([(5, 6), (0, 2), (1, 3)])
    assert [segments.part(Fraction(at, 1_000_000)) for at in (0, 3, 4, 5)] == [0, 0, None, 1]
    assert segments.last_us == 6


def test_the_whole_is_clipped_and_gone_when_all_lies_beyond() -> None:
    segments = Segments([(1_000_000, 9_000_000)])
    assert segments.whole(Fraction(5)) == (1, 5)
    assert segments.whole(Fraction(1)) is None
