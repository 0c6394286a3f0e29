"""Where a page of a listing ends: the opaque cursor, and the order newest first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime

from triptych.clock import from_us, to_us
from triptych.errors import Invalid
from triptych.model import Job, Page

Position = tuple[datetime, str]
"""When a job was created, and its id: a listing goes down from the highest."""


def position(job: Job) -> Position:
    """Return where a job stands in a listing."""
    return job.created_at, job.id


def to_cursor(job: Job) -> str:
    """Return the opaque text of a page that ends with `job`."""
    return urlsafe_b64encode(f"{to_us(job.created_at)}:{job.id}".encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> Position:
    """Return where the page before ended. Raises `Invalid` when the text is not one of ours."""
    try:
        created_us, _, job_id = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        return from_us(int(created_us)), job_id
    except (ValueError, OverflowError) as fault:
        raise Invalid("cursor is not one of this listing", code="invalid_parameter", field="cursor") from fault


def cut(jobs: Sequence[Job], limit: int | None) -> Page:
    """Return the page of at most `limit` jobs from a listing that was read one job further."""
    page = tuple(jobs[:limit])
    return Page(jobs=page, cursor=to_cursor(page[-1]) if page and len(jobs) > len(page) else None)
