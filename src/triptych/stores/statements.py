"""Every statement of the SQL store, written with SQLAlchemy Core and turned into the text of a dialect once."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

from triptych.model import State
from triptych.stores.schema import COUNTERS, DOCUMENTS, JOBS, LOG, WORKERS

FIXED = frozenset(
    {
        "id",
        "kind",
        "spec",
        "created_at_us",
        "origin",
        "parent",
        "idempotency_key",
        "fingerprint",
        "needs",
        "pinned",
        "priority",
        "deadline_us",
    }
)
"""Columns of a job that are told when it is added and never changed."""

CHANGING = [column.name for column in JOBS.columns if column.name not in FIXED]
"""The other ones, which are the last of the table."""


UNREAD = {"progress": "'{}'", "result": "NULL", "facts": "'{}'"}
"""What a brief listing has in place of a column."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The text of one statement for a driver, and the names of its values in their order."""

    text: str
    names: tuple[str, ...]
    fixed: dict[str, object]

    def bind(self, **values: object) -> tuple[object, ...]:
        """Return named values in the order of the text."""
        known = self.fixed | values
        return tuple(known[name] for name in self.names)


class Statements:
    """The statements of one dialect; rows of values go in the order of their table's columns unless it is said otherwise."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        job, happening, document = JOBS.c, LOG.c, DOCUMENTS.c
        mine = (document.shelf == _text("shelf"), document.key == _text("key"))
        self.insert_job = self._compile(self._insert(JOBS).on_conflict_do_nothing())
        self.update_job = self._compile(
            update(JOBS).where(job.id == _text("job_id"), job.revision == _number("seen")),
            columns=CHANGING,
        )
        """Takes the changing columns, the id, and the revision that was read."""
        self.delete_job = self._compile(delete(JOBS).where(job.id == _text("job_id")))
        self.find = self._compile(select(JOBS).where(job.id == _text("job_id")))
        self.find_keyed = self._compile(select(JOBS).where(job.idempotency_key == _text("key"), job.kind == _text("kind")))
        self.hold = self._compile(select(JOBS).where(job.id == _text("job_id")).with_for_update())
        self.hold_many = self._compile(
            select(JOBS).where(job.id == any_(bindparam("job_ids", type_=ARRAY(Text)))).order_by(job.id).with_for_update()
        )
        self.hold_keyed = self._compile(
            select(JOBS).where(job.idempotency_key == _text("key"), job.kind == _text("kind")).with_for_update()
        )
        self.head_free = self._compile(_head(job.pinned.is_(None)))
        self.head_pinned = self._compile(_head(job.pinned == _text("pinned")))
        self.held_berths = self._compile(
            select(job.berth).where(job.kind == _text("kind"), job.berth.is_not(None), job.state != literal_column("'ended'"))
        )
        self.insert_happening = self._compile(insert(LOG))
        self.raise_counter = self._compile(
            update(COUNTERS).where(COUNTERS.c.name == literal_column("'log'")).values(value=COUNTERS.c.value + _number("count"))
        )
        self.counter = self._compile(select(COUNTERS.c.value).where(COUNTERS.c.name == literal_column("'log'")))
        read_on = select(LOG).where(happening.number > _number("after")).order_by(happening.number).limit(_limit())
        newest = select(LOG).order_by(happening.number.desc()).limit(1)
        self.log = self._compile(read_on)
        self.log_of = self._compile(read_on.where(happening.job_id == _text("job_id")))
        self.newest = self._compile(newest)
        self.newest_of = self._compile(newest.where(happening.job_id == _text("job_id")))
        self.enroll = self._compile(self._upsert(WORKERS))
        self.workers = self._compile(select(WORKERS).order_by(WORKERS.c.id))
        self.put_document = self._compile(self._upsert(DOCUMENTS))
        self.drop_document = self._compile(delete(DOCUMENTS).where(*mine))
        self.document = self._compile(select(document.document).where(*mine))
        self.document_keys = self._compile(select(document.key).where(document.shelf == _text("shelf")).order_by(document.key))
        self.documents = self._compile(select(document.document).where(document.shelf == _text("shelf")).order_by(document.key))
        self.listing = cache(self._listing)

    def _listing(self, given: frozenset[str], states: frozenset[State] | None, *, brief: bool = False) -> Statement:
        """Return the listing with the filters `given` (named as in `Query`; `last_us` and `last_id` are its cursor)."""
        job = JOBS.c
        filters: dict[str, ColumnElement[bool]] = {
            "kind": job.kind == _text("kind"),
            "end_reason": job.end_reason == _text("end_reason"),
            "worker_id": job.worker_id == _text("worker_id"),
            "origin": job.origin == _text("origin"),
            "since": job.created_at_us >= _number("since"),
            "until": job.created_at_us < _number("until"),
            "label_first": and_(job.needs != literal_column("'{}'"), self._has_label()),
            "text": or_(self._has(func.lower(job.id), "text"), self._has(self._words(), "words")),
            "ended_before": job.ended_at_us < _number("ended_before"),
        }
        query = _in_states((_briefly() if brief else select(JOBS)).where(*(filters[name] for name in filters if name in given)), states)
        query = _in_order(query, rising="ended_before" in given, read_on="last_us" in given)
        return self._compile(query.limit(_limit()) if "limit" in given else query)

    def _has(self, text: ColumnElement[str], name: str) -> ColumnElement[bool]:
        find = func.instr if self._dialect.name == "sqlite" else func.strpos
        return find(text, _text(name)) > literal_column("0")

    def _has_label(self) -> ColumnElement[bool]:
        """Find one label in the text of all: it stands behind the opening brace or behind a comma."""
        return or_(self._has(JOBS.c.needs, "label_first"), self._has(JOBS.c.needs, "label_next"))

    def _words(self) -> ColumnElement[str]:
        """Return what `searching.words` returns."""
        if self._dialect.name == "sqlite":
            listed: ColumnElement[str] = func.json_extract(JOBS.c.spec, literal_column("'$.argv'"))
        else:
            listed = func.json_extract_path_text(cast(JOBS.c.spec, JSON), literal_column("'argv'")).collate("C")
        inner = func.rtrim(func.ltrim(listed, literal_column("""'["'""")), literal_column("""'"]'"""))
        return func.lower(func.replace(inner, literal_column("""'","'"""), literal_column("' '")))

    def _compile(self, statement: ClauseElement, columns: list[str] | None = None) -> Statement:
        compiled: Any = statement.compile(dialect=self._dialect, column_keys=columns)
        names = tuple(compiled.positiontup or ())
        return Statement(compiled.string, names, {name: value for name, value in compiled.params.items() if value is not None})

    def _insert(self, table: Table) -> Any:
        return import_module(f"sqlalchemy.dialects.{self._dialect.name}").insert(table)

    def _upsert(self, table: Table) -> Any:
        new = self._insert(table)
        keys = [column.name for column in table.primary_key]
        return new.on_conflict_do_update(
            index_elements=keys, set_={column.name: new.excluded[column.name] for column in table.columns if column.name not in keys}
        )


def _briefly() -> Select[Any]:
    """Select jobs without what grows with their work, which is not even read."""
    return select(*(literal_column(UNREAD[column.name]).label(column.name) if column.name in UNREAD else column for column in JOBS.columns))


def _head(pinned: ColumnElement[bool]) -> Select[Any]:
    """Select the first job in line of the next set of needs after `needs`, leaving out what another server is placing.

    `pinned` is one value here, yet PostgreSQL reads the index in order only when it is named in the order as well.
    """
    job = JOBS.c
    return (
        select(JOBS)
        .where(job.state == literal_column("'queued'"), job.not_before_us.is_(None))
        .where(job.kind == _text("kind"), pinned, job.berth_wish == _text("wish"), job.needs > _text("needs"))
        .order_by(job.pinned, job.berth_wish, job.needs, job.priority, job.created_at_us, job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _in_order(query: Select[Any], *, rising: bool, read_on: bool) -> Select[Any]:
    """Order by the creation, newest first, or `rising` by the end; `read_on` leaves out what is not behind the cursor."""
    job = JOBS.c
    last = tuple_(_number("last_us"), _text("last_id"))
    if rising:
        query = query.where(tuple_(job.ended_at_us, job.id) > last) if read_on else query
        return query.order_by(job.ended_at_us, job.id)
    query = query.where(tuple_(job.created_at_us, job.id) < last) if read_on else query
    return query.order_by(job.created_at_us.desc(), job.id.desc())


def _in_states(query: Select[Any], states: frozenset[State] | None) -> Select[Any]:
    """Filter by state in words that let an index of live jobs be used."""
    if states is None:
        return query
    query = query.where(JOBS.c.state.in_([literal_column(f"'{state}'") for state in sorted(states)]))
    return query if State.ENDED in states else query.where(JOBS.c.state != literal_column("'ended'"))


def _text(name: str) -> Any:
    return bindparam(name, type_=Text())


def _number(name: str) -> Any:
    return bindparam(name, type_=BigInteger())


def _limit() -> Any:
    return bindparam("limit", type_=Integer())
