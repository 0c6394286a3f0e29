"""The media panel: jobs that measure features on a file, in the words of the Jobs contract (media 2)."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Conflict, Invalid, NotFound, TriptychError
from triptych.media.features import FEATURES, FeatureEntry
from triptych.media.inputs import UNPROCESSABLE, peek
from triptych.media.slots import Empty, find
from triptych.model import Job, Query
from triptych.panels.annotations import item, status, view
from triptych.panels.http import Panel, Parameter, Role, Route, Service, json_answer, read_body, read_json, service
from triptych.panels.submissions import KIND, Fault, Refused, absence, understand

BODY_CAP_BYTES = 8 * 1024 * 1024
BODY_DEPTH = 64
PEEK_S = 0.05
BY = "media"
RETRY_AFTER_S = "5"

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "FAILED_PRECONDITION",
    413: "TOO_LARGE",
    422: "UNPROCESSABLE",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""The status word of each HTTP status (media G8)."""

BY_CODE = {
    "invalid": 400,
    "body_truncated": 400,
    "body_trailing": 400,
    "body_not_json": 400,
    "invalid_key": 400,
    "not_available_yet": 400,
    "not_authenticated": 401,
    "not_authorised": 403,
    "host_not_allowed": 403,
    "cross_site": 403,
    "too_many_starts": 429,
    "forbidden": 403,
    "method_not_allowed": 405,
    "too_large": 413,
    UNPROCESSABLE: 422,
    "queue_full": 429,
    "unavailable": 503,
    "store_unavailable": 503,
    "worker_not_connected": 503,
    "worker_not_answering": 503,
    "worker_draining": 503,
    "stop_not_confirmed": 503,
}
"""The HTTP status of each code; a fault of another code goes by its class."""


class Made(msgspec.Struct, frozen=True, omit_defaults=True):
    """The new job."""

    name: str
    warnings: tuple[str, ...] = ()


class Cancelled(msgspec.Struct, frozen=True):
    """A job and where it stands."""

    name: str
    status: str


class Nothing(msgspec.Struct, frozen=True):
    """An empty object."""


class Detail(msgspec.Struct, frozen=True):
    """One fault of a request."""

    field: str
    reason: str


class Problem(msgspec.Struct, frozen=True):
    """What is wrong: `message` is the first fault, `details` holds all."""

    code: int
    status: str
    message: str
    details: tuple[Detail, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """How every error under `/api/ai` is told."""

    error: Problem


async def create(request: Request) -> Response:
    """Check the whole request, look at the input, and put the job in the queue."""
    parts = service(request)
    body = await read_body(request, BODY_CAP_BYTES)
    key = _idempotency_key(request)
    asked = await asyncio.to_thread(understand, _parsed(body), parts.settings.cores, parts.settings.model_folder)
    await _peek(parts, asked.spec.input_uri)
    fingerprint = hashlib.sha256(b"annotate" + body).hexdigest() if key else None
    job = await parts.engine.submit(asked.submission(key, fingerprint))
    return json_answer(Made(name=job.id, warnings=asked.warnings))


async def list_jobs(request: Request) -> Response:
    """Tell every stored job in a few words, newest first."""
    wanted = _Filter(request)
    page = await service(request).engine.list(Query(kind=KIND, origin=wanted.origin, limit=None))
    return json_answer([item(job) for job in wanted.chosen(page.jobs)])


async def show(request: Request) -> Response:
    """Tell everything about one job."""
    return json_answer(view(await _find(request), nested=request.query_params.get("view") == "nested"))


async def cancel(request: Request) -> Response:
    """Cancel a job; one that is over stays as it is. The body is not read."""
    job = await _find(request)
    stopped = await service(request).engine.stop(job.id, by=BY)
    return json_answer(Cancelled(name=stopped.id, status=status(stopped)))


async def delete(request: Request) -> Response:
    """Cancel a job if it is live, and forget it."""
    job = await _find(request)
    engine = service(request).engine
    await engine.stop(job.id, by=BY)
    await engine.forget(job.id)
    return json_answer(Nothing())


async def list_features(request: Request) -> Response:
    """Tell every feature that the contract knows, and why those that cannot be had here cannot."""
    models_dir = service(request).settings.model_folder
    return json_answer(await asyncio.to_thread(lambda: [_feature(name, entry, models_dir) for name, entry in FEATURES.items()]))


def refuse(fault: TriptychError, _request: Request) -> Response:
    """Return a fault in the one error body of this contract (media G8)."""
    code = _status(fault)
    word = "ALREADY_EXISTS" if fault.code == "key_reused" else STATUSES[code]
    faults = fault.faults if isinstance(fault, Refused) else [Fault(fault.field, fault.message)] if fault.field else []
    details = tuple(Detail(one.field, one.detail) for one in faults)
    headers = {"retry-after": RETRY_AFTER_S} if code in {429, 503} else None
    return json_answer(Failure(Problem(code, word, fault.message, details)), code, headers)


def _status(fault: TriptychError) -> int:
    if fault.code in BY_CODE:
        return BY_CODE[fault.code]
    classes = ((NotFound, 404), (Conflict, 409), (Invalid, 400))
    return next((code for kind, code in classes if isinstance(fault, kind)), 500)


def _parsed(body: bytes) -> object:
    try:
        return read_json(body, depth=BODY_DEPTH)
    except Invalid as fault:
        reason = "syntax error or too deep" if fault.message == "body is not valid JSON" else fault.message
        raise Invalid(f"body is not valid JSON: {reason}", code=fault.code) from None


async def _peek(parts: Service, uri: str) -> None:
    """Look at the input for at most 50 ms; what takes longer is judged by the job (media U0)."""
    look = asyncio.create_task(asyncio.to_thread(peek, uri, [str(root) for root in parts.settings.media_roots]))
    done, _ = await asyncio.wait({look}, timeout=PEEK_S)
    if done:
        await look
    else:
        look.add_done_callback(lambda late: late.cancelled() or late.exception())


async def _find(request: Request) -> Job:
    name = request.path_params["name"]
    if not _NAME.fullmatch(name):
        raise NotFound("job not found", code="job_not_found")
    try:
        return await service(request).engine.find(name, kind=KIND)
    except NotFound:
        raise NotFound("job not found", code="job_not_found") from None


class _Filter:
    """Which jobs a list holds: the query of one request, read strictly."""

    def __init__(self, request: Request) -> None:
        query = request.query_params
        self.origin = query.get("origin")
        self._status = query.get("status")
        self._workflow = query.get("workflow")
        self._after = query.get("after")
        limit = query.get("limit")
        if limit is not None and not (limit.isdecimal() and 0 < int(limit) <= _MOST):
            raise Invalid(f"limit must be a whole number between 1 and {_MOST}", field="limit")
        self._limit = int(limit) if limit is not None else None

    def chosen(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs that pass, those after the named one, at most as many as wanted."""
        names = [job.id for job in jobs]
        start = names.index(self._after) + 1 if self._after in names else 0
        passing = [job for job in jobs[start:] if self._passes(job)]
        return passing[: self._limit]

    def _passes(self, job: Job) -> bool:
        return self._status in {None, status(job)} and self._workflow in {None, job.spec.get("workflow")}


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid("Idempotency-Key must be 1 to 200 visible ASCII characters", code="invalid_key", field="Idempotency-Key")
    return key


def _feature(name: str, entry: FeatureEntry, models_dir: Path) -> dict[str, object]:
    lack = absence(name, entry, models_dir)
    told: dict[str, object] = {"name": name, "available": lack is None, "needsModel": entry.model is not None}
    if entry.model is not None:
        told["model"] = _model(entry.model, models_dir)
    told |= {"configKey": entry.config_key, "resultKey": entry.result_key, "alarmable": entry.alarmable}
    return told if lack is None else {**told, "reason": Fault(name, lack.reason, lack.mend).detail}


def _model(slot: str, models_dir: Path) -> dict[str, object]:
    """Tell what fills a slot; an empty one has its name alone."""
    found = find(slot, models_dir)
    if isinstance(found, Empty):
        return {"name": slot, "version": None, "sha256": None, "licence": None}
    facts = {"version": found.version, "sha256": found.sha256, "licence": found.licence, "measuredOn": found.measured_on}
    return {"name": found.name, **facts}


_NAME = re.compile(r"[0-9a-f]{24}")
_KEY = re.compile(r"[!-~]{1,200}")
_MOST = 1_000_000
_QUERIES = tuple(
    Parameter(name=name, place="query", type=type_, summary=summary)
    for name, type_, summary in (
        ("status", str, "Only jobs in this state: queued, running, done, failed or cancelled."),
        ("origin", str, "Only jobs of this origin."),
        ("workflow", str, "Only jobs of this workflow."),
        ("limit", int, "At most so many."),
        ("after", str, "Those that follow the job of this name."),
    )
)

PANEL = Panel(
    name="media",
    refuse=refuse,
    error=Failure,
    routes=(
        Route(
            method="POST",
            path="/api/ai/jobs",
            handler=create,
            role=Role.OPERATOR,
            summary="Submit a file and the features to measure on it.",
            request=dict[str, Any],
            answer=Made,
            errors=(400, 403, 404, 409, 413, 422, 429, 503),
            parameters=(
                Parameter(name="Idempotency-Key", place="header", type=str, summary="A repeat of the same body returns the same job."),
            ),
            tag="media",
        ),
        Route(
            method="GET",
            path="/api/ai/jobs",
            handler=list_jobs,
            role=Role.VIEWER,
            summary="List all stored jobs, newest first.",
            answer=list[dict[str, Any]],
            errors=(400, 403),
            parameters=_QUERIES,
            tag="media",
        ),
        Route(
            method="POST",
            path="/api/ai/jobs/{name}:cancel",
            handler=cancel,
            role=Role.OPERATOR,
            summary="Cancel a job.",
            answer=Cancelled,
            errors=(403, 404, 503),
            tag="media",
        ),
        Route(
            method="POST",
            path="/api/ai/jobs/{name}/cancel",
            handler=cancel,
            role=Role.OPERATOR,
            summary="Cancel a job.",
            answer=Cancelled,
            errors=(403, 404, 503),
            tag="media",
        ),
        Route(
            method="GET",
            path="/api/ai/jobs/{name}",
            handler=show,
            role=Role.VIEWER,
            summary="Tell the progress of a job, and its result once it is done.",
            answer=dict[str, Any],
            errors=(403, 404),
            parameters=(
                Parameter(name="view", place="query", type=str, summary="`nested` moves the annotations into `annotationResults`."),
            ),
            tag="media",
        ),
        Route(
            method="DELETE",
            path="/api/ai/jobs/{name}",
            handler=delete,
            role=Role.OPERATOR,
            summary="Cancel a job if it is live, and forget it.",
            answer=Nothing,
            errors=(403, 404, 409, 503),
            tag="media",
        ),
        Route(
            method="GET",
            path="/api/ai/features",
            handler=list_features,
            role=Role.VIEWER,
            summary="List the features, and why those that are missing are.",
            answer=list[dict[str, Any]],
            errors=(403,),
            tag="media",
        ),
    ),
)
