"""The process that describes faces, by what it reads and writes."""

import struct
from io import BytesIO

import numpy as np

from triptych.camera.persons.describing import ANSWER_BYTES, ASK, READY, serve


class Network:
    """Answers with the mean of the picture, whatever the landmarks are."""

    def compute_face_descriptor(self, picture, landmarks):
        return [picture.mean() + landmarks] * 128


def ask(picture, box):
    return ASK.pack(*picture.shape[:2], *box) + picture.tobytes()


def test_each_ask_has_its_answer_and_the_end_of_input_ends_it():
    dark, bright = np.zeros((4, 6, 3), np.uint8), np.full((2, 2, 3), 10, np.uint8)
    answers = BytesIO()
    serve(
        Network(), lambda picture, box: sum(box), lambda *box: box, BytesIO(ask(dark, (1, 2, 3, 4)) + ask(bright, (-1, 0, 0, 0))), answers
    )
    told = answers.getvalue()
    assert told[:1] == READY
    assert len(told) == 1 + 2 * ANSWER_BYTES
    assert struct.unpack("<128f128f", told[1:])[::128] == (10.0, 9.0)
