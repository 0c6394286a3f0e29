"""camera 9, 2.3: what a camera's process has for persons, and what it says when something is missing."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from manualclock import ManualClock
from media.scenes import backdrop, hopper
from portraits import couple, hoppers, jpeg, men
from triptych.camera.parameters import Parameters
from triptych.camera.persons.reception import Reception
from triptych.errors import Invalid, NotFound, Unavailable

NOWHERE = Path("/nonexistent")
ALL = Parameters(recognized_persons=("all",))


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def reception(tmp_path, clock):
    made = Reception(tmp_path / "persons", NOWHERE, clock)
    yield made
    made.close()


@pytest.fixture
def lacking(tmp_path, clock):
    """A reception on a machine whose model is another one than published."""
    (tmp_path / "mine.dat").write_bytes(b"not the network")
    manifest = {"slot": "person", "name": "x", "version": "1", "licence": "MIT", "measured_on": "x", "file": "mine.dat", "sha256": "0" * 64}
    (tmp_path / "person.json").write_text(json.dumps(manifest))
    made = Reception(tmp_path / "persons", tmp_path, clock)
    yield made
    made.close()


def enrol(reception, name, pictures):
    reasons = [reception.intake.take("u", f"{number}.jpg", jpeg(picture), last=True) for number, picture in enumerate(pictures)]
    return reception.enrol("u", name, "operator"), reasons


def test_persons_are_enrolled_by_their_photos(reception, clock):
    """camera row 43."""
    card, reasons = enrol(reception, "Grace", hoppers())
    assert reasons == [None] * 3
    assert [picture.at for picture in card.pictures] == [clock.now()] * 3
    clock.time += timedelta(seconds=0.25)
    (enrolled,) = reception.enrolled()
    assert enrolled.distance(np.stack([np.array(picture.encoding, np.float32) for picture in card.pictures])) < 0.3


@pytest.mark.parametrize(("picture", "reason"), [(backdrop(640, 480), "no face"), (couple(), "shows 2 faces")])
def test_a_picture_without_a_face_or_with_two_is_rejected(reception, picture, reason):
    """camera row 43."""
    assert reason in reception.intake.take("u", "a.jpg", jpeg(picture), last=True)


def test_a_face_that_fills_the_photo_is_found(reception):
    assert reception.intake.take("u", "a.jpg", jpeg(hopper()[140:330, 175:345]), last=True) is None


def test_a_person_is_amended(reception):
    card, _ = enrol(reception, "Grace", hoppers()[:1])
    assert reception.amend(card.id, None, "Admiral", "admin").name == "Admiral"
    assert reception.intake.take("v", "b.jpg", jpeg(hoppers()[1]), last=True) is None
    assert len(reception.amend(card.id, "v", None, "admin").pictures) == 2
    with pytest.raises(NotFound):
        reception.amend(card.id, "v", None, "admin")


def test_who_came_and_went_is_known_a_quarter_of_a_second_later(reception, clock):
    """camera 6: running jobs forget them within 1 s."""
    assert reception.enrolled() == ()
    card, _ = enrol(reception, "Man", men()[:1])
    clock.time += timedelta(seconds=0.25)
    (enrolled,) = known = reception.enrolled()
    assert enrolled.name == "Man"
    clock.time += timedelta(seconds=0.25)
    assert reception.enrolled() is known, "nothing changed"
    reception.album.forget(card.id)
    clock.time += timedelta(seconds=0.25)
    assert reception.enrolled() == ()


def test_a_choice_of_nobody_who_is_enrolled_is_refused_and_hinted_at(reception, clock):
    """camera 4: nobody of the choice enrolled: PUT track ERROR; camera row 8: the state warns of unknown ids."""
    two = Parameters(recognized_persons=("a", "b"))
    assert reception.hints(Parameters()) == []
    assert reception.hints(two) == ["recognized_persons: 2 of the ids are not enrolled."]
    assert reception.hints(ALL) == ["recognized_persons: nobody is enrolled."]
    for asked in (two, ALL):
        reception.check_choice(asked)
        with pytest.raises(Invalid, match="recognized_persons"):
            reception.check_enrolled(asked)
    card, _ = enrol(reception, "Man", men()[:1])
    reception.check_enrolled(ALL)
    one = Parameters(recognized_persons=(card.id, "b"))
    reception.check_enrolled(one)
    assert reception.hints(one) == ["recognized_persons: 1 of the ids is not enrolled."]
    assert reception.hints(ALL) == []


def test_without_the_extra_it_is_named(lacking):
    """camera 9: values are only stored, with a warning; all else is an ERROR naming the extra."""
    assert any("extra `faces`" in hint for hint in lacking.hints(ALL))
    for act in (lacking.check, lambda: lacking.check_choice(ALL)):
        with pytest.raises(Unavailable, match="extra `faces`") as fault:
            act()
        assert (fault.value.code, len(fault.value.message) <= 200) == ("faces_missing", True)
    lacking.check_choice(Parameters())


def test_a_simulated_camera_refuses_recognition(tmp_path, clock):
    """camera 1: `sim` refuses recognition."""
    reception = Reception(tmp_path, NOWHERE, clock, faceless="a sim source shows no faces")
    reception.check_choice(Parameters())
    with pytest.raises(Invalid, match="recognized_persons must be null: a sim source"):
        reception.check_choice(ALL)


def test_nothing_is_begun_before_it_is_needed(reception):
    """camera 4: persons null: no identification, no cost."""
    assert reception.enrolled() == ()
    assert (reception._describer._process, reception._recogniser) == (None, None)
    first = reception.recogniser()
    assert reception.recogniser() is first
    reception.rest()
    first.join()
    assert reception.recogniser() is not first
