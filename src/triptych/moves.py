"""The guarded changes that a job's verbs and its worker's reports ask for: pure, one small function each."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from triptych.clock import from_us, to_text
from triptych.kinds import KINDS
from triptych.messages import Ended, Finding, Output, Paused, Progress, Report, Resumed, Running, Stock
from triptych.model import HELD_BY_WORKER, LIVE, Change, End, EndReason, Fault, Job, State, sources
from triptych.retries import attempts, backoff, last_end

MAX_ATTEMPTS_AFTER_LOSS = 2
REVOKED = "engine"
"""Who stops a start that was not answered in time (workers L6)."""


def reported(report: Report, job: Job | None, now: datetime) -> Sequence[Change]:  # noqa: PLR0911 - one return for each kind of report
    """Return the changes that a report asks for; of several the first whose guard holds wins, since it takes the report's number.

    `job` is what is known of the job now, None when that is nothing.
    """
    body = report.body
    match body:
        case Running():
            told = {"pid": body.pid, "facts": body.facts}
            return (_change(report, State.RUNNING, {State.STARTING, State.UNREACHABLE}, **told), _change(report, None, LIVE, **told))
        case Paused():
            return (_change(report, State.PAUSED, {State.RUNNING, State.UNREACHABLE}),)
        case Resumed():
            return (_change(report, State.RUNNING, {State.PAUSED, State.UNREACHABLE}),)
        case Progress():
            return (_change(report, None, LIVE, note="progress", progress=body.parts, facts=body.facts, data=dict(body.parts)),)
        case Finding():
            return (_change(report, None, LIVE, note=body.note, data=body.data),)
        case Ended():
            change = _change(report, State.ENDED, HELD_BY_WORKER, end=body.end, result=body.result, facts=body.facts)
            return (*again(job, change, now), change) if job is not None and job.attempt == report.attempt else (change,)
        case Output():
            return ()
        case _:
            assert_never(body)


def hold(job: Job, at: datetime) -> Change:
    """Keep a queued job from being placed."""
    return Change(job_id=job.id, at=at, sources=frozenset({State.QUEUED}), target=State.PAUSED, attempt=job.attempt)


def release(job: Job, at: datetime) -> Change:
    """Put a held job back in the queue."""
    return Change(job_id=job.id, at=at, sources=frozenset({State.PAUSED}), target=State.QUEUED, attempt=job.attempt)


def drop(job: Job, by: str, at: datetime) -> Change:
    """End a job that no worker holds."""
    entry = KINDS[job.kind]
    ran = bool(attempts(job))
    text = "stopped before its next attempt" if ran else "stopped before it started"
    end = End(reason=entry.stopped if ran else entry.dropped, fault=Fault(code="cancelled", message=text))
    return replace(_unheld(job, at), target=State.ENDED, end=end, stopped_by=by)


def expire(job: Job, at: datetime) -> Change:
    """End a job that no worker took in time: as its last attempt, or as one that never started."""
    fault = Fault(code="queue_expired", message="no worker took it within queue_s")
    last = last_end(job)
    end = End(reason=EndReason.NEVER_STARTED, fault=fault) if last is None else replace(last, fault=fault)
    return replace(_unheld(job, at), target=State.ENDED, end=end)


def due(job: Job, at: datetime) -> Change:
    """Put a job in line whose pause before the next attempt is over."""
    return replace(_unheld(job, at), due=True, note="due")


def intend_stop(job: Job, by: str, at: datetime) -> Sequence[Change]:
    """Record that a held job is to stop; one that is out of reach stays so and keeps the wish."""
    reachable = (sources(State.STOPPING) & HELD_BY_WORKER) - {State.UNREACHABLE}
    stop = Change(job_id=job.id, at=at, sources=reachable, target=State.STOPPING, attempt=job.attempt, stopped_by=by)
    return stop, replace(stop, sources=frozenset({State.UNREACHABLE}), target=None, note="stop")


def requeue(job: Job, at: datetime) -> Change:
    """Take a job back from its worker into the queue, unless it was asked to stop."""
    held = sources(State.QUEUED) & HELD_BY_WORKER
    return Change(job_id=job.id, at=at, sources=held, target=State.QUEUED, attempt=job.attempt, requeue=True)


def again(job: Job, end: Change, now: datetime) -> Sequence[Change]:
    """Return what puts a job back in the queue in place of this end, as its ask says, unless it was asked to stop."""
    pause = None if end.end is None else backoff(job, end.end)
    if pause is None:
        return ()
    held = sources(State.QUEUED) & HELD_BY_WORKER
    return (replace(end, sources=held, target=State.QUEUED, requeue=True, not_before=now + pause, note="retry"),)


def shed(job: Job, at: datetime) -> Change:
    """Say that what an ended job wrote was deleted."""
    told = job.facts.get("output")
    output = {**(told if isinstance(told, dict) else {}), "pruned_at": to_text(at)}
    ended = frozenset({State.ENDED})
    return Change(job_id=job.id, at=at, sources=ended, attempt=job.attempt, facts={"output": output}, note="output_pruned")


def lose_touch(job: Job, at: datetime) -> Change:
    """Say that nothing is known of a job for now."""
    return Change(job_id=job.id, at=at, sources=sources(State.UNREACHABLE), target=State.UNREACHABLE, attempt=job.attempt)


def finish(job: Job, end: End, at: datetime) -> Change:
    """End a job whose worker cannot tell any more."""
    return Change(job_id=job.id, at=at, sources=HELD_BY_WORKER, target=State.ENDED, attempt=job.attempt, end=end)


def refuse(job: Job, text: str, at: datetime, *, code: str = "start_failed") -> Change:
    """End a job whose program could not be executed."""
    return finish(job, End(reason=EndReason.NEVER_STARTED, fault=Fault(code=code, message=text)), at)


def never(job: Job, at: datetime, *, may_queue: bool) -> Sequence[Change]:
    """Return what becomes of a job that its worker never executed (workers L6, L7)."""
    entry = KINDS[job.kind]
    if job.stopped_by == REVOKED:
        return (refuse(job, "worker not answering", at),)
    if job.stopped_by is not None:
        return (finish(job, End(reason=entry.dropped, fault=Fault(code="cancelled", message="stopped before it started")), at),)
    if may_queue:
        return (requeue(job, at),)
    return (refuse(job, "the server restarted before the start", at),)


def lost(job: Job, at: datetime) -> Sequence[Change]:
    """Return what becomes of a job that nobody knows the end of: nothing of it is left.

    A stop that was asked for is carried out by the death; a kind that may restart goes back to the queue once, held if it was held.
    """
    entry = KINDS[job.kind]
    if job.stopped_by is not None:
        return (finish(job, End(reason=entry.stopped), at),)
    if entry.restart and job.attempt < MAX_ATTEMPTS_AFTER_LOSS:
        back = requeue(job, at)
        return (back, hold(job, at)) if job.state is State.PAUSED else (back,)
    end = finish(job, End(reason=EndReason.WORKER_LOST, fault=Fault(code="worker_lost", message="worker lost")), at)
    return (*again(job, end, at), end)


def back_in_touch(job: Job, state: State, at: datetime) -> Change:
    """Say of a job that was out of reach what its worker says."""
    return Change(job_id=job.id, at=at, sources=frozenset({State.UNREACHABLE}), target=state, attempt=job.attempt)


def reconciled(job: Job, stock: Stock, at: datetime, *, may_queue: bool, rebooted: bool = False) -> Sequence[Change]:
    """Return what becomes of a job by what its worker has of it (workers L3); a reboot ended all that it did not tell (L5)."""
    if job.id in stock.told:
        return ()
    if rebooted or job.id in stock.gone:
        return lost(job, at)
    if job.id in stock.never:
        return never(job, at, may_queue=may_queue)
    if job.id in stock.live:
        return (back_in_touch(job, State.STOPPING if job.stopped_by is not None else State(stock.live[job.id]), at),)
    return ()


def _unheld(job: Job, at: datetime) -> Change:
    waiting = frozenset({State.QUEUED, State.PAUSED})
    return Change(job_id=job.id, at=at, sources=waiting, attempt=job.attempt)


def _change(
    report: Report,
    target: State | None,
    guard: set[State] | frozenset[State],
    **fields: object,
) -> Change:
    return Change(
        job_id=report.job_id,
        at=from_us(report.at_us),
        attempt=report.attempt,
        seq=report.seq,
        sources=frozenset(guard),
        target=target,
        **fields,  # type: ignore[arg-type]  # the callers above name fields of Change
    )
