"""The rules without any store; that every store keeps them is in tests/contracts."""

from dataclasses import fields, replace

import pytest

from stores.making import START, a_job, later, to, told
from triptych.model import LIVE, End, EndReason, Job, State, sources
from triptych.stores.verbs import changed, check, turn

RUNNING = a_job(
    not_before=later(50),
    state=State.RUNNING,
    attempt=1,
    worker_id="w1",
    pid=7,
    started_at=later(1),
    updated_at=later(1),
    progress={"x": 1},
    facts={"f": 1},
    result={"r": 1},
    last_seq=3,
    revision=3,
    stopped_by="me",
    parent="p",
    idempotency_key="k",
    fingerprint="f",
    needs={"a": "b"},
    pinned="w1",
    priority=1,
    deadline=later(9),
    origin="gcp",
    berth_wish="3",
    berth=3,
)


def test_a_change_of_nothing_keeps_every_field() -> None:
    """Each is named there, so one that is added to the model must be, too."""
    assert changed(RUNNING, told(at=later(5))) == replace(RUNNING, updated_at=later(5), revision=4)
    assert all(getattr(RUNNING, field.name) is not None for field in fields(Job) if field.name not in {"end", "ended_at"})


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("target", State)
def test_only_moves_of_the_table_pass_the_check(state: State, target: State) -> None:
    change = to(target, sources=frozenset({state}))
    if state in sources(target):
        check(change)
    else:
        with pytest.raises(ValueError, match=f"^no move to {target} from {state}$"):
            check(change)


def test_an_end_and_its_reason_come_together() -> None:
    with pytest.raises(ValueError, match="reason"):
        check(to(State.ENDED, end=None))
    with pytest.raises(ValueError, match="reason"):
        check(told(end=End(reason=EndReason.DONE)))


def test_a_job_of_the_next_attempt_is_fresh_but_for_what_was_found() -> None:
    queued = changed(replace(RUNNING, stopped_by=None), to(State.QUEUED, requeue=True, attempt=1, seq=4))
    assert queued is not None
    assert (queued.worker_id, queued.pid, queued.started_at, queued.attempt, queued.last_seq) == (None, None, None, 1, 4)
    starting = changed(queued, to(State.STARTING, next_attempt=True, worker_id="w2"))
    assert starting is not None
    assert (starting.worker_id, starting.pid, starting.attempt, starting.last_seq) == ("w2", None, 2, 0)
    assert (starting.progress, starting.facts, starting.result) == (RUNNING.progress, RUNNING.facts, RUNNING.result)


def test_an_exit_is_kept_with_its_time() -> None:
    end = End(reason=EndReason.EXITED, exit_code=0)
    ended = changed(RUNNING, to(State.ENDED, end=end, at=later(4), result={}))
    assert ended is not None
    assert (ended.end, ended.ended_at, ended.result, ended.started_at) == (end, later(4), {}, later(1))
    assert changed(ended, told()) is None
    assert changed(ended, told(sources=LIVE | {State.ENDED}, facts={"pruned": True})) == replace(
        ended, facts={"f": 1, "pruned": True}, updated_at=later(1), revision=5
    )


def test_a_turn_is_by_priority_then_age_then_id() -> None:
    jobs = [a_job("b"), a_job("a"), a_job("c", created_at=later(-1)), a_job("d", priority=1, created_at=later(9))]
    assert [job.id for job in sorted(jobs, key=turn)] == ["d", "c", "a", "b"]
    assert turn(jobs[0]) == (20, START, "b")
