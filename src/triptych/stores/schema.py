"""The tables, one schema for SQLite and PostgreSQL; times are whole microseconds since 1970 UTC, JSON is text."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, Table, Text, and_, false

HEAD = "0003"
"""The newest migration, which a new database is made to be at."""

METADATA = MetaData()

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that both databases sort by code point."""

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("spec", TEXT, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("origin", TEXT, nullable=False),
    Column("parent", TEXT),
    Column("idempotency_key", TEXT),
    Column("fingerprint", TEXT),
    Column("needs", TEXT, nullable=False),
    Column("pinned", TEXT),
    Column("priority", Integer, nullable=False),
    Column("deadline_us", BigInteger),
    Column("state", TEXT, nullable=False),
    Column("end_reason", TEXT),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("core_dumped", Boolean(create_constraint=False)),
    Column("fault_code", TEXT),
    Column("fault_message", TEXT),
    Column("attempt", Integer, nullable=False),
    Column("worker_id", TEXT),
    Column("pid", Integer),
    Column("stopped_by", TEXT),
    Column("started_at_us", BigInteger),
    Column("updated_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("progress", TEXT, nullable=False),
    Column("result", TEXT),
    Column("facts", TEXT, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("not_before_us", BigInteger),
    Column("berth_wish", TEXT, nullable=False, server_default=""),
    Column("berth", Integer),
    CheckConstraint("(state = 'ended') = (end_reason IS NOT NULL)", name="jobs_end_has_reason"),
)

LOG = Table(
    "log",
    METADATA,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("job_id", TEXT, ForeignKey("jobs.id", name="log_job", ondelete="CASCADE"), nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("note", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("data", TEXT, nullable=False),
    Index("log_by_job", "job_id", "number"),
)

COUNTERS = Table(
    "counters",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""The last number of the log. Held by a transaction from the numbering of its happenings to its commit, so numbers rise with commits."""

WORKERS = Table(
    "workers",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("state", TEXT, nullable=False),
    Column("boot_id", TEXT, nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("seen_at_us", BigInteger, nullable=False),
    Column("slots", TEXT, nullable=False),
    Column("labels", TEXT, nullable=False),
    Column("facts", TEXT, nullable=False),
    Column("draining", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("silent_boot_id", TEXT),
    Column("silent_since_us", BigInteger),
)

DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("shelf", TEXT, primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("document", TEXT, nullable=False),
)


def _index(name: str, *columns: str, only: object = None, unique: bool = False) -> None:
    """Index jobs by `columns`; `only` leaves the other rows out of it."""
    Index(name, *(JOBS.c[column] for column in columns), unique=unique, sqlite_where=only, postgresql_where=only)


_index("jobs_by_key", "idempotency_key", "kind", only=JOBS.c.idempotency_key.is_not(None), unique=True)
_index(
    "jobs_queue",
    "kind",
    "pinned",
    "berth_wish",
    "needs",
    "priority",
    "created_at_us",
    "id",
    only=and_(JOBS.c.state == "queued", JOBS.c.not_before_us.is_(None)),
)
_index("jobs_by_berth", "kind", "berth", only=and_(JOBS.c.berth.is_not(None), JOBS.c.state != "ended"), unique=True)
_index("jobs_live", "created_at_us", "id", only=JOBS.c.state != "ended")
_index("jobs_by_age", "created_at_us", "id")
_index("jobs_by_kind", "kind", "created_at_us", "id")
_index("jobs_by_origin", "origin", "created_at_us", "id")
_index("jobs_by_worker", "worker_id", "created_at_us", "id", only=JOBS.c.worker_id.is_not(None))
_index("jobs_by_end", "end_reason", "created_at_us", "id", only=JOBS.c.end_reason.is_not(None))
_index("jobs_by_ending", "kind", "ended_at_us", "id", only=JOBS.c.ended_at_us.is_not(None))
_index("jobs_with_needs", "created_at_us", "id", only=JOBS.c.needs != "{}")
