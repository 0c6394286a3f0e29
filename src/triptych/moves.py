"""The guarded changes that a job's verbs and its worker's reports ask for: pure, one small function each."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from triptych.clock import from_us, to_text
from triptych.kinds import KINDS
from triptych.messages import Ended, Finding, Output, Paused, Progress, Report, Resumed, Running
from triptych.model import HELD_BY_WORKER, LIVE, Change, End, EndReason, Fault, Job, State, sources

MAX_ATTEMPTS_AFTER_LOSS = 2


def reported(report: Report) -> Sequence[Change]:  # noqa: PLR0911 - one return for each kind of report
    """Return the changes that a report asks for; of several the first whose guard holds wins, since it takes the report's number."""
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
            return (_change(report, State.ENDED, HELD_BY_WORKER, end=body.end, result=body.result, facts=body.facts),)
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
    end = End(reason=KINDS[job.kind].dropped, fault=Fault(code="cancelled", message="stopped before it started"))
    waiting = frozenset({State.QUEUED, State.PAUSED})
    return Change(job_id=job.id, at=at, sources=waiting, target=State.ENDED, attempt=job.attempt, end=end, stopped_by=by)


def intend_stop(job: Job, by: str, at: datetime) -> Change:
    """Record that a held job is to stop."""
    held = sources(State.STOPPING) & HELD_BY_WORKER
    return Change(job_id=job.id, at=at, sources=held, target=State.STOPPING, attempt=job.attempt, stopped_by=by)


def requeue(job: Job, at: datetime) -> Change:
    """Take a job back from its worker into the queue."""
    held = sources(State.QUEUED) & HELD_BY_WORKER
    return Change(job_id=job.id, at=at, sources=held, target=State.QUEUED, attempt=job.attempt, requeue=True)


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


def refuse(job: Job, text: str, at: datetime) -> Change:
    """End a job whose program could not be executed."""
    return finish(job, End(reason=EndReason.NEVER_STARTED, fault=Fault(code="start_failed", message=text)), at)


def lost(job: Job, at: datetime, *, spawned: bool) -> Sequence[Change]:
    """Return what becomes of a job whose worker died with it: `spawned` says whether its program was ever executed.

    A stop that was asked for is carried out by the death; a kind that may restart goes back to the queue once, held if it was held.
    """
    entry = KINDS[job.kind]
    if job.state is State.STOPPING:
        return (finish(job, End(reason=entry.stopped), at),)
    if entry.restart and job.attempt < MAX_ATTEMPTS_AFTER_LOSS:
        back = requeue(job, at)
        return (back, hold(job, at)) if job.state is State.PAUSED else (back,)
    if spawned or entry.restart:
        return (finish(job, End(reason=EndReason.WORKER_LOST, fault=Fault(code="worker_lost", message="worker lost")), at),)
    return (refuse(job, "the server restarted before the start", at),)


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
