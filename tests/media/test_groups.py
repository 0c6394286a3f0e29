from fractions import Fraction

from triptych.media.groups import breaks, group_of


def _head(*, drop=False, before=2) -> bytes:
    bits = drop << 24 | 1 << 19 | 2 << 13 | 1 << 12 | 3 << 6 | 4
    return b"\0\0\1\xb3seq" + b"\0\0\1\xb8" + (bits << 7).to_bytes(4, "big") + b"\0\0\1\0" + (before << 6).to_bytes(2, "big")


def test_the_head_of_a_group_tells_its_timecode_and_how_many_pictures_lead() -> None:
    assert group_of(90, _head()) == (90, 2, "01:02:03:04")
    assert group_of(90, _head(drop=True, before=0)) == (90, 0, "01:02:03;04")


def test_half_a_head_or_none_is_no_group() -> None:
    assert group_of(0, b"\0\0\1\0\0\0") is None
    assert [group_of(0, _head()[:size]) for size in range(len(_head()))] == [None] * len(_head())


def test_leading_pictures_belong_to_their_group() -> None:
    """media 4.3 CONFORMANCE: timecode continuity."""
    starts = range(0, 36 * 40, 40)
    good = [(0, 0, "00:00:00:00"), (14 * 40, 2, "00:00:00:12"), (26 * 40, 2, "00:00:00:24")]
    assert breaks(good, starts, Fraction(25)) == []
    bad = [*good[:2], (26 * 40, 2, "10:00:00:00")]
    assert breaks(bad, starts, Fraction(25)) == [(24 * 40, "00:00:00:24", "10:00:00:00")]
