"""camera 6, 8: what may be sent to enrol a person."""

import pytest

from triptych.camera.persons.rules import MOST_PHOTO_BYTES, PIECE_BYTES, check_name
from triptych.errors import Invalid


def test_a_piece_goes_through_a_broker_that_takes_a_mebibyte():
    assert PIECE_BYTES * 2 <= 1024 * 1024 < MOST_PHOTO_BYTES


def test_a_name_is_visible_text():
    check_name("Åsa Öberg")
    with pytest.raises(Invalid, match="face_name"):
        check_name("a/b")
