from fractions import Fraction

import pytest

from triptych.media.timecode import Continuity, counted, number, written

NTSC = Fraction(30_000, 1001)
PAL = Fraction(25)


@pytest.mark.parametrize(
    ("text", "rate", "expected"),
    [
        ("00:00:00:00", PAL, 0),
        ("01:00:00:00", PAL, 90_000),
        ("00:00:59;29", NTSC, 1799),
        ("00:01:00;02", NTSC, 1800),
        ("00:10:00;00", NTSC, 17_982),
        ("01:00:00;00", NTSC, 107_892),
        ("no timecode", PAL, None),
    ],
)
def test_timecodes_are_counted_as_smpte_does(text, rate, expected) -> None:
    """media 4.3 CONFORMANCE: ST 12-1, drop-frame."""
    assert number(text, rate) == expected
    if expected is not None:
        assert written(expected, rate, drop=";" in text) == text


def test_above_30_pictures_a_second_two_share_a_number() -> None:
    assert [counted(Fraction(rate)) for rate in (24, 25, 30, 50, 60)] == [24, 25, 30, 25, 30]
    continuity = Continuity(Fraction(50))
    assert [continuity.take(f"00:00:00:{number // 2:02}", number) for number in range(10)] == [None] * 10


def test_a_jump_is_told_with_what_was_expected_and_only_once() -> None:
    """media 4.3 CONFORMANCE: timecode continuity."""
    continuity = Continuity(PAL)
    told = [continuity.take(text, place) for place, text in enumerate(("23:59:59:24", "00:00:00:00", "00:00:01:00", "00:00:01:01"))]
    assert told == [None, None, "00:00:00:01", None]


def test_pictures_without_timecode_are_counted_over() -> None:
    continuity = Continuity(PAL)
    assert (continuity.take("00:00:00:00", 0), continuity.take("00:00:00:12", 12), continuity.take("00:00:01:00", 24)) == (
        None,
        None,
        "00:00:00:24",
    )


def test_a_timecode_that_never_changes_is_none() -> None:
    continuity = Continuity(PAL)
    assert {continuity.take("00:00:00:00", place) for place in range(9)} == {None}
