"""Reports and verbs become guarded changes that the table of moves allows."""

from datetime import UTC, datetime, timedelta

import pytest

from triptych import moves
from triptych.messages import Ended, Finding, Output, Paused, Progress, Report, Resumed, Running, Stock
from triptych.model import MOVES, End, EndReason, Fault, Job, State

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BODIES = [
    Running(pid=7),
    Paused(),
    Resumed(),
    Progress(parts={"IN_BLACK": 50.0}),
    Finding(note="alarm", data={"x": 1}),
    Ended(end=End(reason=EndReason.EXITED, exit_code=0)),
    Output(stream="stdout", offset=0, data=b"x"),
]


def job(kind="command", **fields):
    return Job(**{"id": "j", "kind": kind, "spec": {}, "created_at": NOW, "worker_id": "w", "attempt": 1, "state": State.RUNNING} | fields)


def report(body):
    return Report(job_id="j", attempt=3, seq=9, at_us=5, body=body)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_every_report_asks_only_for_legal_moves_of_its_own_attempt(body):
    for change in moves.reported(report(body), None, NOW):
        assert (change.attempt, change.seq) == (3, 9)
        if change.target is not None:
            assert all(change.target in MOVES[state] for state in change.sources)


def test_a_pid_told_after_a_stop_was_asked_for_is_kept_without_undoing_the_stop():
    first, second = moves.reported(report(Running(pid=7)), None, NOW)
    assert State.STOPPING not in first.sources
    assert State.STOPPING in second.sources
    assert second.target is None
    assert second.pid == 7


def test_a_command_that_nobody_knows_the_end_of_is_lost():
    (change,) = moves.lost(job(), NOW)
    assert change.end.reason is EndReason.WORKER_LOST


def test_a_job_that_was_never_executed_waits_again_if_it_may_and_never_started_else():
    """workers L7."""
    (queued,) = moves.never(job(state=State.STARTING), NOW, may_queue=True)
    assert (queued.target, queued.requeue) == (State.QUEUED, True)
    (ended,) = moves.never(job(state=State.STARTING), NOW, may_queue=False)
    assert ended.end.reason is EndReason.NEVER_STARTED


def test_a_start_that_was_revoked_never_started_or_is_stopped():
    """workers L6."""
    revoked = job(state=State.UNREACHABLE, stopped_by=moves.REVOKED)
    (never,) = moves.never(revoked, NOW, may_queue=True)
    assert never.end == End(reason=EndReason.NEVER_STARTED, fault=Fault(code="start_failed", message="worker not answering"))
    (gone,) = moves.lost(revoked, NOW)
    assert gone.end.reason is EndReason.STOPPED


def test_an_annotation_goes_back_to_the_queue_once():
    """media J5."""
    (once,) = moves.lost(job("annotate"), NOW)
    assert once.target is State.QUEUED
    assert once.requeue
    (twice,) = moves.lost(job("annotate", attempt=2), NOW)
    assert twice.end.reason is EndReason.WORKER_LOST


def test_an_annotation_paused_when_its_worker_died_is_held_in_the_queue():
    back, held = moves.lost(job("annotate", state=State.PAUSED), NOW)
    assert (back.target, held.target) == (State.QUEUED, State.PAUSED)


def test_a_job_that_was_to_stop_when_its_worker_died_is_stopped():
    (change,) = moves.lost(job(state=State.STOPPING, stopped_by="me"), NOW)
    assert change.end.reason is EndReason.STOPPED


def test_a_stop_of_a_job_out_of_reach_is_kept_without_claiming_that_it_goes_on():
    """workers section 6, the table of calls."""
    reachable, kept = moves.intend_stop(job(state=State.UNREACHABLE), "me", NOW)
    assert State.UNREACHABLE not in reachable.sources
    assert (kept.sources, kept.target, kept.stopped_by) == ({State.UNREACHABLE}, None, "me")


@pytest.mark.parametrize(
    ("stock", "target"),
    [
        (Stock(live={"j": "running"}), State.RUNNING),
        (Stock(live={"j": "paused"}), State.PAUSED),
        (Stock(never=("j",)), State.QUEUED),
        (Stock(gone=("j",)), State.ENDED),
    ],
)
def test_a_job_becomes_what_its_worker_has_of_it(stock, target):
    """workers L3."""
    (change,) = moves.reconciled(job(state=State.UNREACHABLE), stock, NOW, may_queue=True)
    assert change.target is target


def test_what_a_worker_told_already_is_left_to_its_report():
    """workers L3."""
    assert moves.reconciled(job(), Stock(told=("j",)), NOW, may_queue=True, rebooted=True) == ()


def test_a_reboot_ends_what_was_not_told():
    """workers L5."""
    (change,) = moves.reconciled(job(), Stock(never=("j",)), NOW, may_queue=True, rebooted=True)
    assert change.end.reason is EndReason.WORKER_LOST


RETRIED = {"argv": ["x"], "retry": {"max_attempts": 2, "backoff_s": 4, "on": ["nonzero", "worker_lost"]}}


def test_an_end_that_is_tried_again_asks_for_the_queue_first_and_for_the_end_second():
    """workers section 7, retry: the second is for a job that was asked to stop meanwhile."""
    ended = Report(job_id="j", attempt=1, seq=9, at_us=5, body=Ended(end=End(reason=EndReason.EXITED, exit_code=1)))
    again, end = moves.reported(ended, job(spec=RETRIED), NOW)
    assert (again.target, again.requeue, again.not_before) == (State.QUEUED, True, NOW + timedelta(seconds=4))
    assert (end.target, end.seq, end.end) == (State.ENDED, again.seq, again.end)


def test_a_lost_job_is_tried_again_only_by_the_verdict():
    """workers section 7, retry."""
    again, end = moves.lost(job(spec=RETRIED), NOW)
    assert (again.target, end.end.reason) == (State.QUEUED, EndReason.WORKER_LOST)


def test_a_job_whose_patience_ended_between_attempts_ends_as_its_last_attempt():
    waited = job(state=State.QUEUED, worker_id=None, facts={"attempts": [{"end_reason": "exited", "exit_code": 3, "signal": None}]})
    change = moves.expire(waited, NOW)
    assert (change.end.reason, change.end.exit_code, change.end.fault.code) == (EndReason.EXITED, 3, "queue_expired")
    assert moves.expire(job(state=State.QUEUED, worker_id=None, attempt=0), NOW).end.reason is EndReason.NEVER_STARTED
