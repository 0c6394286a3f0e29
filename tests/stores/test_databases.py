import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import psycopg.errors
import pytest

from triptych.stores.databases import Database, Fate, database, unavailable

POSTGRES = database("postgresql://user:word@host:1/name")


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    return database(f"sqlite:///{tmp_path}/x.db")


def test_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the store is sqlite or postgresql, not mysql$"):
        database("mysql://host/name")


def test_a_driver_that_is_named_is_ours_all_the_same() -> None:
    assert database("postgresql+asyncpg://host/name").url.drivername == "postgresql+psycopg"


def test_sqlite_commits_are_on_the_disk(sqlite: Database) -> None:
    with closing(sqlite.writer()) as connection:
        assert [_asked(connection, f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")] == ["wal", 2, 1]
        assert _asked(connection, "PRAGMA busy_timeout") == 5000


def test_a_reader_cannot_write(sqlite: Database) -> None:
    with closing(sqlite.reader()) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.cursor().execute("CREATE TABLE x (y)")


@pytest.mark.parametrize(
    ("text", "values", "fate"),
    [
        pytest.param("SELEC", (), Fate.FAULTY, id="a word that is wrong"),
        pytest.param("INSERT INTO t VALUES (1)", (), Fate.FAULTY, id="a row that is there"),
        pytest.param("SELECT ?", (2**70,), Fate.UNFIT, id="a number that is too big"),
        pytest.param("SELECT ?", ("\ud800",), Fate.UNFIT, id="text that is no text"),
        pytest.param("SELECT zeroblob(2000000000)", (), Fate.UNFIT, id="a value that is too long"),
    ],
)
def test_an_error_of_sqlite_is_known(sqlite: Database, text: str, values: tuple[object, ...], fate: Fate) -> None:
    with closing(sqlite.writer()) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        cursor.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one it is told as is what is tested
            cursor.execute(text, values)
    assert sqlite.fate(caught.value) is fate


def test_a_full_or_locked_sqlite_is_unavailable(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.stores.databases.BUSY_TIMEOUT_S", 0.01)
    with closing(sqlite.writer()) as first, closing(sqlite.writer()) as second:
        cursor = first.cursor()
        cursor.execute("CREATE TABLE t (x)")
        cursor.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as locked:
            second.cursor().execute("BEGIN IMMEDIATE")
        cursor.execute("PRAGMA max_page_count = 3")
        with pytest.raises(sqlite3.OperationalError) as full:
            cursor.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert [sqlite.fate(fault.value) for fault in (locked, full)] == [Fate.UNAVAILABLE] * 2


@pytest.mark.parametrize(
    ("fault", "fate"),
    [
        (psycopg.errors.DeadlockDetected, Fate.RACED),
        (psycopg.errors.SerializationFailure, Fate.RACED),
        (psycopg.OperationalError, Fate.UNAVAILABLE),
        (psycopg.errors.DiskFull, Fate.UNAVAILABLE),
        (psycopg.errors.AdminShutdown, Fate.UNAVAILABLE),
        (psycopg.errors.TooManyConnections, Fate.UNAVAILABLE),
        (psycopg.errors.ReadOnlySqlTransaction, Fate.UNAVAILABLE),
        (psycopg.errors.QueryCanceled, Fate.UNAVAILABLE),
        (psycopg.errors.NumericValueOutOfRange, Fate.UNFIT),
        (psycopg.errors.ProgramLimitExceeded, Fate.UNFIT),
        (psycopg.DataError, Fate.UNFIT),
        (UnicodeError, Fate.UNFIT),
        (psycopg.errors.UniqueViolation, Fate.FAULTY),
        (psycopg.errors.UndefinedTable, Fate.FAULTY),
        (KeyError, Fate.FAULTY),
    ],
)
def test_an_error_of_postgresql_is_known(fault: type[Exception], fate: Fate) -> None:
    assert POSTGRES.fate(fault("x")) is fate


def test_what_a_caller_is_told_has_its_cause() -> None:
    cause = KeyError("x")
    fault = unavailable(cause)
    assert (fault.code, fault.message, fault.__cause__) == ("store_unavailable", "store unavailable", cause)


def _asked(connection, text: str) -> object:
    cursor = connection.cursor()
    cursor.execute(text)
    return cursor.fetchone()[0]
