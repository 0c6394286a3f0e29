"""Group commit: one thread writes, and a transaction takes whatever arrived while the one before was committing."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

import structlog

from triptych.errors import Invalid, TriptychError
from triptych.model import Job
from triptych.stores.databases import Connection, Cursor, Database, Fate, unavailable
from triptych.stores.statements import Statements
from triptych.stores.transaction import RacedError, Transaction

log = structlog.get_logger()

T = TypeVar("T")

MOST_AT_ONCE = 500
TRIES = 5


@dataclass(frozen=True, slots=True)
class _Ask:
    verb: Callable[[Transaction], object]
    job_ids: Sequence[str]
    answer: asyncio.Future[Any]


class Writer:
    """The one thread that changes the database. Every verb is answered after its own commit; the answers of one commit come at once."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._loop = asyncio.get_running_loop()
        self._asks: SimpleQueue[_Ask | None] = SimpleQueue()
        self._work = _Work(database, sql)
        self._is_open = True
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def do(self, verb: Callable[[Transaction], T], job_ids: Sequence[str] = ()) -> T:
        """Run `verb` in a transaction and return what it returned, once that is durable. `job_ids` are the jobs that it will look at.

        Raises what the verb raised, having changed nothing, or `Unavailable` when it could not be kept.
        """
        if not self._is_open:
            raise unavailable()
        answer: asyncio.Future[T] = self._loop.create_future()
        self._asks.put(_Ask(verb, job_ids, answer))
        return await answer

    async def close(self) -> None:
        """Commit what has been asked, then end."""
        self._is_open = False
        self._asks.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while batch := self._take():
            results = self._work.settle(batch)
            # The loop is gone only when the program ends without closing its store.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_tell, batch, results)
        self._work.close()

    def _take(self) -> list[_Ask]:
        """Wait for asks and return all that are there; none when the store is to close."""
        batch: list[_Ask] = []
        while (ask := self._asks.get()) is not None:
            batch.append(ask)
            if self._asks.empty() or len(batch) == MOST_AT_ONCE:
                return batch
        if batch:
            self._asks.put(None)
        return batch


class _Work:
    """What the thread does: one transaction for a batch, and each verb by itself when one of them spoils it."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql
        self._known: dict[str, Job] | None = {} if database.is_owned else None
        self._connection: Connection | None = None
        self._cursor: Cursor | None = None
        self._is_committing = False

    def settle(self, batch: Sequence[_Ask]) -> list[object]:
        """Return what came of each ask: its value or its error."""
        fault: Exception | None = None
        for tried in range(TRIES):
            is_stale = self._connection is not None
            try:
                return self._commit(batch, careful=tried > 0)
            except Exception as caught:  # noqa: BLE001 - whatever a verb raised is told to its caller
                fault = caught
            fate = Fate.RACED if isinstance(fault, RacedError) else self._database.fate(fault)
            self._undo(fate)
            if fate in {Fate.FAULTY, Fate.UNFIT}:
                return [result for ask in batch for result in self.settle([ask])] if len(batch) > 1 else [_said(fault, fate)]
            if fate is Fate.UNAVAILABLE and (self._is_committing or not is_stale):
                break
        log.warning("store unavailable", reason=str(fault), verbs=len(batch))
        return [unavailable(fault) for _ in batch]

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
        self._connection = self._cursor = None

    def _commit(self, batch: Sequence[_Ask], *, careful: bool) -> list[object]:
        self._is_committing = False
        connection, cursor = self._begin()
        rows = Transaction(cursor, self._sql, self._known, careful=careful)
        if not self._database.is_owned:
            rows.hold([job_id for ask in batch for job_id in ask.job_ids])
        results = [_attempt(rows, ask) for ask in batch]
        rows.finish()
        self._is_committing = True
        connection.commit()
        rows.learn()
        return results

    def _begin(self) -> tuple[Connection, Cursor]:
        if self._connection is None or self._cursor is None:
            self._connection = self._database.writer()
            self._cursor = self._connection.cursor()
        if self._database.begin is not None:
            self._cursor.execute(self._database.begin)
        return self._connection, self._cursor

    def _undo(self, fate: Fate) -> None:
        """Leave nothing of a failed transaction; a connection that is in trouble is made anew for the next."""
        try:
            if self._connection is not None and fate is not Fate.UNAVAILABLE:
                self._connection.rollback()
                return
        except Exception as fault:  # noqa: BLE001 - the transaction is lost either way
            log.warning("connection given up", reason=str(fault))
        self.close()


def _attempt(rows: Transaction, ask: _Ask) -> object:
    writes = rows.writes
    try:
        return ask.verb(rows)
    except TriptychError as fault:
        if rows.writes != writes:
            raise
        return fault


def _said(fault: Exception, fate: Fate) -> Exception:
    """Return what the caller of the one faulty verb is told."""
    if fate is Fate.UNFIT:
        said = Invalid("a value is not one that can be stored")
        said.__cause__ = fault
        return said
    return fault


def _tell(batch: Sequence[_Ask], results: Sequence[object]) -> None:
    for ask, result in zip(batch, results, strict=True):
        if ask.answer.done():
            continue
        if isinstance(result, Exception):
            ask.answer.set_exception(result)
        else:
            ask.answer.set_result(result)
