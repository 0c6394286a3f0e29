"""Rows within one transaction, on a real SQLite file."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stores.making import a_job, later, to, told
from triptych.errors import Conflict
from triptych.model import Job, State
from triptych.stores import verbs
from triptych.stores.databases import Cursor, database
from triptych.stores.statements import Statements
from triptych.stores.transaction import RacedError, Transaction
from triptych.stores.upgrade import bring_up


class CountingCursor:
    """A cursor that remembers what was asked of it."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.texts: list[str] = []

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def execute(self, text: str, values: object = ()) -> None:
        self.texts.append(text.split(maxsplit=1)[0])
        self._cursor.execute(text, values)

    def executemany(self, text: str, rows: list[object]) -> None:
        self.texts.append(f"{text.split(maxsplit=1)[0]} x {len(rows)}")
        self._cursor.executemany(text, rows)

    def fetchall(self) -> object:
        return self._cursor.fetchall()


@pytest.fixture
def cursor(tmp_path: Path) -> Iterator[CountingCursor]:
    file = database(f"sqlite:///{tmp_path}/triptych.db")
    bring_up(file)
    with closing(file.writer()) as connection:
        yield CountingCursor(connection.cursor())


SQL = Statements(database("sqlite:///x").dialect)


def transaction(cursor: CountingCursor, known: dict[str, Job] | None = None, *, careful: bool = False) -> Transaction:
    return Transaction(cursor, SQL, known, careful=careful)


def test_a_life_within_one_transaction_is_one_row_and_its_whole_log(cursor: CountingCursor) -> None:
    rows = transaction(cursor)
    verbs.add(rows, a_job())
    verbs.move(rows, [to(State.STARTING), to(State.RUNNING), to(State.ENDED)])
    rows.finish()
    assert cursor.texts == ["INSERT x 1", "UPDATE", "SELECT", "INSERT x 4"]
    job = transaction(cursor).job("job-1")
    assert job is not None
    assert (job.state, job.revision) == (State.ENDED, 4)


def test_many_changes_are_written_in_one_go(cursor: CountingCursor) -> None:
    rows = transaction(cursor)
    for number in range(10):
        verbs.add(rows, a_job(f"{number}"))
    rows.finish()
    rows = transaction(cursor)
    cursor.texts.clear()
    verbs.move(rows, [told(f"{number}", pid=number) for number in (*range(10), 3, 3)])
    rows.finish()
    assert cursor.texts == ["SELECT"] * 10 + ["UPDATE x 10", "UPDATE", "SELECT", "INSERT x 12"]


def test_what_is_known_is_not_read_again(cursor: CountingCursor) -> None:
    known: dict[str, Job] = {}
    rows = transaction(cursor, known)
    verbs.add(rows, a_job())
    rows.finish()
    assert known == {}
    rows.learn()
    assert known == {"job-1": a_job()}
    cursor.texts.clear()
    rows = transaction(cursor, known)
    verbs.move(rows, [to(State.ENDED)])
    rows.finish()
    rows.learn()
    assert cursor.texts == ["UPDATE x 1", "UPDATE", "SELECT", "INSERT x 1"]
    assert known == {}


def test_a_row_that_changed_meanwhile_is_a_race(cursor: CountingCursor) -> None:
    rows = transaction(cursor)
    verbs.add(rows, a_job())
    rows.finish()
    first, second = transaction(cursor), transaction(cursor)
    verbs.move(first, [told(pid=1)])
    verbs.move(second, [told(pid=2)])
    first.finish()
    with pytest.raises(RacedError):
        second.finish()


def test_an_id_that_is_taken_is_a_race_and_then_a_conflict(cursor: CountingCursor) -> None:
    rows = transaction(cursor)
    verbs.add(rows, a_job())
    rows.finish()
    rows = transaction(cursor)
    verbs.add(rows, a_job())
    with pytest.raises(RacedError):
        rows.finish()
    with pytest.raises(Conflict):
        verbs.add(transaction(cursor, careful=True), a_job())


def test_the_queue_is_seen_with_what_was_just_added(cursor: CountingCursor) -> None:
    rows = transaction(cursor)
    verbs.add(rows, a_job("a", created_at=later(2)))
    verbs.add(rows, a_job("b", created_at=later(1)))
    verbs.add(rows, a_job("c", needs={"gpu": "1"}))
    assert [job.id for job in rows.heads("command", None, "")] == ["c", "b"]
    assert [job.id for job in rows.heads("command", "w1", "")] == []
    verbs.move(rows, [to(State.PAUSED, "b", sources=frozenset({State.QUEUED}))])
    assert {job.id for job in rows.heads("command", None, "")} == {"a", "c"}


def test_a_deleted_job_is_gone_at_once(cursor: CountingCursor) -> None:
    rows = transaction(cursor)
    verbs.add(rows, a_job(idempotency_key="k"))
    verbs.move(rows, [to(State.ENDED)])
    assert verbs.forget(rows, "job-1")
    assert rows.job("job-1") is None
    assert rows.keyed("command", "k") is None
    assert verbs.add(rows, a_job(idempotency_key="k", fingerprint="other"))
    rows.finish()
    cursor.execute("SELECT job_id, state FROM log")
    assert cursor.fetchall() == [("job-1", "queued")]
