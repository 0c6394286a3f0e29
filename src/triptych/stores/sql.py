"""The store on SQLite or PostgreSQL: durable, with one writer and many readers."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

from triptych.clock import to_us
from triptych.errors import Invalid
from triptych.model import Berths, Change, Happening, Job, Json, Page, Query, Worker
from triptych.stores import verbs
from triptych.stores.databases import database
from triptych.stores.jsontext import decode, encode
from triptych.stores.paging import cut, from_cursor
from triptych.stores.readers import Readers
from triptych.stores.rows import Row, row_to_happening, row_to_job, row_to_worker, worker_to_row
from triptych.stores.searching import needles
from triptych.stores.statements import Statement, Statements
from triptych.stores.upgrade import bring_up
from triptych.stores.writer import Writer

FEW = 1000
"""Rows that are read at once; more are read in a thread, so that others are answered meanwhile."""


class SqlStore:
    """`Store` and `Catalog` on the database of `url`: `sqlite:///path` or `postgresql://...`.

    Opening it makes or migrates its tables. On a connection that is lost in the very moment of a commit PostgreSQL does not say whether
    it took place; then the verb raises `Unavailable` and may have happened.
    """

    def __init__(self, url: str) -> None:
        self._database = database(url)
        self._sql = Statements(self._database.dialect)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(bring_up, self._database)
        self._writer = Writer(self._database, self._sql)
        self._readers = Readers(self._database)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self._writer.close()
        await self._readers.close()

    async def add(self, job: Job) -> Job:
        """Insert `job`, or return the job that holds its key already. Raises `Conflict`."""
        return await self._writer.do(partial(verbs.add, job=job))

    async def find(self, job_id: str) -> Job | None:
        """Return the job, or None."""
        try:
            rows = await self._readers.rows(self._sql.find, job_id=job_id)
        except Invalid:
            return None
        return row_to_job(rows[0]) if rows else None

    async def find_by_key(self, kind: str, key: str) -> Job | None:
        """Return the job of this kind that holds an idempotency key, or None."""
        rows = await self._readers.rows(self._sql.find_keyed, kind=kind, key=key)
        return row_to_job(rows[0]) if rows else None

    async def list(self, query: Query) -> Page:
        """Return a page of jobs in the order of the query. Raises `Invalid` on a cursor that is not ours."""
        values = _filters(query)
        if query.states is not None and not query.states:
            return Page(jobs=(), cursor=None)
        rows = await self._readers.rows(self._sql.listing(frozenset(values), query.states, brief=query.brief), **values)
        return cut(_jobs(rows) if len(rows) <= FEW else await asyncio.to_thread(_jobs, rows), query)

    async def move(self, changes: Sequence[Change]) -> Sequence[Job | None]:
        """Apply each change in order; None where its guard did not hold."""
        for change in changes:
            verbs.check(change)
        return await self._writer.do(partial(verbs.move, changes=changes), [change.job_id for change in changes])

    async def place(self, worker: Worker, kind: str, at: datetime, berths: Berths | None = None) -> Job | None:
        """Give `worker` the queued job of `kind` that it may take, that has a free berth where it needs one, and whose turn it is."""
        return await self._writer.do(partial(verbs.place, worker=worker, kind=kind, at=at, berths=berths))

    async def log(self, after: int, limit: int, job_id: str | None = None) -> Sequence[Happening]:
        """Return committed happenings with a number above `after`, in order; `after` -1 returns the newest one only."""
        if after < 0:
            statement = self._sql.newest if job_id is None else self._sql.newest_of
        else:
            statement = self._sql.log if job_id is None else self._sql.log_of
        rows = await self._readers.rows(statement, after=after, limit=limit, job_id=job_id)
        return [row_to_happening(row) for row in rows]

    async def forget(self, job_id: str) -> bool:
        """Delete an ended job with its log."""
        return await self._writer.do(partial(verbs.forget, job_id=job_id), [job_id])

    async def enroll(self, worker: Worker) -> None:
        """Insert or refresh a worker."""
        await self._write(self._sql.enroll, worker_to_row(worker))

    async def workers(self) -> Sequence[Worker]:
        """Return every worker ever enrolled, by id."""
        return [row_to_worker(row) for row in await self._readers.rows(self._sql.workers)]

    async def get(self, shelf: str, key: str) -> Json | None:
        """Return the document, or None."""
        rows = await self._readers.rows(self._sql.document, shelf=shelf, key=key)
        return decode(rows[0][0]) if rows else None

    async def put(self, shelf: str, key: str, document: Json) -> None:
        """Store the document, in place of the one before."""
        await self._write(self._sql.put_document, (shelf, key, encode(document)))

    async def drop(self, shelf: str, key: str) -> bool:
        """Delete the document; False when there was none."""
        return await self._write(self._sql.drop_document, (shelf, key)) > 0

    async def keys(self, shelf: str) -> Sequence[str]:
        """Return the keys of a shelf, sorted."""
        return [key for (key,) in await self._readers.rows(self._sql.document_keys, shelf=shelf)]

    async def all(self, shelf: str) -> Sequence[Json]:
        """Return every document of a shelf, in the order of their keys."""
        return [decode(text) for (text,) in await self._readers.rows(self._sql.documents, shelf=shelf)]

    async def _write(self, statement: Statement, values: tuple[object, ...]) -> int:
        return await self._writer.do(lambda rows: rows.run(statement, values))


def _jobs(rows: Sequence[Row]) -> list[Job]:
    return [row_to_job(row) for row in rows]


def _filters(query: Query) -> dict[str, object]:
    """Return the values of the filters that are given, by name; a limit reads one job further to know whether there are more."""
    values: dict[str, object] = {
        "kind": query.kind,
        "end_reason": None if query.end_reason is None else query.end_reason.value,
        "worker_id": query.worker_id,
        "origin": query.origin,
        "since": None if query.since is None else to_us(query.since),
        "until": None if query.until is None else to_us(query.until),
        "ended_before": None if query.ended_before is None else to_us(query.ended_before),
        "limit": None if query.limit is None else query.limit + 1,
    }
    values |= needles(query)
    if query.cursor is not None:
        last_at, last_id = from_cursor(query.cursor)
        values |= {"last_us": to_us(last_at), "last_id": last_id}
    return {name: value for name, value in values.items() if value is not None}
