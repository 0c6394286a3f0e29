from fractions import Fraction

import numpy as np
import pytest

from triptych.media.flashes import Change, Flashes, Swings

SHAPE = (4, 10)
FRAME = Fraction(1, 25)


def _swings(*columns, marks_high=False):
    """Show pictures whose first so many of ten columns are at 100, the rest at 10; return what each gives."""
    swings, found = Swings(marks_high=marks_high), []
    for lit in columns:
        values = np.full(SHAPE, 10, np.float32)
        values[:, :lit] = 100
        found.append(round(swings.take(values, (values > 50) if marks_high else (values < 160)), 3))
    return found


def test_a_change_is_told_when_more_than_a_quarter_moves_alike() -> None:
    """media 4.3 PSE: over > 25 % of the picture."""
    assert _swings(0, 3, 0, 2, 0) == [0, 0.3, 0.3, 0, 0]


def test_changes_of_parts_add_up_as_long_as_none_goes_back() -> None:
    assert _swings(0, 2, 4, 6, 0) == [0, 0, 0.4, 0, 0.6]


def test_the_first_change_may_be_a_fall() -> None:
    assert _swings(3, 0, 3) == [0, 0.3, 0.3]


def test_red_counts_by_its_high_side() -> None:
    assert _swings(0, 3, 0, marks_high=True) == [0, 0.3, 0.3]


def test_what_is_bright_on_both_sides_does_not_count() -> None:
    """media 4.3 PSE: the darker < 160."""
    swings = Swings(marks_high=False)
    for value in (170, 199, 170, 199):
        values = np.full(SHAPE, value, np.float32)
        assert swings.take(values, values < 160) == 0


def test_the_same_array_again_is_no_change() -> None:
    swings, values = Swings(marks_high=False), np.full(SHAPE, 10, np.float32)
    assert [swings.take(values, values < 160) for _ in range(3)] == [0, 0, 0]


def _stretches(times, area=0.5):
    flashes, found = Flashes(), []
    for time in times:
        at = Fraction(time).limit_denominator(1000)
        found += flashes.settle(at) + flashes.add(Change(at, at + FRAME, area))
    return [(one.kind, float(one.start), float(one.end), round(one.rate, 2)) for one in found + flashes.finish()]


def _flicker(rate_hz, seconds, start=0.0):
    return [start + number / (2 * rate_hz) for number in range(round(seconds * rate_hz * 2))]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (_flicker(3, 3), []),
        (_flicker(5, 1.2), [("general", 0, 1.14, 5.0)]),
        (_flicker(5, 0.6), []),
        (_flicker(2, 6), [("extended", 0, 5.79, 2.0)]),
        (_flicker(2, 5), []),
        (_flicker(1, 8), []),
        (_flicker(5, 1) + _flicker(5, 1, 3.0), [("general", 0, 0.94, 5.0), ("general", 3, 3.94, 5.0)]),
    ],
)
def test_too_many_in_a_second_are_general_and_two_or_three_for_over_five_seconds_extended(times, expected) -> None:
    """media 4.3 PSE."""
    assert _stretches(times) == expected


def test_general_cuts_extended_short_where_it_begins() -> None:
    extended, general = _stretches(_flicker(2.5, 6) + _flicker(10, 1, 6.0))
    assert (extended[0], general[0]) == ("extended", "general")
    assert extended[2] <= general[1]


def test_severity_is_1_in_general_and_a_half_in_extended() -> None:
    """media 3.4: 0.5 extended, 1 general failure."""
    flashes = Flashes()
    heard = {}
    for time in [*_flicker(2, 6), *_flicker(8, 1, 6.0)]:
        at = Fraction(time).limit_denominator(1000)
        flashes.add(Change(at, at + FRAME, 0.5))
        heard[time] = flashes.severity(at + FRAME)
    assert (heard[4.0], heard[5.75], heard[6.9375]) == (0.0, 0.5, 1.0)
    assert flashes.severity(Fraction(9)) == 0.0
