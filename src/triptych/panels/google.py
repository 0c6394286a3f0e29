"""The view of Google Video Intelligence v1: its clients submit, follow and cancel the media panel's jobs in its words (media 6)."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Invalid, NotFound, TriptychError
from triptych.media import content
from triptych.model import Job, Query, State
from triptych.panels.bodies import parse_value
from triptych.panels.courier import output_path
from triptych.panels.faults import Fault, Refused
from triptych.panels.googleasks import AnnotateVideoRequest, Asked, read
from triptych.panels.googleviews import FORGOTTEN, is_operation, operation
from triptych.panels.http import Panel, Parameter, Role, Route, Service, json_answer, read_body, repeat_key, service
from triptych.panels.media import RETRY_AFTER_S, http_status
from triptych.panels.mediajobs import BY, look
from triptych.panels.repeats import KEY
from triptych.panels.submissions import KIND
from triptych.settings import Settings

BODY_CAP_BYTES = 96 * 1024 * 1024
IN_THREAD_ABOVE_BYTES = 1024 * 1024
"""A longer body is parsed beside the loop, which would stand still meanwhile."""

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""The word of google.rpc.Code that each HTTP status is told with."""


class FieldViolation(msgspec.Struct, frozen=True):
    """One fault of a request."""

    field: str
    description: str


class BadRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Every fault of a request."""

    type: str = msgspec.field(name="@type", default="type.googleapis.com/google.rpc.BadRequest")
    fieldViolations: tuple[FieldViolation, ...]  # noqa: N815 - as documented


class GoogleStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong: `message` is the first fault, `details` holds all."""

    code: int
    message: str
    status: str
    details: tuple[BadRequest, ...] = ()


class GoogleFailure(msgspec.Struct, frozen=True):
    """How every error under `/v1` is told."""

    error: GoogleStatus


class Empty(msgspec.Struct, frozen=True):
    """An empty object."""


async def annotate(request: Request) -> Response:
    """Check the whole request, look at the input, and put the job in the queue."""
    parts = service(request)
    body = await read_body(request, BODY_CAP_BYTES)
    asked = await _asked(body, parts.settings)
    if asked.google.output_uri is not None:
        output_path(asked.google.output_uri, parts.settings)
    if not asked.content and (faults := await look(parts, asked.understood.spec.input_uri)):
        raise Refused(faults)
    job = await _submitted(parts, asked, repeat_key(request))
    if parts.expect is not None:
        parts.expect(job)
    return json_answer(operation(job, numbers=_numbers(request)))


async def show(request: Request) -> Response:
    """Tell where an operation stands, and its response once it is done."""
    return json_answer(operation(await _find(request), numbers=_numbers(request)))


async def list_operations(request: Request) -> Response:
    """Tell every operation, newest first."""
    done = _done(request.query_params.get("filter", ""))
    page = await service(request).engine.list(Query(kind=KIND, limit=None))
    chosen = [job for job in page.jobs if is_operation(job) and done in {None, job.state is State.ENDED}]
    return json_answer({"operations": [operation(job, numbers=_numbers(request)) for job in chosen]})


async def cancel(request: Request) -> Response:
    """Cancel the job of an operation; one that is over stays as it is. The body is not read."""
    job = await _find(request)
    await service(request).engine.stop(job.id, by=BY)
    return json_answer(Empty())


async def delete(request: Request) -> Response:
    """Forget an operation here and nowhere else: its job goes on, and stays under `/api`."""
    job = await _find(request)
    await service(request).engine.mark(job.id, **{FORGOTTEN: True})
    return json_answer(Empty())


def refuse(fault: TriptychError, _request: Request) -> Response:
    """Return a fault in Google's error body (media V7)."""
    code = http_status(fault)
    code = 400 if code == 422 else code  # noqa: PLR2004 - v1 knows no 422
    word = "ALREADY_EXISTS" if fault.code == "key_reused" else STATUSES[code]
    faults = fault.faults if isinstance(fault, Refused) else [Fault(fault.field, fault.message)] if fault.field else []
    violations = tuple(FieldViolation(one.field, one.detail) for one in faults)
    details = (BadRequest(fieldViolations=violations),) if violations else ()
    headers = {"retry-after": RETRY_AFTER_S} if code in {429, 503} else None
    return json_answer(GoogleFailure(GoogleStatus(code, fault.message, word, details)), code, headers)


async def _asked(body: bytes, settings: Settings) -> Asked:
    def understood() -> Asked:
        return read(parse_value(body), settings.cores, settings.inputs.beside_roots, models_dir=settings.model_folder)

    return understood() if len(body) <= IN_THREAD_ABOVE_BYTES else await asyncio.to_thread(understood)


async def _submitted(parts: Service, asked: Asked, key: str | None) -> Job:
    """Submit the job, its content on the disk before it; what no job came to need is taken back."""
    folder = parts.settings.data_dir
    name = await asyncio.to_thread(content.keep, folder, asked.content) if asked.content else None
    spec = msgspec.structs.replace(asked.understood.spec, content=name, google=asked.google)
    ask = replace(asked.understood, spec=spec)
    job = None
    try:
        job = await parts.engine.submit(ask.submission(key, key))
    finally:
        if name is not None and (job is None or job.spec.get("content") != name):
            await asyncio.to_thread(content.drop, folder, name)
    return job


async def _find(request: Request) -> Job:
    name = request.path_params["operation"]
    try:
        job = await service(request).engine.find(name, kind=KIND) if _NAME.fullmatch(name) else None
    except NotFound:
        job = None
    if job is None or not is_operation(job):
        raise NotFound("operation not found", code="job_not_found")
    return job


def _done(asked: str) -> bool | None:
    found = _FILTER.fullmatch(asked)
    if found is None:
        raise Invalid("filter must be done=true or done=false", field="filter")
    return {"": None, "true": True, "false": False}[found[1] or ""]


def _numbers(request: Request) -> bool:
    """Say whether enums are to be numbers (media V2)."""
    return "enum-encoding=int" in request.query_params.get("$alt", "").split(";")


_NAME = re.compile(r"[0-9a-f]{24}")
_FILTER = re.compile(r"\s*(?:done\s*=\s*(true|false)\s*)?")
_ALT = Parameter(name="$alt", place="query", type=str, summary="`json;enum-encoding=int` tells enums as numbers.")
_KEY = Parameter(name="key", place="query", type=str, summary="A token, where neither Authorization nor X-Goog-Api-Key brings one.")
_COMMON = (_ALT, _KEY)
_PATHS = (
    "/v1/projects/{project}/locations/{location}/operations/{operation}",
    "/v1/operations/projects/{project}/locations/{location}/operations/{operation}",
    "/v1/operations/{operation}",
)
"""The names of an operation."""


def _of_operation(path: str) -> tuple[Route, ...]:
    return (
        Route(
            method="POST",
            path=f"{path}:cancel",
            handler=cancel,
            role=Role.OPERATOR,
            summary="Cancel an operation.",
            keyed_bytes=BODY_CAP_BYTES,
            answer=Empty,
            errors=(403, 404, 503),
            parameters=(*_COMMON, KEY),
            tag="google",
        ),
        Route(
            method="GET",
            path=path,
            handler=show,
            role=Role.VIEWER,
            summary="Tell where an operation stands, and its response once it is done.",
            answer=dict[str, Any],
            errors=(403, 404),
            parameters=_COMMON,
            tag="google",
        ),
        Route(
            method="DELETE",
            path=path,
            handler=delete,
            role=Role.OPERATOR,
            summary="Forget an operation in this view; its job stays under /api.",
            answer=Empty,
            errors=(403, 404, 503),
            parameters=_COMMON,
            tag="google",
        ),
    )


PANEL = Panel(
    name="google",
    refuse=refuse,
    error=GoogleFailure,
    takes_keys=True,
    routes=(
        Route(
            method="POST",
            path="/v1/videos:annotate",
            handler=annotate,
            role=Role.OPERATOR,
            summary="Submit a video and the features to find on it.",
            request=AnnotateVideoRequest,
            keyed_bytes=BODY_CAP_BYTES,
            answer=dict[str, Any],
            errors=(400, 403, 404, 409, 413, 429, 503),
            parameters=(
                *_COMMON,
                Parameter(
                    name="Idempotency-Key", place="header", type=str, summary="A repeat of the same body returns the same operation."
                ),
            ),
            tag="google",
        ),
        Route(
            method="GET",
            path="/v1/projects/{project}/locations/{location}/operations",
            handler=list_operations,
            role=Role.VIEWER,
            summary="List the operations, newest first.",
            answer=dict[str, Any],
            errors=(400, 403),
            parameters=(*_COMMON, Parameter(name="filter", place="query", type=str, summary="`done=true` or `done=false`.")),
            tag="google",
        ),
        *(route for path in _PATHS for route in _of_operation(path)),
    ),
)
