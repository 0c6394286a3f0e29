"""camera 9: whose face a track shows."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.camera.persons.matching import Dossier, Enrolled, Standing, match

ADA, BOB = "a", "b"


def at(seconds):
    return timedelta(seconds=seconds)


def point(*numbers):
    """Make a descriptor whose first numbers are these."""
    return np.array([*numbers, *[0.0] * (128 - len(numbers))], np.float32)


def enrolled(person, *descriptors):
    return Enrolled(id=person, name=person.upper(), descriptors=np.array(descriptors, np.float32))


def seen(dossier, descriptor, people, *, begin=0.0, times=3):
    for number in range(times):
        dossier.add(descriptor, at(begin + number / 10), people)
    return dossier.identity(at(begin + 0.3))


def test_a_face_nearer_than_the_bound_is_the_persons_and_one_beyond_it_is_not():
    """camera 9: mean distance < 0.6."""
    ada = enrolled(ADA, point(0))
    assert match(np.stack([point(0.5), point(0.65), point(0.6)]), [ada]) is ada
    assert match(np.stack([point(0.6)] * 3), [ada]) is None


def test_between_two_persons_who_are_too_alike_nobody_is_named():
    """camera 9: 0.05 better than the next person."""
    ada, bob = enrolled(ADA, point(0.0)), enrolled(BOB, point(0.4))
    assert match(np.stack([point(0.18)] * 3), [ada, bob]) is None
    assert match(np.stack([point(0.17)] * 3), [ada, bob]) is ada
    assert match(np.stack([point(0.23)] * 3), [bob, ada]) is bob


def test_nobody_matches_where_nobody_has_a_photo():
    assert match(np.stack([point(0)] * 3), []) is None
    assert match(np.stack([point(0)] * 3), [Enrolled(id=ADA, name=ADA, descriptors=np.empty((0, 128), np.float32))]) is None


@given(st.permutations(range(4)), st.floats(-0.5, 2.0))
def test_a_match_does_not_depend_on_the_order_of_persons(order, place):
    people = [enrolled(str(number), point(0.4 * number)) for number in range(4)]
    found = match(np.stack([point(place)] * 3), people)
    assert match(np.stack([point(place)] * 3), [people[number] for number in order]) is found


def test_it_takes_three_samples_to_name_somebody():
    """camera 9: over >= 3 samples."""
    dossier, people = Dossier(at(0)), (enrolled(ADA, point(0)),)
    assert seen(dossier, point(0), people, times=2).standing is Standing.UNKNOWN
    dossier.add(point(0), at(0.3), people)
    identity = dossier.identity(at(0.3))
    assert (identity.standing, identity.person, identity.name) == (Standing.PERSON, ADA, "A")


def test_not_enrolled_needs_three_samples_or_two_seconds_without_one():
    """camera 4: secure and persons."""
    people = (enrolled(ADA, point(0)),)
    assert seen(Dossier(at(0)), point(1), people, times=2).standing is Standing.UNKNOWN
    assert seen(Dossier(at(0)), point(1), people).standing is Standing.STRANGER
    faceless = Dossier(at(0))
    assert faceless.identity(at(1.9)).standing is Standing.UNKNOWN
    assert faceless.identity(at(2.0)).standing is Standing.STRANGER
    faceless.face(at(2.0))
    assert faceless.identity(at(3.9)).standing is Standing.UNKNOWN, "its turn will come"


def test_a_known_face_that_is_not_seen_for_long_stays_known():
    dossier = Dossier(at(0))
    seen(dossier, point(0), (enrolled(ADA, point(0)),))
    assert dossier.identity(at(30)).person == ADA


def test_samples_are_wanted_at_once_and_then_every_three_seconds():
    """camera 9: at a new track, then every 3 s."""
    dossier, people = Dossier(at(0)), (enrolled(ADA, point(0)),)
    assert dossier.due(at(0))
    assert dossier.urgent
    seen(dossier, point(0), people)
    assert not dossier.urgent
    assert not dossier.due(at(3.1))
    assert dossier.due(at(3.3))
    dossier.add(point(0), at(3.3), people)
    assert dossier.due(at(3.4)), "three in a row"


def test_a_person_whose_head_was_turned_once_is_no_stranger_but_another_face_twice_is():
    dossier, people = Dossier(at(0)), (enrolled(ADA, point(0)), enrolled(BOB, point(2)))
    seen(dossier, point(0), people)
    assert seen(dossier, point(1), people, begin=4).person == ADA
    assert seen(dossier, point(0), people, begin=8).person == ADA
    assert seen(dossier, point(1), people, begin=12).person == ADA
    assert seen(dossier, point(1), people, begin=16).standing is Standing.STRANGER


def test_another_persons_face_is_hers_at_once():
    dossier, people = Dossier(at(0)), (enrolled(ADA, point(0)), enrolled(BOB, point(2)))
    seen(dossier, point(0), people)
    assert seen(dossier, point(2), people, begin=4).person == BOB


def test_a_doubt_forgets_who_it_was_and_asks_again():
    """camera 4: after a loss the lock re-binds only to a confirmed face."""
    dossier, people = Dossier(at(0)), (enrolled(ADA, point(0)),)
    seen(dossier, point(0), people)
    dossier.doubt(at(5))
    assert dossier.identity(at(5)).standing is Standing.UNKNOWN
    assert (dossier.since, dossier.urgent, dossier.due(at(5))) == (at(5), True, True)
    assert dossier.identity(at(7)).standing is Standing.STRANGER
    assert seen(dossier, point(0), people, begin=7).person == ADA


@pytest.mark.parametrize(("people", "standing"), [((), Standing.STRANGER), ((enrolled(BOB, point(0)),), Standing.PERSON)])
def test_who_is_enrolled_counts_at_once_and_who_is_deleted_is_forgotten(people, standing):
    """camera 6: running jobs forget them within 1 s; camera 2.3: ids count once enrolled."""
    dossier = Dossier(at(0))
    seen(dossier, point(0), (enrolled(ADA, point(0)),))
    dossier.compare(people)
    assert dossier.identity(at(1)).standing is standing
