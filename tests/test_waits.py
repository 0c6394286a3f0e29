"""What waits is due on a clock that nobody sets."""

from dataclasses import replace
from datetime import timedelta

import pytest

from scripted import MovedClock
from triptych.model import Job, State
from triptych.waits import Waits


@pytest.fixture
def clock():
    return MovedClock()


@pytest.fixture
def job(clock):
    now = clock.now()
    return Job(id="j", kind="command", spec={"argv": ["x"]}, created_at=now, deadline=now + timedelta(seconds=100))


def at(waits, clock, seconds):
    clock.ahead += timedelta(seconds=seconds)
    return waits.due()


def test_a_job_is_over_when_its_patience_has_ended_and_again_until_that_is_committed(clock, job):
    """workers section 7: queue_s."""
    waits = Waits(clock)
    waits.note(job)
    assert at(waits, clock, 99) == []
    assert at(waits, clock, 2) == [("j", True)]
    assert at(waits, clock, 1) == []
    assert at(waits, clock, 2) == [("j", True)]
    waits.note(replace(job, state=State.ENDED))
    assert at(waits, clock, 5) == []


def test_a_held_job_is_over_at_the_same_time(clock, job):
    waits = Waits(clock)
    waits.note(job)
    assert at(waits, clock, 60) == []
    waits.note(replace(job, state=State.PAUSED))
    assert at(waits, clock, 41) == [("j", True)]


def test_a_job_that_was_taken_waits_no_more(clock, job):
    waits = Waits(clock)
    waits.note(job)
    waits.note(replace(job, state=State.STARTING, worker_id="w", attempt=1))
    assert at(waits, clock, 200) == []


def test_the_next_attempt_is_due_after_its_pause(clock, job):
    """workers section 7, retry."""
    waits = Waits(clock)
    waiting = replace(job, attempt=1, not_before=clock.now() + timedelta(seconds=4))
    waits.note(waiting)
    assert at(waits, clock, 3) == []
    assert at(waits, clock, 2) == [("j", False)]
    waits.note(replace(waiting, not_before=None))
    assert at(waits, clock, 5) == []


def test_a_set_clock_moves_no_wait(clock, job):
    """workers F11."""
    waits = Waits(clock)
    waits.note(replace(job, attempt=1, not_before=clock.now() + timedelta(seconds=4)))
    clock.set_by = timedelta(days=1)
    assert waits.due() == []
    clock.set_by = timedelta(days=-1)
    assert at(waits, clock, 5) == [("j", False)]


def test_an_attempt_that_is_due_is_put_in_line_before_its_patience_counts(clock, job):
    """workers section 7: queue_s 0 with a retry."""
    waits = Waits(clock)
    waiting = replace(job, deadline=job.created_at, attempt=1, not_before=clock.now() + timedelta(seconds=4))
    waits.note(waiting)
    assert at(waits, clock, 5) == [("j", False)]
    waits.note(replace(waiting, not_before=None))
    assert waits.due() == []
    assert at(waits, clock, 3) == [("j", True)]
