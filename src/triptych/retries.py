"""Whether an ended attempt is followed by another one, and how long a job may wait in the queue. Pure."""

from datetime import datetime, timedelta

import msgspec

from triptych.kinds import Retry
from triptych.model import End, EndReason, Job

_CAUSES = {EndReason.TIMED_OUT: "timed_out", EndReason.OUT_OF_MEMORY: "out_of_memory", EndReason.WORKER_LOST: "worker_lost"}


def backoff(job: Job, end: End) -> timedelta | None:
    """Return how long a job that ended like this waits before its next attempt, None when there is none (workers section 7)."""
    asked = job.spec.get("retry")
    if asked is None or job.stopped_by is not None:
        return None
    retry = msgspec.convert(asked, Retry)
    tries = len(attempts(job)) + 1
    return _pause(retry, tries) if tries < retry.max_attempts and _cause(end) in retry.on else None


def expiry(job: Job) -> datetime | None:
    """Return until when a job may wait in the queue: each wait may be as long as the first one."""
    if job.deadline is None:
        return None
    last = attempts(job)[-1:]
    if not last:
        return job.deadline
    pause = _pause(msgspec.convert(job.spec.get("retry") or {}, Retry), len(attempts(job)))
    return datetime.fromisoformat(str(last[0]["ended_at"])) + pause + (job.deadline - job.created_at)


def may_wait(job: Job, now: datetime) -> bool:
    """Say whether a job may wait in the queue now."""
    until = expiry(job)
    return until is None or until > now


def attempts(job: Job) -> list[dict[str, object]]:
    """Return what is told of the attempts that were followed by another, oldest first."""
    told = job.facts.get("attempts")
    return told if isinstance(told, list) else []


def last_end(job: Job) -> End | None:
    """Return how the last attempt ended that was to be followed by another."""
    if not attempts(job):
        return None
    last = msgspec.convert(attempts(job)[-1], _Ended)
    return End(reason=last.end_reason, exit_code=last.exit_code, signal=last.signal)


class _Ended(msgspec.Struct, frozen=True, kw_only=True):
    end_reason: EndReason
    exit_code: int | None = None
    signal: int | None = None


def _pause(retry: Retry, tries: int) -> timedelta:
    pause_s = retry.backoff_s
    for _ in range(tries - 1):
        pause_s = min(pause_s * retry.factor, retry.max_backoff_s)
    return timedelta(seconds=min(pause_s, retry.max_backoff_s))


def _cause(end: End) -> str | None:
    if end.reason is not EndReason.EXITED:
        return _CAUSES.get(end.reason)
    if end.signal is not None:
        return "signal"
    return "nonzero" if end.exit_code else None
