"""The roster says who may be asked for more work."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from triptych.errors import Conflict, NotFound, Unavailable
from triptych.model import Job, State, Worker, WorkerState
from triptych.roster import Roster

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def worker(**fields):
    return Worker(
        **{
            "id": "w",
            "state": WorkerState.READY,
            "boot_id": "b",
            "started_at": NOW,
            "seen_at": NOW,
            "slots": {"command": 2, "camera": 2},
        }
        | fields
    )


def job(name, **fields):
    return Job(**{"id": name, "kind": "command", "spec": {}, "created_at": NOW, "worker_id": "w", "state": State.RUNNING} | fields)


@pytest.fixture
def roster():
    roster = Roster(timedelta(seconds=10))
    roster.announce(worker())
    return roster


def test_an_unknown_worker_is_not_found(roster):
    with pytest.raises(NotFound, match="worker not found"):
        roster.check("x", "command")


def test_the_checks_come_in_the_order_known_connected_taking_work_free(roster):
    """workers W4."""
    roster.note(job("a"))
    roster.note(job("b"))
    with pytest.raises(Unavailable, match="worker busy"):
        roster.check("w", "command")
    roster.announce(worker(state=WorkerState.DRAINING))
    with pytest.raises(Conflict, match="worker draining"):
        roster.check("w", "command")
    roster.lose("w")
    with pytest.raises(Unavailable, match="worker not connected"):
        roster.check("w", "command")


def test_a_slot_comes_back_when_its_job_ends_or_is_requeued(roster):
    first, second = job("a"), job("b")
    for held in (first, second):
        roster.note(held)
    assert not roster.fits(worker(), "command")
    roster.note(replace(first, state=State.ENDED))
    assert roster.fits(worker(), "command")
    roster.note(replace(second, state=State.QUEUED, worker_id=None))
    assert roster.held("w") == []


def test_slots_of_one_kind_do_not_take_those_of_another(roster):
    roster.note(job("a"))
    roster.note(job("b"))
    assert roster.fits(worker(), "camera")


def test_two_sessions_never_share_a_camera(roster):
    session = job("a", kind="camera", spec={"camera": "front"})
    roster.note(session)
    assert not roster.idle(worker(), replace(session, id="b"))
    assert roster.idle(worker(), replace(session, id="b", spec={"camera": "back"}))


def test_a_worker_is_silent_once_its_lease_has_passed(roster):
    """workers section 6: worker_lease_s."""
    assert roster.silent(NOW + timedelta(seconds=10)) == []
    assert [lost.id for lost in roster.silent(NOW + timedelta(seconds=11))] == ["w"]


def test_only_an_announcement_that_changes_something_is_news(roster):
    assert not roster.announce(worker(seen_at=NOW + timedelta(seconds=2)))
    assert roster.announce(worker(started_at=NOW + timedelta(seconds=2)))
