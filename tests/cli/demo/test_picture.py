"""A camera picture in a terminal."""

import cv2
import numpy as np

from triptych.cli.demo.picture import half_blocks


def test_a_picture_keeps_its_shape_and_its_colours():
    image = np.zeros((90, 160, 3), np.uint8)
    image[:45] = (255, 0, 0)
    ok, jpeg = cv2.imencode(".jpg", image)
    text = half_blocks(jpeg.tobytes(), columns=32)
    assert ok
    assert [len(line.strip()) for line in text.plain.splitlines()] == [32] * 9
    first, last = text.spans[0].style.color.triplet, text.spans[-1].style.bgcolor.triplet
    assert first.blue > 200
    assert first.red < 60
    assert max(last) < 60


def test_bytes_that_are_no_picture_give_nothing():
    assert half_blocks(b"not a picture", columns=32) is None
