"""Reports and verbs become guarded changes that the table of moves allows."""

from datetime import UTC, datetime

import pytest

from triptych import moves
from triptych.messages import Ended, Finding, Output, Paused, Progress, Report, Resumed, Running
from triptych.model import MOVES, End, EndReason, Job, State

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
    for change in moves.reported(report(body)):
        assert (change.attempt, change.seq) == (3, 9)
        if change.target is not None:
            assert all(change.target in MOVES[state] for state in change.sources)


def test_a_pid_told_after_a_stop_was_asked_for_is_kept_without_undoing_the_stop():
    first, second = moves.reported(report(Running(pid=7)))
    assert State.STOPPING not in first.sources
    assert State.STOPPING in second.sources
    assert second.target is None
    assert second.pid == 7


def test_a_command_that_ran_when_its_worker_died_is_lost():
    (change,) = moves.lost(job(), NOW, spawned=True)
    assert change.end.reason is EndReason.WORKER_LOST


def test_a_command_that_was_never_handed_over_never_started():
    """workers L7."""
    (change,) = moves.lost(job(state=State.STARTING), NOW, spawned=False)
    assert change.end.reason is EndReason.NEVER_STARTED


def test_an_annotation_goes_back_to_the_queue_once():
    """media J5."""
    (once,) = moves.lost(job("annotate"), NOW, spawned=True)
    assert once.target is State.QUEUED
    assert once.requeue
    (twice,) = moves.lost(job("annotate", attempt=2), NOW, spawned=True)
    assert twice.end.reason is EndReason.WORKER_LOST


def test_an_annotation_paused_when_its_worker_died_is_held_in_the_queue():
    back, held = moves.lost(job("annotate", state=State.PAUSED), NOW, spawned=True)
    assert (back.target, held.target) == (State.QUEUED, State.PAUSED)


def test_a_job_that_was_stopping_when_its_worker_died_is_stopped():
    (change,) = moves.lost(job(state=State.STOPPING), NOW, spawned=True)
    assert change.end.reason is EndReason.STOPPED
