"""Bringing a database to the tables of this release when it is opened."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from triptych.errors import TriptychError, Unavailable
from triptych.stores.databases import Cursor, Database, Fate
from triptych.stores.schema import HEAD, METADATA

MIGRATIONS = Path(__file__).parent / "migrations"

VERSION_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
"""As Alembic makes it, so that a database that began here can be migrated by it later."""


def bring_up(database: Database) -> None:
    """Make the tables of a new database, or migrate those of an older release; for the newest this is one query.

    Raises `Unavailable` when the database cannot be used now, or `TriptychError` with code `store_newer` when it is of a later release.
    """
    try:
        version = _make(database)
        if version != HEAD:
            migrate(database, version)
    except TriptychError:
        raise
    except Exception as fault:
        if database.fate(fault) is Fate.UNAVAILABLE:
            place = database.url.set(drivername=database.url.get_backend_name()).render_as_string()
            raise Unavailable(f"the store {place} cannot be opened: {fault}", code="store_unavailable") from fault
        raise


def migrate(database: Database, version: str, target: str = "head") -> None:
    """Run the migrations from `version` (`base`: there is nothing yet) to `target`, all of them or none."""
    # Imported here, since it costs a server that is up to date a noticeable part of its start.
    from alembic import command, config, script, util  # noqa: PLC0415 - as above

    settings = config.Config()
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        script.ScriptDirectory.from_config(settings).get_revision(version)
    except util.CommandError as fault:
        raise TriptychError(f"the store is of a later release: it is at {version}, this one knows {HEAD}", code="store_newer") from fault
    engine = create_engine(database.url, creator=database.migrator, poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: _own(connection, database))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, target)


def definitions(dialect: Dialect) -> Iterator[str]:
    """Yield the statements that make every table and index of `METADATA`."""
    for table in METADATA.sorted_tables:
        yield _text(CreateTable(table), dialect)
        yield from (_text(CreateIndex(index), dialect) for index in sorted(table.indexes, key=lambda index: str(index.name)))


def _make(database: Database) -> str:
    """Return the version of the database, having made its tables when it had none."""
    with closing(database.writer()) as connection:
        cursor = connection.cursor()
        if _version(cursor, database) is None:
            for statement in filter(None, (database.begin, database.lock)):
                cursor.execute(statement)
            # Another server may have made them while this one waited for the lock.
            if _version(cursor, database) is None:
                _create(cursor, database.dialect)
            connection.commit()
        return _version(cursor, database) or HEAD


def _version(cursor: Cursor, database: Database) -> str | None:
    cursor.execute(database.versioned)
    if cursor.fetchone()[0] == 0:
        return None
    cursor.execute("SELECT version_num FROM alembic_version")
    row: Any = cursor.fetchone()
    return None if row is None else str(row[0])


def _create(cursor: Cursor, dialect: Dialect) -> None:
    for statement in (*definitions(dialect), VERSION_TABLE):
        cursor.execute(statement)
    cursor.execute("INSERT INTO counters (name, value) VALUES ('log', 0)")
    cursor.execute(f"INSERT INTO alembic_version (version_num) VALUES ('{HEAD}')")  # noqa: S608 - a constant of ours


def _own(connection: Connection, database: Database) -> None:
    for statement in filter(None, (database.begin, database.lock)):
        connection.exec_driver_sql(statement)


def _text(definition: ExecutableDDLElement, dialect: Dialect) -> str:
    return str(definition.compile(dialect=dialect))
