"""A store in memory: the same rules without durability, for tests and for looking around."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Self

from triptych.errors import Conflict
from triptych.model import Berths, Change, Happening, Job, Json, Page, Query, State, Worker
from triptych.stores import verbs
from triptych.stores.jsontext import plain
from triptych.stores.paging import cut, from_cursor, position
from triptych.stores.searching import finds, needles


class MemoryStore:
    """`Store` and `Catalog` in plain dictionaries; gone with the process."""

    def __init__(self) -> None:
        self._rows = _Rows()
        self._workers: dict[str, Worker] = {}
        self._shelves: dict[tuple[str, str], Json] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        pass

    async def add(self, job: Job) -> Job:
        """Insert `job`, or return the job that holds its key already. Raises `Conflict`."""
        return verbs.add(self._rows, _settled(job))

    async def find(self, job_id: str) -> Job | None:
        """Return the job, or None."""
        return self._rows.job(job_id)

    async def find_by_key(self, kind: str, key: str) -> Job | None:
        """Return the job of this kind that holds an idempotency key, or None."""
        return self._rows.keyed(kind, key)

    async def list(self, query: Query) -> Page:
        """Return a page of jobs in the order of the query. Raises `Invalid` on a cursor that is not ours."""
        rising = query.ended_before is not None
        wanted = needles(query)
        jobs = [job for job in self._rows.all() if _matches(job, query) and finds(wanted, job)]
        jobs.sort(key=lambda job: position(job, query), reverse=not rising)
        if query.cursor is not None:
            last = from_cursor(query.cursor)
            jobs = [job for job in jobs if position(job, query) != last and (position(job, query) > last) is rising]
        return cut([_brief(job) for job in jobs] if query.brief else jobs, query)

    async def move(self, changes: Sequence[Change]) -> Sequence[Job | None]:
        """Apply each change in order; None where its guard did not hold."""
        for change in changes:
            verbs.check(change)
        return verbs.move(self._rows, [_settled_change(change) for change in changes])

    async def place(self, worker: Worker, kind: str, at: datetime, berths: Berths | None = None) -> Job | None:
        """Give `worker` the queued job of `kind` that it may take, that has a free berth where it needs one, and whose turn it is."""
        return verbs.place(self._rows, worker, kind, at, berths)

    async def log(self, after: int, limit: int, job_id: str | None = None) -> Sequence[Happening]:
        """Return happenings with a number above `after`, in order; `after` -1 returns the newest one only."""
        happenings = self._rows.happenings(after, job_id)
        return list(happenings)[-1:] if after < 0 else list(islice(happenings, limit))

    async def forget(self, job_id: str) -> bool:
        """Delete an ended job with its log."""
        return verbs.forget(self._rows, job_id)

    async def enroll(self, worker: Worker) -> None:
        """Insert or refresh a worker."""
        self._workers[worker.id] = replace(worker, slots=dict(worker.slots), labels=dict(worker.labels), facts=plain(worker.facts))

    async def workers(self) -> Sequence[Worker]:
        """Return every worker ever enrolled, by id."""
        return sorted(self._workers.values(), key=lambda worker: worker.id)

    async def get(self, shelf: str, key: str) -> Json | None:
        """Return the document, or None."""
        return self._shelves.get((shelf, key))

    async def put(self, shelf: str, key: str, document: Json) -> None:
        """Store the document, in place of the one before."""
        self._shelves[shelf, key] = plain(document)

    async def drop(self, shelf: str, key: str) -> bool:
        """Delete the document; False when there was none."""
        return self._shelves.pop((shelf, key), None) is not None

    async def keys(self, shelf: str) -> Sequence[str]:
        """Return the keys of a shelf, sorted."""
        return sorted(key for of, key in self._shelves if of == shelf)

    async def all(self, shelf: str) -> Sequence[Json]:
        """Return every document of a shelf, in the order of their keys."""
        return [self._shelves[shelf, key] for key in await self.keys(shelf)]


class _Rows:
    """`Rows` in dictionaries."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._log: list[Happening] = []
        self._number = 0

    def all(self) -> Iterable[Job]:
        return self._jobs.values()

    def happenings(self, after: int, job_id: str | None) -> Iterator[Happening]:
        first = bisect_right(self._log, after, key=lambda happening: happening.number)
        return (happening for happening in islice(self._log, first, None) if job_id in {None, happening.job_id})

    def job(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def keyed(self, kind: str, key: str) -> Job | None:
        return self._jobs.get(self._keys.get((kind, key), ""))

    def heads(self, kind: str, pinned: str | None, wish: str) -> Iterator[Job]:
        queue = [
            job for job in self._jobs.values() if verbs.in_line(job) and (job.kind, job.pinned, job.berth_wish) == (kind, pinned, wish)
        ]
        return iter(sorted(queue, key=verbs.turn))

    def held_berths(self, kind: str) -> AbstractSet[int]:
        live = (job for job in self._jobs.values() if job.kind == kind and job.state is not State.ENDED)
        return {job.berth for job in live if job.berth is not None}

    def insert(self, job: Job) -> None:
        if job.id in self._jobs:
            raise Conflict("job id taken", code="id_taken")
        self._jobs[job.id] = job
        if job.idempotency_key is not None:
            self._keys[job.kind, job.idempotency_key] = job.id

    def update(self, job: Job) -> None:
        self._jobs[job.id] = job

    def delete(self, job_id: str) -> None:
        job = self._jobs.pop(job_id)
        if job.idempotency_key is not None:
            del self._keys[job.kind, job.idempotency_key]
        self._log = [happening for happening in self._log if happening.job_id != job_id]

    def note(self, job: Job, at: datetime, note: str, data: Json) -> None:
        self._number += 1
        self._log.append(
            Happening(number=self._number, job_id=job.id, kind=job.kind, attempt=job.attempt, at=at, note=note, state=job.state, data=data)
        )


def _brief(job: Job) -> Job:
    return replace(job, progress={}, result=None, facts={})


def _settled(job: Job) -> Job:
    result = None if job.result is None else plain(job.result)
    return replace(job, spec=plain(job.spec), needs=dict(job.needs), progress=dict(job.progress), result=result, facts=plain(job.facts))


def _settled_change(change: Change) -> Change:
    """Return the change with values of its own, as they would come back from a database."""
    return replace(
        change,
        result=None if change.result is None else plain(change.result),
        facts=None if change.facts is None else plain(change.facts),
        data=None if change.data is None else plain(change.data),
    )


def _matches(job: Job, query: Query) -> bool:
    return (
        query.kind in {None, job.kind}
        and (query.states is None or job.state in query.states)
        and (query.end_reason is None or (job.end is not None and job.end.reason is query.end_reason))
        and query.worker_id in {None, job.worker_id}
        and query.origin in {None, job.origin}
        and (query.since is None or job.created_at >= query.since)
        and (query.until is None or job.created_at < query.until)
        and (query.ended_before is None or (job.ended_at is not None and job.ended_at < query.ended_before))
    )
