"""Jobs, their log, workers and documents."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the first tables."""
    _jobs()
    _job_indexes()
    _log()
    _others()


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("spec", TEXT, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("parent", TEXT),
        sa.Column("idempotency_key", TEXT),
        sa.Column("fingerprint", TEXT),
        sa.Column("needs", TEXT, nullable=False),
        sa.Column("pinned", TEXT),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("deadline_us", sa.BigInteger),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("end_reason", TEXT),
        sa.Column("exit_code", sa.Integer),
        sa.Column("signal", sa.Integer),
        sa.Column("core_dumped", sa.Boolean(create_constraint=False)),
        sa.Column("fault_code", TEXT),
        sa.Column("fault_message", TEXT),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker_id", TEXT),
        sa.Column("pid", sa.Integer),
        sa.Column("stopped_by", TEXT),
        sa.Column("started_at_us", sa.BigInteger),
        sa.Column("updated_at_us", sa.BigInteger),
        sa.Column("ended_at_us", sa.BigInteger),
        sa.Column("progress", TEXT, nullable=False),
        sa.Column("result", TEXT),
        sa.Column("facts", TEXT, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.CheckConstraint("(state = 'ended') = (end_reason IS NOT NULL)", name="jobs_end_has_reason"),
    )


def _job_indexes() -> None:
    _index("jobs_by_key", "idempotency_key", "kind", only="idempotency_key IS NOT NULL", unique=True)
    _index("jobs_queue", "kind", "pinned", "needs", "priority", "created_at_us", "id", only="state = 'queued'")
    _index("jobs_live", "created_at_us", "id", only="state != 'ended'")
    _index("jobs_by_age", "created_at_us", "id")
    _index("jobs_by_kind", "kind", "created_at_us", "id")
    _index("jobs_by_origin", "origin", "created_at_us", "id")
    _index("jobs_by_worker", "worker_id", "created_at_us", "id", only="worker_id IS NOT NULL")
    _index("jobs_by_end", "end_reason", "created_at_us", "id", only="end_reason IS NOT NULL")


def _index(name: str, *columns: str, only: str | None = None, unique: bool = False) -> None:
    condition = None if only is None else sa.text(only)
    op.create_index(name, "jobs", list(columns), unique=unique, sqlite_where=condition, postgresql_where=condition)


def _log() -> None:
    op.create_table(
        "log",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("job_id", TEXT, sa.ForeignKey("jobs.id", name="log_job", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
    )
    op.create_index("log_by_job", "log", ["job_id", "number"])
    counters = op.create_table(
        "counters",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "log", "value": 0}])


def _others() -> None:
    op.create_table(
        "workers",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("boot_id", TEXT, nullable=False),
        sa.Column("started_at_us", sa.BigInteger, nullable=False),
        sa.Column("seen_at_us", sa.BigInteger, nullable=False),
        sa.Column("slots", TEXT, nullable=False),
        sa.Column("labels", TEXT, nullable=False),
        sa.Column("facts", TEXT, nullable=False),
    )
    op.create_table(
        "documents",
        sa.Column("shelf", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("document", TEXT, nullable=False),
    )
