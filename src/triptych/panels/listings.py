"""Which jobs a list of the media panel holds: the query of one request (media 2.2)."""

from dataclasses import replace
from datetime import timedelta

from starlette.requests import Request

from triptych.engine import Engine
from triptych.errors import Invalid, NotFound
from triptych.model import LIVE, EndReason, Job, Query, State
from triptych.panels.annotations import status
from triptych.panels.http import Parameter
from triptych.panels.submissions import KIND

MOST = 1_000_000
PAGE = 500
STATES: dict[str, tuple[frozenset[State], EndReason | None]] = {
    "queued": (frozenset({State.QUEUED, State.PAUSED}), None),
    "running": (LIVE, None),
    "done": (frozenset({State.ENDED}), EndReason.DONE),
    "failed": (frozenset({State.ENDED}), None),
    "cancelled": (frozenset({State.ENDED}), None),
}
"""What the store can be asked for each status; it may give some more."""

QUERIES = tuple(
    Parameter(name=name, place="query", type=type_, summary=summary)
    for name, type_, summary in (
        ("status", str, "Only jobs in this state: queued, running, done, failed or cancelled."),
        ("origin", str, "Only jobs of this origin."),
        ("workflow", str, "Only jobs of this workflow."),
        ("limit", int, "At most so many."),
        ("after", str, "Those that follow the job of this name."),
    )
)


class Listing:
    """The jobs that a request wants, read strictly; parameters that are not known change nothing."""

    def __init__(self, request: Request) -> None:
        query = request.query_params
        self._origin = query.get("origin")
        self._status = query.get("status")
        self._workflow = query.get("workflow")
        self._after = query.get("after")
        if self._status is not None and self._status not in STATES:
            raise Invalid("status must be queued, running, done, failed or cancelled", field="status")
        self._limit = _limit(query.get("limit"))

    async def chosen(self, engine: Engine) -> list[Job]:
        """Return the jobs, newest first, without their results. Raises `Invalid` when `after` names none."""
        anchor = None if self._after is None else await _anchor(engine, self._after)
        query, found = self._query(anchor), list[Job]()
        takes_all = anchor is None and self._status is None and self._workflow is None
        while True:
            page = await engine.list(query)
            found += page.jobs if takes_all else [job for job in page.jobs if self._passes(job, anchor)]
            if page.cursor is None or (self._limit is not None and len(found) >= self._limit):
                return found[: self._limit]
            query = replace(query, cursor=page.cursor)

    def _query(self, anchor: Job | None) -> Query:
        states, reason = (None, None) if self._status is None else STATES[self._status]
        return Query(
            kind=KIND,
            states=states,
            end_reason=reason,
            origin=self._origin,
            until=None if anchor is None else anchor.created_at + timedelta(microseconds=1),
            brief=True,
            limit=None if self._limit is None else PAGE,
        )

    def _passes(self, job: Job, anchor: Job | None) -> bool:
        if anchor is not None and (job.created_at, job.id) >= (anchor.created_at, anchor.id):
            return False
        return self._status in {None, status(job)} and self._workflow in {None, job.spec.get("workflow")}


async def _anchor(engine: Engine, name: str) -> Job:
    try:
        return await engine.find(name, kind=KIND)
    except NotFound:
        raise Invalid("after must be the name of a stored job", field="after") from None


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and 0 < int(text) <= MOST):
        raise Invalid(f"limit must be a whole number between 1 and {MOST}", field="limit")
    return int(text)
