from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.media.chunks import Chunk, aim, cut
from triptych.media.spans import Segments

ALL = Segments(())


def test_chunks_begin_at_the_first_seam_after_their_length() -> None:
    """media P3."""
    starts = list(range(100))
    assert cut(starts, range(0, 100, 15), Fraction(1), 20, ALL) == [Chunk(0, 30), Chunk(30, 60), Chunk(60, 100)]


def test_a_short_rest_belongs_to_the_chunk_before_it() -> None:
    assert cut(list(range(45)), [0, 20, 40], Fraction(1), 20, ALL) == [Chunk(0, 20), Chunk(20, 45)]


def test_no_seams_and_no_pictures() -> None:
    assert cut(list(range(45)), [], Fraction(1), 5, ALL) == [Chunk(0, 45)]
    assert cut([], [], Fraction(1), 5, ALL) == []


def test_only_chunks_that_hold_something_of_a_segment_are_kept() -> None:
    starts = list(range(1000, 1100))
    seams = range(1000, 1100, 10)
    assert cut(starts, seams, Fraction(1), 10, Segments([(25_000_000, 31_000_000), (95_000_000, 99_000_000)])) == [
        Chunk(20, 30),
        Chunk(30, 40),
        Chunk(90, 100),
    ]


@pytest.mark.parametrize(("duration", "processes", "expected"), [(5, 2, 10), (60, 2, 10), (160, 2, 20), (7200, 2, 60), (7200, 8, 60)])
def test_the_aim_is_10_to_60_seconds(duration, processes, expected) -> None:
    """media P3."""
    assert aim(Fraction(duration), processes) == expected


@given(st.sets(st.integers(0, 500), min_size=1), st.data())
def test_chunks_tile_the_pictures(times, data) -> None:
    starts = sorted(times)
    seams = sorted(data.draw(st.sets(st.sampled_from(starts))))
    chunks = cut(starts, seams, Fraction(1, 10), data.draw(st.floats(0.1, 20)), ALL)
    assert [place for chunk in chunks for place in range(chunk.first, chunk.last)] == list(range(len(starts)))
    assert all(starts[chunk.first] in seams for chunk in chunks[1:])
