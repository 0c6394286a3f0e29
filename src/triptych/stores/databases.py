"""What is different between SQLite and PostgreSQL: how a connection is made, and what an error of the driver means."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import URL, make_url
from sqlalchemy.engine import Dialect

from triptych.errors import Unavailable

if TYPE_CHECKING:
    import psycopg

BUSY_TIMEOUT_S = 5
PATIENCE = {"connect_timeout": 5, "tcp_user_timeout": 10_000}
"""How long a PostgreSQL server may be silent, in seconds and in milliseconds, unless the URL says otherwise."""


BERTH_HELD = "jobs_by_berth"
"""The one index whose uniqueness two servers may meet at without any fault of theirs."""


class Fate(Enum):
    """What an error means for the verbs of its transaction."""

    FAULTY = auto()
    """The program is wrong about one of them; the others are not to blame."""
    UNFIT = auto()
    """One of them has a value that the database cannot hold; the others are not to blame."""
    RACED = auto()
    """Another server was faster: once more and it comes right."""
    UNAVAILABLE = auto()
    """The database cannot be reached, or cannot keep anything now."""


class Cursor(Protocol):
    """A cursor of a driver."""

    @property
    def rowcount(self) -> int:
        """Return how many rows the last statement changed, over all its rows of values."""
        ...

    def execute(self, text: str, values: Sequence[object] = (), /) -> object:
        """Run one statement."""
        ...

    def executemany(self, text: str, rows: Sequence[Sequence[object]], /) -> object:
        """Run one statement for each of `rows`."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> Sequence[Any]:
        """Return every row that is left."""
        ...


class Connection(Protocol):
    """A connection of a driver."""

    def cursor(self) -> Cursor:
        """Return something to run statements with."""
        ...

    def commit(self) -> None:
        """Make durable what was done in this transaction."""
        ...

    def rollback(self) -> None:
        """Give up what was done in this transaction."""
        ...

    def close(self) -> None:
        """Give up what was not committed, and the connection."""
        ...


class Database(Protocol):
    """One of the two databases.

    `begin` is the statement that opens a writing transaction and `lock` the one that makes it the only one to change tables, where
    they are needed; `versioned` selects whether the tables have been made; `is_owned` says that nobody else writes.
    """

    url: URL
    dialect: Dialect
    begin: str | None
    lock: str | None
    versioned: str
    is_owned: bool

    def writer(self) -> Connection:
        """Connect to write in transactions."""
        ...

    def migrator(self) -> Connection:
        """Connect to change tables, foreign keys unwatched until it is over."""
        ...

    def reader(self) -> Connection:
        """Connect to read what was committed, each statement by itself."""
        ...

    def fate(self, fault: Exception) -> Fate:
        """Say what an error of the driver means."""
        ...


def unavailable(cause: Exception | None = None) -> Unavailable:
    """Return what a caller is told when the database cannot be used now."""
    fault = Unavailable("store unavailable", code="store_unavailable")
    fault.__cause__ = cause
    return fault


def database(url: str) -> Database:
    """Return the database of a URL: `sqlite:///path` or `postgresql://...`. Raises `ValueError` on another."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return _Sqlite(parsed)
        case "postgresql":
            return _Postgres(parsed)
        case other:
            raise ValueError(f"the store is sqlite or postgresql, not {other}")


class _Sqlite:
    """A file of this machine, owned by one server: a commit is on the disk when it returns."""

    begin: str | None = "BEGIN IMMEDIATE"
    lock: str | None = None
    versioned = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
    is_owned = True
    _TROUBLE = frozenset({"PERM", "BUSY", "LOCKED", "NOMEM", "READONLY", "IOERR", "CORRUPT", "FULL", "CANTOPEN", "PROTOCOL", "NOTADB"})

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="sqlite+pysqlite")
        self.dialect = self.url.get_dialect()()

    def writer(self) -> Connection:
        return self._connect("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")

    def migrator(self) -> Connection:
        return self._connect("journal_mode=WAL", "synchronous=FULL", "foreign_keys=OFF")

    def reader(self) -> Connection:
        return self._connect("query_only=ON")

    def fate(self, fault: Exception) -> Fate:
        # Extended codes are named after the plain one: SQLITE_IOERR_WRITE.
        name = getattr(fault, "sqlite_errorname", "").removeprefix("SQLITE_").partition("_")[0]
        if name in self._TROUBLE:
            return Fate.UNAVAILABLE
        unfit = isinstance(fault, OverflowError | UnicodeError | sqlite3.DataError)
        return Fate.UNFIT if unfit else Fate.FAULTY

    def _connect(self, *pragmas: str) -> Connection:
        connection = sqlite3.connect(self.url.database or "", timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            with closing(connection.cursor()) as cursor:
                for pragma in pragmas:
                    cursor.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection


class _Postgres:
    """A server that several of ours may share: rows are locked for as long as a transaction works on them."""

    begin: str | None = None
    lock: str | None = "SELECT pg_advisory_xact_lock(8700)"
    # Not by `to_regclass`, which may remember from before the lock that there was none.
    versioned = "SELECT count(*) FROM pg_tables WHERE tablename = 'alembic_version' AND schemaname = current_schema()"
    is_owned = False
    _RACED = frozenset({"40001", "40P01"})
    _TAKEN = "23505"
    _TOO_BIG = "54000"
    _TROUBLE = frozenset({"08", "25", "53", "55", "57", "58", "XX"})

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="postgresql+psycopg")
        self.dialect = self.url.get_dialect()(paramstyle="format")  # type: ignore[call-arg]  # an option of every dialect

    def writer(self) -> Connection:
        return self._connect(autocommit=False)

    def migrator(self) -> Connection:
        return self._connect(autocommit=False)

    def reader(self) -> Connection:
        return self._connect(autocommit=True)

    def fate(self, fault: Exception) -> Fate:
        # Imported here, since a machine with SQLite need not have it.
        import psycopg  # noqa: PLC0415 - as above

        state = getattr(fault, "sqlstate", None)
        if state in self._RACED or (state == self._TAKEN and _constraint(fault) == BERTH_HELD):
            return Fate.RACED
        lost = state is None and isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError)
        if lost or (state or "")[:2] in self._TROUBLE:
            return Fate.UNAVAILABLE
        unfit = isinstance(fault, OverflowError | UnicodeError | psycopg.DataError) or state == self._TOO_BIG
        return Fate.UNFIT if unfit else Fate.FAULTY

    def _connect(self, *, autocommit: bool) -> "psycopg.Connection":
        import psycopg  # noqa: PLC0415 - as above

        arguments, options = self.dialect.create_connect_args(self.url)
        return psycopg.connect(*arguments, **{**PATIENCE, **options}, autocommit=autocommit)


def _constraint(fault: Exception) -> str | None:
    """Return the constraint that an error of psycopg is about."""
    name: str | None = getattr(getattr(fault, "diag", None), "constraint_name", None)
    return name
