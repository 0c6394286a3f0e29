"""camera 4, secure: one alarm a visit."""

import pytest

from camera.faces_at import at, face
from triptych.camera.visits import ANYONE, Judgement, Standing, Visits


def beats(begin, end):
    return [begin + beat / 30 for beat in range(round((end - begin) * 30) + 1)]


def play(visits, moments, **about):
    """Show one face at each moment; return when alarms were due."""
    return [moment for moment in moments if visits.update(at(moment), [face(moment, **about)])]


def wait(visits, moments):
    return [moment for moment in moments if visits.update(at(moment), [])]


@pytest.fixture
def visits():
    return Visits(lambda track: ANYONE)


def test_an_alarm_is_due_within_a_second_and_a_half_once(visits):
    """camera 4: alarm <= 1.5 s after a visible face; the first second finds the sharpest."""
    (due,) = play(visits, beats(0, 20))
    assert 1.0 <= due <= 1.1


def test_a_face_that_is_not_confirmed_is_no_visitor(visits):
    assert play(visits, beats(0, 3), confirmed=False) == []


def test_a_visit_is_over_five_seconds_after_the_last_sight(visits):
    play(visits, beats(0, 2))
    wait(visits, beats(2, 6.9))
    assert len(visits.open) == 1
    wait(visits, beats(7.0, 7.2))
    assert visits.open == []


def test_a_visitor_who_was_out_of_sight_and_comes_back_nearby_is_no_second_one(visits):
    """camera 4: the same track."""
    assert len(play(visits, beats(0, 3))) == 1
    wait(visits, beats(3, 5))
    assert play(visits, beats(5, 9), number=2, began=at(5), pan_deg=6.0) == []


def test_a_second_visitor_elsewhere_gives_an_alarm_too(visits):
    play(visits, beats(0, 3))
    assert len(play(visits, beats(3, 6), number=2, began=at(3), pan_deg=30.0)) == 1


def test_the_same_person_gives_no_second_alarm_within_half_a_minute():
    """camera 4: one alarm per visit (same person within 30 s)."""
    visits = Visits(lambda track: Judgement(standing=Standing.VISITOR, person="b"))
    assert len(play(visits, beats(0, 3))) == 1
    wait(visits, beats(3, 15))
    assert play(visits, beats(20, 24), number=2, began=at(20), pan_deg=40.0) == []
    wait(visits, beats(24, 55))
    assert len(play(visits, beats(60, 63), number=3, began=at(60))) == 1


def test_who_is_expected_gives_no_alarm_and_who_is_not_sure_yet_waits():
    """camera 4: an enrolled person passes 10 times: 0 alarms."""
    known = Visits(lambda track: Judgement(standing=Standing.EXPECTED, person="a"))
    for passage in range(10):
        assert play(known, beats(10 * passage, 10 * passage + 4), number=passage, began=at(10 * passage)) == []
    verdicts = iter([Standing.UNSURE] * 60 + [Standing.VISITOR] * 60)
    doubtful = Visits(lambda track: Judgement(standing=next(verdicts)))
    (due,) = play(doubtful, beats(0, 3.5))
    assert 2.0 <= due <= 3.0
