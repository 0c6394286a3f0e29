"""Reading beside the writer, on a real SQLite file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from triptych.errors import Invalid, Unavailable
from triptych.stores.databases import Database, database
from triptych.stores.readers import THREADS, Readers
from triptych.stores.statements import Statements
from triptych.stores.upgrade import bring_up

SQL = Statements(database("sqlite:///x").dialect)


@pytest.fixture
def file(tmp_path: Path) -> Database:
    return database(f"sqlite:///{tmp_path}/triptych.db")


@pytest.fixture
async def readers(file: Database) -> AsyncIterator[Readers]:
    bring_up(file)
    readers = Readers(file)
    yield readers
    await readers.close()


async def test_a_reader_waits_for_no_writer(file: Database, readers: Readers) -> None:
    with closing(file.writer()) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("INSERT INTO documents VALUES ('s', 'k', '{}')")
        assert await readers.rows(SQL.document_keys, shelf="s") == []
        connection.commit()
        assert await readers.rows(SQL.document_keys, shelf="s") == [("k",)]


async def test_connections_are_used_again(readers: Readers) -> None:
    for _ in range(3):
        await asyncio.gather(*(readers.rows(SQL.workers) for _ in range(30)))
    assert 1 <= len(readers._idle) <= THREADS


async def test_a_connection_that_has_gone_bad_is_replaced(readers: Readers, file: Database) -> None:
    await readers.rows(SQL.workers)
    heal = _spoil(Path(str(file.url.database)))
    with pytest.raises(Unavailable):
        await readers.rows(SQL.workers)
    heal()
    assert await readers.rows(SQL.workers) == []


async def test_a_value_that_no_row_could_have_is_refused(readers: Readers) -> None:
    with pytest.raises(Invalid):
        await readers.rows(SQL.find, job_id="\ud800")
    assert await readers.rows(SQL.find, job_id="a") == []


async def test_a_fault_of_the_program_is_told_as_it_is(readers: Readers) -> None:
    with pytest.raises(KeyError):
        await readers.rows(SQL.find)


async def test_what_is_closed_says_so(readers: Readers) -> None:
    await readers.close()
    with pytest.raises(Unavailable):
        await readers.rows(SQL.workers)


def _spoil(path: Path) -> Callable[[], object]:
    """Write over a database while it is open, and return what puts it back."""
    whole = path.read_bytes()
    path.write_bytes(b"not a database" * 4096)
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    return lambda: path.write_bytes(whole)
