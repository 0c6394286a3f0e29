"""camera 6, row 43: photos come in pieces and are judged one by one."""

import numpy as np
import pytest

from portraits import jpeg
from triptych.camera.persons.intake import Intake
from triptych.camera.track import Box
from triptych.errors import Invalid, NotFound, Unavailable

PICTURE = np.full((200, 200, 3), 90, np.uint8)
LARGE = Box(left=0.1, top=0.1, right=0.6, bottom=0.6)
OTHER = Box(left=0.5, top=0.1, right=1.0, bottom=0.6)
SMALL = Box(left=0.1, top=0.1, right=0.49, bottom=0.49)


def make(*boxes):
    described = []

    def describe(image, box):
        described.append(box)
        return np.zeros(128, np.float32)

    return Intake(lambda image: boxes, describe), described


def send(intake, data=None, name="a.jpg", upload="u", piece=700):
    data = jpeg(PICTURE) if data is None else data
    for begin in range(0, len(data), piece):
        reason = intake.take(upload, name, data[begin : begin + piece], last=begin + piece >= len(data))
    return reason


def test_a_photo_with_one_large_face_is_accepted_whole():
    intake, described = make(LARGE)
    assert send(intake) is None
    (accepted,) = intake.release("u")
    assert (accepted.name, accepted.extension, described) == ("a.jpg", "jpg", [LARGE])


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [((), "no face"), ((LARGE, OTHER), "shows 2 faces"), ((SMALL,), "smaller than 80 px")],
)
def test_a_photo_needs_exactly_one_face_of_80_px(boxes, reason):
    """camera 6, row 43: a photo needs exactly one face >= 80 px."""
    intake, described = make(*boxes)
    assert reason in send(intake)
    assert (intake.release("u"), described) == ([], [])


def test_a_small_face_in_the_background_does_no_harm():
    """camera 6: one face of 80 px or more."""
    intake, described = make(SMALL, LARGE)
    assert send(intake) is None
    assert described == [LARGE]


@pytest.mark.parametrize("name", ["", "../a.jpg", "a\nb.jpg", "x" * 81])
def test_a_photos_name_is_a_label(name):
    """camera S5."""
    assert "its name must be" in send(make(LARGE)[0], name=name)


def test_a_photo_of_more_than_8_mb_is_rejected_and_takes_no_more_room():
    """camera 6: <= 8 MB each."""
    intake, _ = make(LARGE)
    assert "8 MB" in send(intake, jpeg(PICTURE) + bytes(12 << 20), piece=1 << 20)
    assert send(intake) is None, "the next one begins anew"


def test_at_most_twenty_are_taken_at_once():
    """camera 6: 1-20 photos."""
    intake, _ = make(LARGE)
    for number in range(20):
        assert send(intake, name=f"{number}.jpg") is None
    with pytest.raises(Invalid, match="20"):
        send(intake)


def test_of_many_uploads_the_oldest_is_dropped_and_a_released_one_is_gone():
    intake, _ = make(LARGE)
    for upload in ("a", "b", "c"):
        send(intake, upload=upload)
    with pytest.raises(NotFound):
        intake.release("a")
    assert len(intake.release("c")) == 1
    with pytest.raises(NotFound):
        intake.release("c")


def test_a_fault_of_ours_is_no_reason_to_reject():
    def broken(image, box):
        raise Unavailable("The process that describes faces gave no answer.", code="recognition_failed")

    with pytest.raises(Unavailable):
        send(Intake(lambda image: (LARGE,), broken))
