from collections import Counter
from fractions import Fraction

import pytest

from triptych.media.features.interlace import Interlace, elected
from triptych.media.measured import Seen
from triptych.media.options import InterlaceOptions

TFF, FILM, STILL = (0.3, 0.3, -0.5, 0.5), (0.3, 0.3, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)


def _found(looks):
    """Show one picture a second; each look is (flagged, fields), or None for a picture that was not sampled."""
    feature = Interlace(InterlaceOptions())
    for number, look in enumerate(looks):
        at = Fraction(number)
        feature.frame(Seen(start=at, end=at + 1, thumb=None, change=None, silent=True), None if look is None else [look[0], list(look[1])])
    feature.rest(Fraction(len(looks)))
    return [
        (item["scan"], item["flagged"], item["mismatch"], float(item["startTimeOffset"][:-1]), float(item["endTimeOffset"][:-1]))
        for item in feature.items()
    ]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(True, TFF)] * 10, [("tff", "interlaced", False, 0, 10)]),
        ([(False, TFF)] * 5, [("tff", "progressive", True, 0, 5)]),
        ([(True, FILM)] * 5, [("progressive", "interlaced", True, 0, 5)]),
        ([(True, STILL)] * 5, [("undetermined", "interlaced", False, 0, 5)]),
        ([(True, TFF)] * 5 + [(False, FILM)] * 7, [("tff", "interlaced", False, 0, 5), ("progressive", "progressive", False, 5, 12)]),
        ([(True, TFF)] * 5 + [None] * 2, [("tff", "interlaced", False, 0, 7)]),
        ([], []),
    ],
)
def test_windows_of_five_seconds_vote_and_equal_neighbours_are_one(looks, expected) -> None:
    """media 4.3 INTERLACE: 5 s vote; scan, flagged, mismatch."""
    assert _found(looks) == expected


@pytest.mark.parametrize(
    ("votes", "scan"),
    [
        ({"tff": 20, "bff": 2, None: 3}, "tff"),
        ({"progressive": 10, "telecine": 15}, "telecine"),
        ({"progressive": 20, "telecine": 2}, "progressive"),
        ({"tff": 1, None: 24}, "undetermined"),
        ({None: 25}, "undetermined"),
    ],
)
def test_telecine_needs_a_quarter_and_anything_two_votes(votes, scan) -> None:
    assert elected(Counter(votes)) == scan
