"""The roster says who may be asked for more work."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from triptych.errors import Conflict, NotFound, Unavailable
from triptych.model import Job, Silence, State, Worker, WorkerState
from triptych.roster import Roster

NOW = datetime(2026, 11, 22, tzinfo=UTC)
AT = timedelta(hours=1)


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
    roster = Roster(timedelta(seconds=10), "boot")
    assert roster.announce(worker(), AT)
    assert roster.seat(worker())
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
    roster.announce(worker(state=WorkerState.DRAINING), AT)
    with pytest.raises(Conflict, match="worker draining"):
        roster.check("w", "command")
    roster.unlink("w")
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
    """workers section 6: worker_lease_s, on the clock since boot."""
    assert roster.silent(AT + timedelta(seconds=10)) == []
    assert [lost.id for lost in roster.silent(AT + timedelta(seconds=11))] == ["w"]
    roster.lose("w")
    assert roster.silent(AT + timedelta(seconds=11)) == []


def test_only_a_worker_that_is_new_or_was_out_of_touch_must_be_met(roster):
    """workers L3."""
    assert not roster.announce(worker(seen_at=NOW + timedelta(seconds=2)), AT)
    assert roster.announce(worker(started_at=NOW + timedelta(seconds=2)), AT)
    assert roster.find("w").state is WorkerState.LOST
    roster.unlink("w")
    assert roster.announce(worker(), AT)


def test_a_worker_that_began_anew_while_it_was_met_is_met_again(roster):
    roster.announce(worker(started_at=NOW + timedelta(seconds=2)), AT)
    assert not roster.seat(worker())
    assert roster.seat(worker(started_at=NOW + timedelta(seconds=2)))


def test_a_draining_worker_drains_whatever_it_announces(roster):
    """workers L9."""
    roster.change(replace(roster.find("w"), state=WorkerState.DRAINING, draining=True))
    roster.announce(worker(), AT)
    assert roster.find("w").state is WorkerState.DRAINING


def test_a_removed_worker_is_not_found_whatever_it_announces(roster):
    """workers section 6."""
    roster.change(replace(roster.find("w"), state=WorkerState.REMOVED))
    assert not roster.announce(worker(), AT)
    assert list(roster) == []
    with pytest.raises(NotFound, match="worker not found"):
        roster.check("w", "command")


def test_a_silence_goes_on_through_a_restart_of_the_server_but_not_of_its_machine(roster):
    """workers section 6: the verdict; L4."""
    roster.renew("w", AT + timedelta(seconds=3))
    silence = roster.silence("w")
    assert silence == Silence(boot_id="boot", since=AT + timedelta(seconds=3))
    for boot_id, since in (("boot", silence.since), ("other", timedelta(hours=2))):
        again = Roster(timedelta(seconds=10), boot_id)
        again.load([replace(roster.find("w"), silence=silence)], timedelta(hours=2))
        assert again.silence("w").since == since
        assert again.find("w").state is WorkerState.LOST
