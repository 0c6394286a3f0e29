"""The rows of the SQL store within one transaction: read once, changed in memory by the verbs, written back together."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from triptych.clock import to_us
from triptych.errors import Conflict
from triptych.model import Job, Json, State
from triptych.stores.databases import Cursor
from triptych.stores.jsontext import encode
from triptych.stores.rows import changing_to_row, job_to_row, row_to_job
from triptych.stores.statements import Statement, Statements


class RacedError(Exception):
    """A row that was read is not there any more as it was read, or a new one is: begin again."""


class Transaction:
    """`Rows` of one transaction. Nothing is written before `flush`, so verbs of one batch build on each other in memory.

    `known` holds live jobs as last committed, for a database that nobody else writes to; it may be read instead of the row, and
    is only right again after a commit. `careful` reads also what is most likely not there, to name the verb that a race was about.
    """

    def __init__(self, cursor: Cursor, sql: Statements, known: dict[str, Job] | None, *, careful: bool = False) -> None:
        self._cursor = cursor
        self._sql = sql
        self._known = known
        self._careful = careful
        self._jobs: dict[str, Job | None] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._new: dict[str, tuple[object, ...]] = {}
        self._changed: dict[str, tuple[object, ...]] = {}
        self._seen: dict[str, int] = {}
        self._log: list[tuple[object, ...]] = []
        self.writes = 0

    def hold(self, job_ids: Sequence[str]) -> None:
        """Read and lock jobs in one go, in the order of their ids so that two servers cannot wait for each other."""
        if not job_ids:
            return
        self._jobs |= dict.fromkeys(job_ids)
        for row in self.rows(self._sql.hold_many, job_ids=list(job_ids)):
            self._read(row)

    def job(self, job_id: str) -> Job | None:
        """Return a job, or None."""
        if job_id in self._jobs:
            return self._jobs[job_id]
        if self._known is not None and job_id in self._known:
            job = self._known[job_id]
            self._seen[job_id] = job.revision
            self._jobs[job_id] = job
            return job
        return self._one(self._sql.hold, job_id=job_id)

    def keyed(self, kind: str, key: str) -> Job | None:
        """Return the job of `kind` with this idempotency key, or None."""
        job_id = self._keys.get((kind, key))
        return self.job(job_id) if job_id is not None else self._one(self._sql.hold_keyed, kind=kind, key=key)

    def heads(self, kind: str, pinned: str | None, wish: str) -> Iterator[Job]:
        """Yield the first queued job of each set of needs."""
        self.flush()
        statement = self._sql.head_free if pinned is None else self._sql.head_pinned
        needs = ""
        while rows := self.rows(statement, kind=kind, pinned=pinned, wish=wish, needs=needs):
            needs = rows[0][8]
            yield self._read(rows[0])

    def held_berths(self, kind: str) -> AbstractSet[int]:
        """Return the berths that live jobs of a kind hold."""
        self.flush()
        return {berth for (berth,) in self.rows(self._sql.held_berths, kind=kind)}

    def insert(self, job: Job) -> None:
        """Keep a new job. Raises `Conflict` when its id is taken."""
        if self._jobs.get(job.id) is not None or (self._careful and self.job(job.id) is not None):
            raise Conflict("job id taken", code="id_taken")
        self._new[job.id] = job_to_row(job)
        self._jobs[job.id] = job
        if job.idempotency_key is not None:
            self._keys[job.kind, job.idempotency_key] = job.id
        self.writes += 1

    def update(self, job: Job) -> None:
        """Keep the next revision of a job."""
        if job.id in self._new:
            self._new[job.id] = job_to_row(job)
        else:
            self._changed[job.id] = changing_to_row(job)
        self._jobs[job.id] = job
        self.writes += 1

    def delete(self, job_id: str) -> None:
        """Drop a job with its log."""
        self.flush()
        self.run(self._sql.delete_job, (job_id,))
        self._log = [row for row in self._log if row[0] != job_id]
        self._jobs[job_id] = None
        self.writes += 1

    def note(self, job: Job, at: datetime, note: str, data: Json) -> None:
        """Write a happening to the log."""
        self._log.append((job.id, job.kind, job.attempt, to_us(at), note, job.state.value, encode(data) if data else "{}"))

    def run(self, statement: Statement, values: tuple[object, ...]) -> int:
        """Run a statement with values in the order of its text, and return how many rows it changed."""
        self._cursor.execute(statement.text, values)
        return self._cursor.rowcount

    def rows(self, statement: Statement, **values: object) -> Sequence[Any]:
        """Run a statement and return its rows."""
        self._cursor.execute(statement.text, statement.bind(**values))
        return self._cursor.fetchall()

    def flush(self) -> None:
        """Write the jobs that were added or changed so far. Raises `RacedError` when another server was faster."""
        if self._new:
            self._many(self._sql.insert_job, list(self._new.values()))
        if self._changed:
            rows = [(*row, job_id, self._seen[job_id]) for job_id, row in self._changed.items()]
            self._many(self._sql.update_job, rows)
        for job_id in (*self._new, *self._changed):
            job = self._jobs[job_id]
            self._seen[job_id] = job.revision if job is not None else 0
        self._new, self._changed = {}, {}

    def finish(self) -> None:
        """Write what is left, the log last: its counter is held until the commit, so that numbers are committed in order."""
        self.flush()
        if self._log:
            self.run(self._sql.raise_counter, (len(self._log),))
            ((newest,),) = self.rows(self._sql.counter)
            first = newest - len(self._log) + 1
            self._cursor.executemany(self._sql.insert_happening.text, [(number, *row) for number, row in enumerate(self._log, first)])

    def learn(self) -> None:
        """Remember what has been committed."""
        if self._known is not None:
            for job_id, job in self._jobs.items():
                if job is not None and job.state is not State.ENDED:
                    self._known[job_id] = job
                else:
                    self._known.pop(job_id, None)

    def _many(self, statement: Statement, rows: Sequence[tuple[object, ...]]) -> None:
        self._cursor.executemany(statement.text, rows)
        if self._cursor.rowcount != len(rows):
            raise RacedError

    def _one(self, statement: Statement, **values: object) -> Job | None:
        rows = self.rows(statement, **values)
        if rows:
            return self._read(rows[0])
        if "job_id" in values:
            self._jobs[str(values["job_id"])] = None
        return None

    def _read(self, row: Any) -> Job:
        """Return the job of a row as it is in this transaction, which may have changed it already."""
        job = self._jobs.get(row[0])
        if job is None:
            job = row_to_job(row)
            self._jobs[job.id] = job
            self._seen[job.id] = job.revision
        return job
