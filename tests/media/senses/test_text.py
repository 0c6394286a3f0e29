"""Reading text in pictures; tests/truth/test_text.py measures how well."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from media.scenes import FONTS, backdrop, sign
from triptych.media.senses.text import Reader, _ordered, same_place, working_size
from triptych.media.slots import need

SQUARE = ((0.1, 0.1), (0.3, 0.1), (0.3, 0.3), (0.1, 0.3))


@pytest.fixture(scope="module")
def reader() -> Reader:
    found = need("text", Path("/nonexistent"))
    return Reader(found.read_all())


def test_a_line_is_read_and_its_corners_lie_around_it(reader) -> None:
    (line,) = reader.read(sign("Platform 9", 320, 96, font=FONTS[1], x=40, y=30))
    assert line.text == "Platform 9"
    (left, top), (right, _), _, (_, bottom) = line.quad
    assert left * 320 == pytest.approx(40, abs=10)
    assert top * 96 == pytest.approx(32, abs=10)
    assert right > left
    assert bottom > top


def test_a_turned_line_is_read_too(reader) -> None:
    picture = sign("Platform nine", 320, 320, x=40, y=140)
    turn = cv2.getRotationMatrix2D((160, 160), 12, 1)
    (line,) = reader.read(cv2.warpAffine(picture, turn, (320, 320), borderMode=cv2.BORDER_REPLICATE))
    assert line.text == "Platform nine"


def test_a_picture_without_text_has_no_line(reader) -> None:
    assert reader.read(backdrop(320, 160)) == []


@pytest.mark.parametrize(
    ("size", "expected"), [((640, 360), (640, 352)), ((1920, 1080), (1280, 704)), ((20, 5), (32, 32)), ((1280, 8000), (192, 1280))]
)
def test_pictures_are_searched_no_larger_than_they_are(size, expected) -> None:
    assert working_size(*size) == expected


def test_corners_go_clockwise_from_the_top_left() -> None:
    corners = np.array([(5, 9), (1, 2), (6, 1), (0, 8)], np.float32)
    np.testing.assert_array_equal(_ordered(corners), [(1, 2), (6, 1), (5, 9), (0, 8)])


def test_two_places_are_the_same_when_half_of_the_smaller_is_shared() -> None:
    near = tuple((x + 0.05, y) for x, y in SQUARE)
    far = tuple((x + 0.15, y) for x, y in SQUARE)
    assert same_place(SQUARE, near)
    assert not same_place(SQUARE, far)
