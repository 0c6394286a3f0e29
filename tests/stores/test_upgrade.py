"""Opening a database; that migrations are right is in tests/contracts/test_migrations.py."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import triptych
from triptych.errors import TriptychError, Unavailable
from triptych.stores.databases import database
from triptych.stores.upgrade import bring_up

SRC = str(Path(triptych.__file__).parents[1])

OPENING = """
import asyncio, sys
from triptych.stores.sql import SqlStore
async def main():
    async with SqlStore(sys.argv[1]):
        pass
asyncio.run(main())
print(sorted({name.partition(".")[0] for name in sys.modules} & {"alembic", "psycopg"}))
"""


def test_a_database_that_is_new_or_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    """The start of a server waits for this."""
    for _ in range(2):
        command = [sys.executable, "-c", OPENING, f"sqlite:///{tmp_path}/triptych.db"]
        assert subprocess.run(command, env={"PYTHONPATH": SRC}, check=True, capture_output=True, text=True).stdout == "[]\n"


def test_what_is_up_to_date_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "triptych.db"
    bring_up(database(f"sqlite:///{path}"))
    before = path.read_bytes()
    bring_up(database(f"sqlite:///{path}"))
    assert path.read_bytes() == before


def test_what_cannot_be_made_is_not_half_made(tmp_path: Path) -> None:
    empty = database(f"sqlite:///{tmp_path}/triptych.db")
    with closing(empty.writer()) as connection:
        connection.cursor().execute("CREATE TABLE workers (id TEXT)")
    with pytest.raises(Exception, match="workers already exists"):
        bring_up(empty)
    with closing(empty.reader()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT name FROM sqlite_master")
        assert cursor.fetchall() == [("workers",)]


def test_a_later_release_is_named(tmp_path: Path) -> None:
    newer = database(f"sqlite:///{tmp_path}/triptych.db")
    bring_up(newer)
    with closing(newer.writer()) as connection:
        connection.cursor().execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(TriptychError, match="it is at 9999, this one knows") as caught:
        bring_up(newer)
    assert caught.value.code == "store_newer"


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        bring_up(database(f"postgresql://nobody@/nothing?host={tmp_path}"))
    assert caught.value.code == "store_unavailable"
