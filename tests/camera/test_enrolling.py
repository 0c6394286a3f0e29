"""camera 6, row 43: what a panel may ask about persons of a camera's process."""

import pytest

from portraits import hoppers, jpeg
from triptych.camera.parameters import Parameters
from triptych.camera.verbs import obey
from triptych.errors import Invalid, NotFound


@pytest.fixture
def session(opened):
    return opened(Parameters())


def send(session, picture, name="a.jpg", upload="u"):
    data = jpeg(picture)
    half = len(data) // 2
    first = obey(session, "person_photo", {"upload": upload, "image": name, "data": data[:half], "last": False})
    assert first == {"rejected": None}
    return obey(session, "person_photo", {"upload": upload, "image": name, "data": data[half:], "last": True})


def enrol(session, **whose):
    return obey(session, "person_enrol", {"role": "operator", "upload": "u", **whose})


def test_a_person_is_enrolled_listed_read_and_forgotten(session):
    """camera row 43."""
    assert send(session, hoppers()[0]) == {"rejected": None}
    found = enrol(session, name="Grace")
    assert obey(session, "persons", {})["persons"] == [{"id": found["id"], "name": "Grace", "image_names": ["a.jpg"]}]
    picture = obey(session, "person_picture", {"id": found["id"], "image": "a.jpg"})
    assert (picture["media_type"], picture["size"], picture["data"][:3]) == ("image/jpeg", len(picture["data"]), b"\xff\xd8\xff")
    rest = obey(session, "person_picture", {"id": found["id"], "image": "a.jpg", "offset": 10, "limit": 5})
    assert rest["data"] == picture["data"][10:15]
    card = obey(session, "person", {"id": found["id"]})["card"]
    assert (card["name"], card["pictures"][0]["role"], len(card["pictures"][0]["encoding"])) == ("Grace", "operator", 128)
    assert obey(session, "person_forget", {"id": found["id"]}) == {}
    assert obey(session, "persons", {}) == {"persons": []}


def test_a_person_is_renamed_and_gets_more_photos(session):
    send(session, hoppers()[0])
    person = enrol(session, name="Grace")["id"]
    assert enrol(session, id=person, name="Admiral", upload=None)["name"] == "Admiral"
    send(session, hoppers()[1], "b.jpg")
    assert enrol(session, id=person)["image_names"] == ["a.jpg", "b.jpg"]


def test_what_was_not_sent_cannot_be_enrolled(session):
    with pytest.raises(NotFound):
        enrol(session, name="Grace")
    with pytest.raises(NotFound):
        obey(session, "person_forget", {"id": "grace"})
    send(session, hoppers()[0])
    with pytest.raises(Invalid, match="face_name"):
        enrol(session, name="a/b")


def test_enrolment_opens_no_source(session):
    """camera 1: enrolment holds the process without a job."""
    send(session, hoppers()[0])
    enrol(session, name="Grace")
    assert (session.eye, session.live) == (None, False)
