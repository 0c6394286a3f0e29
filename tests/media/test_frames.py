"""media V5: the last frame before an end."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from triptych.media.frames import Frames, ends, shown_or_indexed
from triptych.media.spans import Segments, bounds, offset_text


def _shown(starts) -> Frames:
    frames = Frames()
    for start in starts:
        frames.show(start)
    return frames


@given(st.lists(st.integers(1, 5005), min_size=1, max_size=60), st.data())
def test_the_frame_before_a_start_is_the_one_that_was_shown_before_it(steps, data) -> None:
    """media V5, G6: at any rate, steady or not; a time is that of the frame, never its number times a rate."""
    starts = [Fraction(sum(steps[:count]), 30_000) for count in range(len(steps) + 1)]
    number = data.draw(st.integers(1, len(steps)))
    span = bounds(starts[0], starts[number])
    told = _shown(starts).told([span])
    assert told == {"last": offset_text(starts[-1]), "before": {span["endTimeOffset"]: offset_text(starts[number - 1])}}


def test_an_end_after_the_last_frame_lies_on_it() -> None:
    told = _shown([Fraction(0), Fraction(1, 25)]).told({"segment": bounds(Fraction(0), Fraction(2, 25))})
    assert told == {"last": "0.040000s", "before": {"0.080000s": "0.040000s"}}


def test_a_frame_that_is_told_twice_counts_once_and_nothing_lies_before_the_first() -> None:
    told = _shown([Fraction(1), Fraction(1), Fraction(2)]).told([bounds(Fraction(0), Fraction(1))])
    assert told == {"last": "2.000000s", "before": {}}
    assert Frames().told([]) == {"last": None, "before": {}}


def test_every_end_is_found_however_deep_it_lies() -> None:
    assert list(ends([{"segment": {"endTimeOffset": "1.0s"}, "frames": ({"segments": [{"endTimeOffset": "2.0s"}]},)}, 3])) == [
        "1.0s",
        "2.0s",
    ]


def test_a_job_that_only_listened_goes_by_the_index_within_its_segments() -> None:
    """media V5: SPEECH_TRANSCRIPTION alone shows no frame to anybody."""
    indexed = [Fraction(number, 25) for number in range(100)]
    assert shown_or_indexed(Frames(), indexed, Segments([])).told([])["last"] == "3.960000s"
    assert shown_or_indexed(Frames(), indexed, Segments([(0, 1_500_000)])).told([])["last"] == "1.480000s"
    assert shown_or_indexed(_shown([Fraction(1)]), indexed, Segments([])).told([])["last"] == "1.000000s"
