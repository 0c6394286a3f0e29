"""Migrations lead to the same tables as a new database gets, and keep what was in the old one (house style 22)."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import config, script
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from stores.making import START, a_worker, later
from triptych.model import End, EndReason, Fault, Job, State
from triptych.stores.databases import Database, database
from triptych.stores.schema import HEAD, METADATA
from triptych.stores.sql import SqlStore
from triptych.stores.upgrade import MIGRATIONS, migrate

FILLED = {path.stem: path.read_text().strip().split(";\n") for path in (Path(__file__).parent / "filled").glob("*.sql")}
"""What a database of each release held, in its own words: a new migration adds a file and leaves the others as they are."""


QUEUED_AT_0002 = """
INSERT INTO jobs (id, kind, spec, created_at_us, origin, needs, priority, state, attempt, progress, facts, last_seq, revision)
VALUES ('waiting', 'annotate', '{}', 1772366400123456, 'api', '{}', 20, 'queued', 0, '{}', '{}', 0, 1)
"""


@pytest.fixture
def empty(url: str) -> Database:
    return database(url)


def test_the_newest_migration_is_the_one_that_a_new_database_is_made_at() -> None:
    settings = config.Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    directory = script.ScriptDirectory.from_config(settings)
    assert directory.get_heads() == [HEAD]
    assert [each.revision for each in directory.walk_revisions()] == [f"{number:04}" for number in range(int(HEAD), 0, -1)]
    assert set(FILLED) == {each.revision for each in directory.walk_revisions()}


async def test_migrations_make_the_tables_of_a_new_database(empty: Database, urls: Callable[[], str]) -> None:
    migrate(empty, "base")
    other = urls()
    async with SqlStore(other):
        assert _shape(database(other)) == _shape(empty)


def test_alembic_sees_no_difference_between_migrations_and_schema(empty: Database) -> None:
    migrate(empty, "base")
    engine = create_engine(empty.url, poolclass=NullPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA) == []


@pytest.mark.parametrize("release", FILLED)
async def test_a_filled_database_of_a_release_before_keeps_all_it_held(empty: Database, url: str, release: str) -> None:
    migrate(empty, "base", release)
    _run(empty, *FILLED[release])
    async with SqlStore(url) as store:
        assert await store.find("old") == Job(
            id="old",
            kind="annotate",
            spec={"a": 1},
            created_at=START,
            needs={"gpu": "1"},
            state=State.ENDED,
            end=End(reason=EndReason.FAILED, exit_code=3, fault=Fault(code="oops", message="It broke.")),
            attempt=1,
            worker_id="w1",
            updated_at=later(9),
            ended_at=later(9),
            progress={"black": 50.0},
            result={},
            last_seq=4,
            revision=3,
        )
        assert [(entry.number, entry.job_id, entry.state) for entry in await store.log(0, 10)] == [(7, "old", State.ENDED)]
        assert list(await store.workers()) == [a_worker()]
        assert await store.get("cameras", "c") == {"name": "old"}
        assert await store.forget("old")


async def test_jobs_from_before_there_were_berths_wait_for_any(empty: Database, url: str) -> None:
    """media J7 for what was queued by the release before."""
    migrate(empty, "base", "0002")
    _run(empty, QUEUED_AT_0002)
    async with SqlStore(url) as store:
        placed = await store.place(a_worker(), "annotate", later(5), {"": (1, 2), "2": (2,)})
        assert placed is not None
        assert (placed.id, placed.berth_wish, placed.berth) == ("waiting", "", 1)


async def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: Database) -> None:
    """All of them or none: the table in the way is met after others have been made."""
    _run(empty, "CREATE TABLE workers (id TEXT)")
    before = _shape(empty)
    with pytest.raises(Exception, match="workers"):
        migrate(empty, "base")
    assert _shape(empty) == before


def _run(database: Database, *statements: str) -> None:
    with closing(database.writer()) as connection:
        for statement in statements:
            connection.cursor().execute(statement)
        connection.commit()


COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
CONSTRAINTS = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY conname"
SHAPES = {"sqlite": ["SELECT name, sql FROM sqlite_master ORDER BY name"], "postgresql": [COLUMNS, INDEXES, CONSTRAINTS]}


def _shape(database: Database) -> list[list[str]]:
    """Return every table, column, index and constraint in the words of the database."""
    with closing(database.reader()) as connection:
        cursor = connection.cursor()
        shape: list[list[str]] = []
        for query in SHAPES[database.dialect.name]:
            cursor.execute(query)
            shape += [["".join(str(part).split()) for part in row] for row in cursor.fetchall()]
    return shape
