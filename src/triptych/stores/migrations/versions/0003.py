"""Berths: numbered rooms of a kind, each for one live job, and jobs that wait for one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
IN_LINE = "state = 'queued' AND not_before_us IS NULL"
HELD = "berth IS NOT NULL AND state != 'ended'"


def upgrade() -> None:
    """Add the berth that a job waits for and the one that it has; jobs as they are wait for any and have none."""
    op.add_column("jobs", sa.Column("berth_wish", TEXT, nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("berth", sa.Integer))
    op.drop_index("jobs_queue", "jobs")
    _index("jobs_queue", "kind", "pinned", "berth_wish", "needs", "priority", "created_at_us", "id", only=IN_LINE)
    _index("jobs_by_berth", "kind", "berth", only=HELD, unique=True)


def _index(name: str, *columns: str, only: str, unique: bool = False) -> None:
    op.create_index(name, "jobs", list(columns), unique=unique, sqlite_where=sa.text(only), postgresql_where=sa.text(only))
