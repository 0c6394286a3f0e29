"""camera 4: the lock where persons are chosen."""

from datetime import timedelta

import pytest

from triptych.camera.persons.choice import EVERYBODY, ChosenLock, admits, judge
from triptych.camera.persons.matching import NOBODY_YET, STRANGER, Identity, Standing
from triptych.camera.track import Box, Track
from triptych.camera.visits import Standing as Visitor


def at(seconds):
    return timedelta(seconds=seconds)


def person(name):
    return Identity(standing=Standing.PERSON, person=name, name=name.upper())


def face(number, seconds, *, size=0.1, seen=True, confirmed=True):
    box = Box(left=0.5 - size / 2, top=0.4, right=0.5 + size / 2, bottom=0.4 + size)
    when = {"began": at(0), "last_seen": at(seconds) if seen else at(seconds - 0.1)}
    return Track(number=number, box=box, pan_deg=0, tilt_deg=0, score=0.9, seen=seen, confirmed=confirmed, **when)


class Hall:
    """Tracks, and who they are."""

    def __init__(self, chosen):
        self.who = {}
        self.lock = ChosenLock(chosen, lambda _at, _tracks: self.who)

    def see(self, seconds, *tracks):
        target = self.lock.update(at(seconds), tracks)
        return target and target.number


@pytest.mark.parametrize(
    ("chosen", "identity", "admitted"),
    [
        (EVERYBODY, person("a"), True),
        (EVERYBODY, STRANGER, False),
        (EVERYBODY, NOBODY_YET, False),
        (("a",), person("a"), True),
        (("a",), person("b"), False),
        (("a",), STRANGER, False),
    ],
)
def test_only_the_chosen_are_admitted(chosen, identity, admitted):
    """camera 4: only enrolled persons / only these."""
    assert admits(chosen, identity) is admitted


@pytest.mark.parametrize(
    ("chosen", "identity", "standing", "who"),
    [
        (EVERYBODY, person("a"), Visitor.EXPECTED, "a"),
        (EVERYBODY, STRANGER, Visitor.VISITOR, None),
        (EVERYBODY, NOBODY_YET, Visitor.UNSURE, None),
        (("a",), person("a"), Visitor.EXPECTED, "a"),
        (("a",), person("b"), Visitor.VISITOR, "b"),
        (("a",), STRANGER, Visitor.VISITOR, None),
        (("a",), NOBODY_YET, Visitor.UNSURE, None),
    ],
)
def test_a_watched_room_expects_the_chosen_alone(chosen, identity, standing, who):
    """camera 4: secure: alarms on anyone not enrolled / anyone but these."""
    judgement = judge(chosen, identity)
    assert (judgement.standing, judgement.person) == (standing, who)


def test_the_largest_of_the_enrolled_is_followed_and_no_stranger_however_large():
    """camera row 33: strangers are never a target."""
    hall = Hall(EVERYBODY)
    hall.who = {1: STRANGER, 2: person("a"), 3: person("b")}
    assert hall.see(1, face(1, 1, size=0.4), face(2, 1, size=0.1), face(3, 1, size=0.2)) == 3


def test_the_target_stays_when_another_enrolled_person_comes_nearer():
    hall = Hall(EVERYBODY)
    hall.who = {1: person("a"), 2: person("b")}
    assert hall.see(1, face(1, 1)) == 1
    assert hall.see(2, face(1, 2), face(2, 2, size=0.4)) == 1
    assert hall.see(2.1, face(1, 2.1, seen=False), face(2, 2.1, size=0.4)) == 1


def test_a_face_that_is_not_known_yet_and_one_of_too_few_sights_wait():
    hall = Hall(("a",))
    assert hall.see(1, face(1, 1)) is None
    hall.who = {1: person("a")}
    assert hall.see(1.1, face(1, 1.1, confirmed=False)) is None
    assert hall.see(1.2, face(1, 1.2)) == 1


def test_a_track_that_goes_over_to_another_person_is_followed_no_more():
    """camera 4: A chosen, B crosses: never locked on B."""
    hall = Hall(("a",))
    hall.who = {1: person("a")}
    assert hall.see(1, face(1, 1)) == 1
    hall.who = {1: NOBODY_YET}
    assert hall.see(1.1, face(1, 1.1)) is None
    hall.who = {1: person("b"), 2: person("a")}
    assert hall.see(1.5, face(1, 1.5), face(2, 1.5)) == 2


def test_after_a_loss_only_the_same_person_is_taken_until_the_patience_is_over():
    """camera 4: after a loss the lock re-binds only to a confirmed face of that person."""
    hall = Hall(EVERYBODY)
    hall.who = {1: person("a"), 2: person("b"), 3: person("a")}
    assert hall.see(1, face(1, 1)) == 1
    assert hall.see(3, face(2, 3)) is None
    assert hall.see(3.2, face(2, 3.2), face(3, 3.2)) == 3
    assert hall.see(6.3, face(2, 6.3)) == 2


def test_a_chosen_track_must_be_a_chosen_persons():
    hall = Hall(("a",))
    hall.who = {1: person("a"), 2: person("b")}
    hall.see(1, face(1, 1), face(2, 1))
    assert hall.lock.admits(face(1, 1))
    assert not hall.lock.admits(face(2, 1))
    assert not hall.lock.admits(face(9, 1))


def test_after_a_release_the_choice_is_free():
    hall = Hall(EVERYBODY)
    hall.who = {1: person("a"), 2: person("b")}
    assert hall.see(1, face(1, 1)) == 1
    hall.lock.release()
    assert hall.lock.number is None
    assert hall.see(1.1, face(2, 1.1)) == 2
