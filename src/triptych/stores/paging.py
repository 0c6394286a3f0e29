"""Where a page of a listing ends: the opaque cursor, and the order newest first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime

from triptych.clock import from_us, to_us
from triptych.errors import Invalid
from triptych.model import Job, Page, Query

Position = tuple[datetime, str]
"""When a job was created, and its id: a listing goes down from the highest. In one of ended jobs it is when they ended, and it goes up."""


def position(job: Job, query: Query) -> Position:
    """Return where a job stands in a listing."""
    at = job.created_at if query.ended_before is None or job.ended_at is None else job.ended_at
    return at, job.id


def to_cursor(last: Position) -> str:
    """Return the opaque text of a page that ends there."""
    return urlsafe_b64encode(f"{to_us(last[0])}:{last[1]}".encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> Position:
    """Return where the page before ended. Raises `Invalid` when the text is not one of ours."""
    try:
        created_us, _, job_id = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        return from_us(int(created_us)), job_id
    except (ValueError, OverflowError) as fault:
        raise Invalid("cursor is not one of this listing", code="invalid_parameter", field="cursor") from fault


def cut(jobs: Sequence[Job], query: Query) -> Page:
    """Return the page of at most `query.limit` jobs from a listing that was read one job further."""
    page = tuple(jobs[: query.limit])
    return Page(jobs=page, cursor=to_cursor(position(page[-1], query)) if page and len(jobs) > len(page) else None)
