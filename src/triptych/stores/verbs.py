"""What every store does to its rows, written once: pure rules over the rows that a store lends, whatever holds them."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol

from triptych.clock import to_text
from triptych.errors import Conflict
from triptych.matching import takes
from triptych.model import Berths, Change, End, Job, Json, State, Worker, sources

QUEUED = frozenset({State.QUEUED})
SOURCES = {state: sources(state) for state in State}


class Rows(Protocol):
    """The rows of a store, for as long as one verb works on them. What is written is kept or dropped together."""

    def job(self, job_id: str) -> Job | None:
        """Return a job, or None."""
        ...

    def keyed(self, kind: str, key: str) -> Job | None:
        """Return the job of `kind` with this idempotency key, or None."""
        ...

    def heads(self, kind: str, pinned: str | None, wish: str) -> Iterator[Job]:
        """Yield, of the jobs of `kind` in line that are pinned and wish like this, the first by (priority, age) for each set of needs."""
        ...

    def held_berths(self, kind: str) -> AbstractSet[int]:
        """Return the berths that live jobs of `kind` hold."""
        ...

    def insert(self, job: Job) -> None:
        """Keep a new job. Raises `Conflict` with code `id_taken` when there is one with its id."""
        ...

    def update(self, job: Job) -> None:
        """Keep the next revision of a job."""
        ...

    def delete(self, job_id: str) -> None:
        """Drop a job with its log."""
        ...

    def note(self, job: Job, at: datetime, note: str, data: Json) -> None:
        """Write a happening of a job, as it is after it, to the log."""
        ...


def add(rows: Rows, job: Job) -> Job:
    """Insert `job`, or return the one that has its key. Raises `Conflict` when that one was asked for in other words."""
    present = rows.keyed(job.kind, job.idempotency_key) if job.idempotency_key is not None else None
    if present is None:
        rows.insert(job)
        rows.note(job, job.created_at, "state", {})
        return job
    if present.fingerprint != job.fingerprint:
        raise Conflict("idempotency key reused", code="key_reused")
    return present


def move(rows: Rows, changes: Sequence[Change]) -> Sequence[Job | None]:
    """Apply each change in order; the new job where its guard held, None where it did not."""
    return [_move(rows, change) for change in changes]


def place(rows: Rows, worker: Worker, kind: str, at: datetime, berths: Berths | None = None) -> Job | None:
    """Give `worker` the queued job of `kind` with the lowest (priority, age) that it may take and that has a berth, where berths are."""
    free = {"": None} if berths is None else _free(berths, rows.held_berths(kind))
    heads = [job for wish in free for pinned in (None, worker.id) for job in rows.heads(kind, pinned, wish) if takes(worker, job)]
    if not heads:
        return None
    head = min(heads, key=turn)
    berth = free[head.berth_wish]
    start = Change(job_id=head.id, at=at, sources=QUEUED, target=State.STARTING, next_attempt=True, worker_id=worker.id, berth=berth)
    return _move(rows, start)


def forget(rows: Rows, job_id: str) -> bool:
    """Delete an ended job with its log; False when there is none or it has not ended."""
    job = rows.job(job_id)
    if job is None or job.state is not State.ENDED:
        return False
    rows.delete(job_id)
    return True


def in_line(job: Job) -> bool:
    """Say whether a job waits for a worker and for nothing else."""
    return job.state is State.QUEUED and job.not_before is None


def turn(job: Job) -> tuple[int, datetime, str]:
    """Return what the queue is ordered by: priority, then age, then id."""
    return job.priority, job.created_at, job.id


def check(change: Change) -> None:
    """Raise `ValueError` when a change breaks the table of moves whatever the job: a fault of the program, found before any row is read."""
    if change.target is not None and not change.sources <= SOURCES[change.target]:
        raise ValueError(f"no move to {change.target} from {', '.join(sorted(change.sources - SOURCES[change.target]))}")
    if change.target is State.ENDED and change.end is None:
        raise ValueError("a job ends with its reason")
    if change.end is not None and change.target is not State.ENDED and not change.requeue:
        raise ValueError("a reason is of a job or of an attempt that ends")
    if change.requeue and change.target is not State.QUEUED:
        raise ValueError("a job is requeued to the queue")


def changed(job: Job, change: Change) -> Job | None:
    """Return the job after the change, or None when its guard does not hold."""
    if not _admits(job, change):
        return None
    left = change.requeue or change.next_attempt
    started_at = None if left else job.started_at
    ended = change.target is State.ENDED
    # Spelled out, since `replace` costs as much as everything else here together and this is the hot path.
    return Job(
        id=job.id,
        kind=job.kind,
        spec=job.spec,
        created_at=job.created_at,
        origin=job.origin,
        parent=job.parent,
        idempotency_key=job.idempotency_key,
        fingerprint=job.fingerprint,
        needs=job.needs,
        pinned=job.pinned,
        priority=job.priority,
        deadline=job.deadline,
        state=change.target or job.state,
        end=change.end if ended else job.end,
        attempt=job.attempt + change.next_attempt,
        worker_id=None if change.requeue else change.worker_id or job.worker_id,
        pid=change.pid if change.pid is not None or left else job.pid,
        stopped_by=change.stopped_by or job.stopped_by,
        started_at=change.at if started_at is None and change.target is State.RUNNING else started_at,
        updated_at=change.at,
        ended_at=change.at if ended else job.ended_at,
        progress={**job.progress, **change.progress} if change.progress else job.progress,
        result=job.result if change.result is None else change.result,
        facts=_facts(job, change),
        last_seq=change.seq if change.seq is not None else 0 if change.next_attempt else job.last_seq,
        revision=job.revision + 1,
        not_before=change.not_before if change.due or change.target is not None else job.not_before,
        berth_wish=job.berth_wish,
        berth=None if change.target is State.QUEUED else job.berth if change.berth is None else change.berth,
    )


def _free(berths: Berths, held: AbstractSet[int]) -> Mapping[str, int | None]:
    """Return the first berth that is free for each wish that has one."""
    first = {wish: next((number for number in numbers if number not in held), None) for wish, numbers in berths.items()}
    return {wish: number for wish, number in first.items() if number is not None}


def _admits(job: Job, change: Change) -> bool:
    if change.requeue and job.stopped_by is not None:
        return False
    return job.state in change.sources and change.attempt in {None, job.attempt} and (change.seq is None or change.seq > job.last_seq)


def _facts(job: Job, change: Change) -> Json:
    """Return the facts after a change. Each attempt of a job that had several is told, and it alone knows here when it began."""
    facts = {**job.facts, **change.facts} if change.facts else job.facts
    earlier = job.facts.get("attempts")
    if change.end is None or job.worker_id is None or not (change.requeue or earlier):
        return facts
    return {**facts, "attempts": [*(earlier if isinstance(earlier, list) else ()), _attempt(job, change, change.end)]}


def _attempt(job: Job, change: Change, end: End) -> Mapping[str, object]:
    return {
        "attempt": job.attempt,
        "worker_id": job.worker_id,
        "end_reason": end.reason.value,
        "exit_code": end.exit_code,
        "signal": end.signal,
        "started_at": None if job.started_at is None else to_text(job.started_at),
        "ended_at": to_text(change.at),
    }


def _move(rows: Rows, change: Change) -> Job | None:
    job = rows.job(change.job_id)
    after = changed(job, change) if job is not None else None
    if after is not None:
        rows.update(after)
        rows.note(after, change.at, change.note, change.data or {})
    return after
