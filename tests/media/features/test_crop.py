from fractions import Fraction

import numpy as np
import pytest

from triptych.media.features.crop import Box, Crop, bright_box
from triptych.media.measured import Seen
from triptych.media.options import CropOptions

FULL, LETTER, PILLAR = (0, 0, 640, 360), (0, 45, 640, 315), (80, 0, 560, 360)
SIZE = (640, 360, False)


def _found(boxes, **options):
    """Show two pictures a second; None is a dark one."""
    feature = Crop(CropOptions(**options))
    for number, box in enumerate(boxes):
        at = Fraction(number, 2)
        look = None if box is None else [list(box), list(SIZE)]
        feature.frame(Seen(start=at, end=at + Fraction(1, 2), thumb=None, change=None, silent=True), look)
    feature.rest(Fraction(len(boxes), 2))
    return [(item["kind"], float(item["startTimeOffset"][:-1]), float(item["endTimeOffset"][:-1])) for item in feature.items()]


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([FULL] * 10, [("none", 0, 5)]),
        ([LETTER] * 3, [("letterbox", 0, 1.5)]),
        ([LETTER] * 10 + [FULL] * 10, [("letterbox", 0, 5), ("none", 5, 10)]),
        ([FULL] * 10 + [PILLAR] * 10, [("none", 0, 5), ("pillarbox", 5, 10)]),
        ([LETTER] * 10 + [PILLAR] * 10, [("letterbox", 0, 5), ("pillarbox", 5, 10)]),
        ([LETTER] * 10 + [FULL] + [LETTER] * 10, [("letterbox", 0, 10.5)]),
        ([FULL] * 10 + [LETTER] * 3 + [FULL] * 10, [("none", 0, 11.5)]),
        ([None] * 4 + [LETTER] * 6 + [None] * 10 + [LETTER] * 6, [("letterbox", 0, 13)]),
        ([None] * 8, []),
        ([], []),
    ],
)
def test_another_border_must_stand_for_the_hold(boxes, expected) -> None:
    """media 4.3 CROP: hold 2 s, and dark pictures are no evidence."""
    assert _found(boxes) == expected


def test_a_hold_of_0_takes_each_picture_at_its_word() -> None:
    assert [kind for kind, _, _ in _found([FULL, LETTER, PILLAR], hold=0)] == ["none", "letterbox", "pillarbox"]


def test_a_box_is_where_a_row_or_column_reaches_the_limit() -> None:
    """media 4.3 CROP: limit 24 codes; under a mean of 36 there is no evidence."""
    luma = np.full((90, 160), 16, np.uint8)
    luma[10:80, 5:150] = 120
    assert bright_box(luma, 24, 36) == Box(5, 10, 150, 80)
    assert bright_box(luma.astype(np.uint16) * 4, 24 * 4, 36 * 4) == Box(5, 10, 150, 80)
    luma[9, :] = 25
    assert bright_box(luma, 24, 36) == Box(5, 9, 150, 80)
    assert bright_box(np.full((90, 160), 35, np.uint8), 24, 36) is None


@pytest.mark.parametrize("hold", [0, 2])
def test_another_size_of_picture_begins_anew(hold) -> None:
    feature = Crop(CropOptions(hold=hold))
    for number in range(10):
        size = (640, 360) if number < 5 else (320, 180)
        at = Fraction(number, 2)
        feature.frame(Seen(start=at, end=at + 1, thumb=None, change=None, silent=True), [[0, 0, *size], [*size, False]])
    feature.rest(Fraction(5))
    assert [(item["width"], item["startTimeOffset"]) for item in feature.items()] == [(640, "0.000000s"), (320, "2.500000s")]
