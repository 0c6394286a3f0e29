"""Jobs that wait before their next attempt, retention by the time of the end, listing by label; workers that drain or are silent."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add what leases and retries need; rows as they are keep their meaning."""
    op.add_column("jobs", sa.Column("not_before_us", sa.BigInteger))
    op.drop_index("jobs_queue", "jobs")
    _index("jobs_queue", "kind", "pinned", "needs", "priority", "created_at_us", "id", only="state = 'queued' AND not_before_us IS NULL")
    _index("jobs_by_ending", "kind", "ended_at_us", "id", only="ended_at_us IS NOT NULL")
    _index("jobs_with_needs", "created_at_us", "id", only="needs != '{}'")
    op.add_column("workers", sa.Column("draining", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()))
    op.add_column("workers", sa.Column("silent_boot_id", TEXT))
    op.add_column("workers", sa.Column("silent_since_us", sa.BigInteger))


def _index(name: str, *columns: str, only: str) -> None:
    op.create_index(name, "jobs", list(columns), sqlite_where=sa.text(only), postgresql_where=sa.text(only))
