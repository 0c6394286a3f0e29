"""camera 11: what follows when a head does not answer."""

from datetime import timedelta

from triptych.camera.vitals import Vitals
from triptych.errors import Unavailable

FAULT = Unavailable("The head does not answer.", code="head_silent")


def told(vitals, at_s, fault=FAULT):
    vitals.note(timedelta(seconds=at_s), fault)
    return vitals.warning is not None, vitals.failure is not None


def test_a_head_that_does_not_answer_warns_after_1_s_and_fails_after_5_s():
    vitals = Vitals()
    assert [told(vitals, at_s) for at_s in (10.0, 10.9, 11.0, 14.9, 15.0)] == [
        (False, False),
        (False, False),
        (True, False),
        (True, False),
        (True, True),
    ]
    assert vitals.failure is FAULT


def test_one_answer_starts_the_count_anew():
    vitals = Vitals()
    told(vitals, 0.0)
    assert told(vitals, 4.9) == (True, False)
    assert told(vitals, 5.0, None) == (False, False)
    assert told(vitals, 5.5) == (False, False)
    assert told(vitals, 10.4) == (True, False)


def test_a_head_that_could_not_be_opened_never_answers():
    vitals = Vitals(FAULT)
    assert told(vitals, 0.0, None) == (True, True)
