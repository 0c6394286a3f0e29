"""Jobs of the media panel: submit, validate, list, tell, cancel, delete, follow (media 2.2)."""

import asyncio
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import StopNotConfirmed, TriptychError, Unavailable
from triptych.media import content
from triptych.media.inputs import is_remote, peek
from triptych.model import Job
from triptych.panels import following, probing
from triptych.panels.annotations import find_job, item, status, view
from triptych.panels.bodies import BODY_CAP_BYTES, Nothing, read_value
from triptych.panels.faults import Fault, Refused, Row
from triptych.panels.http import Handler, Parameter, Role, Route, Service, json_answer, repeat_key, service
from triptych.panels.listings import QUERIES, Listing
from triptych.panels.repeats import KEY
from triptych.panels.submissions import Understood, read
from triptych.panels.workflows import contexts

PEEK_S = 0.05
UNSEEN = "the input is fetched, and judged, when the job runs"
BY = "media"
TAG = "media"


class Made(msgspec.Struct, frozen=True, omit_defaults=True):
    """The new job."""

    name: str
    warnings: tuple[str, ...] = ()


class Valid(msgspec.Struct, frozen=True, omit_defaults=True):
    """What would be measured on the input, and how long it is."""

    valid: bool
    features: tuple[str, ...]
    duration: str | None = None
    warnings: tuple[str, ...] = ()


class Cancelled(msgspec.Struct, frozen=True):
    """A job and where it stands."""

    name: str
    status: str


async def create(request: Request) -> Response:
    """Check the whole request, look at the input, and put the job in the queue."""
    if service(request).closing.is_set():
        raise Unavailable("the server is going down", code="unavailable")
    asked = await _understood(request)
    key = repeat_key(request)
    job = await service(request).engine.submit(asked.submission(key, key))
    return json_answer(Made(name=job.id, warnings=asked.warnings))


async def validate(request: Request) -> Response:
    """Check the whole request, let a worker look at the input, and store nothing."""
    asked = await _understood(request)
    if is_remote(asked.spec.input_uri):
        return json_answer(Valid(True, asked.spec.features, warnings=(*asked.warnings, UNSEEN)))
    found = await probing.probe(service(request), asked.spec)
    return json_answer(Valid(True, asked.spec.features, found.duration, (*asked.warnings, *found.warnings)))


async def list_jobs(request: Request) -> Response:
    """Tell every stored job in a few words, newest first."""
    jobs = await Listing(request).chosen(service(request).engine)
    return await asyncio.to_thread(_listed, jobs)


async def show(request: Request) -> Response:
    """Tell everything about one job."""
    return json_answer(view(await find_job(request), nested=request.query_params.get("view") == "nested"))


async def cancel(request: Request) -> Response:
    """Cancel a job; one that is over stays as it is. What cannot be stopped yet reads running, and the wish is kept."""
    job = await find_job(request)
    engine = service(request).engine
    try:
        stopped = await engine.stop(job.id, by=BY)
    except (Unavailable, StopNotConfirmed) as fault:
        if fault.code == "store_unavailable":
            raise
        stopped = await engine.find(job.id)
    return json_answer(Cancelled(name=stopped.id, status=status(stopped)))


async def delete(request: Request) -> Response:
    """Cancel a job if it is live, and forget it with its alarms and recordings."""
    job = await find_job(request)
    parts = service(request)
    await parts.engine.stop(job.id, by=BY)
    await parts.registrar.forget(job.id, parts.engine.forget)
    if isinstance(name := job.spec.get("content"), str):
        await asyncio.to_thread(content.drop, parts.settings.data_dir, name)
    return json_answer(Nothing())


async def _understood(request: Request) -> Understood:
    """Return what the body asks for. Raises `Refused` with all that is wrong, from the body to the input."""
    parts = service(request)
    body = await read_value(request)
    known, settings = await contexts(parts.catalog, body), parts.settings
    step = partial(read, inputs=settings.inputs.beside_roots, models_dir=settings.model_folder)
    reading = await asyncio.to_thread(step, body, settings.cores, known, parts.cores.closed)
    faults = [*reading.faults, *(() if reading.uri is None else await look(parts, reading.uri))]
    if faults:
        raise Refused(faults)
    return reading.asked


async def look(parts: Service, uri: str) -> list[Fault]:
    """Look at the input for at most 50 ms and return what is wrong with it; what takes longer is judged by the job (media U0)."""
    roots, beside = [str(root) for root in parts.settings.media_roots], parts.settings.inputs.beside_roots
    glance = asyncio.create_task(asyncio.to_thread(peek, uri, roots, beside))
    done, _ = await asyncio.wait({glance}, timeout=PEEK_S)
    if not done:
        glance.add_done_callback(lambda late: late.cancelled() or late.exception())
        return []
    try:
        await glance
    except TriptychError as fault:
        return [Fault("inputUri", fault.message, Row.PLACE, fault.code)]
    return []


def _listed(jobs: list[Job]) -> Response:
    return json_answer([item(job) for job in jobs])


def _route(method: str, path: str, handler: Handler, summary: str, answer: object, *errors: int, **more: Any) -> Route:
    role = Role.VIEWER if method == "GET" else Role.OPERATOR
    keyed: dict[str, Any] = {"keyed_bytes": BODY_CAP_BYTES, "parameters": (KEY,)} if method == "POST" else {}
    return Route(
        method=method, path=path, handler=handler, role=role, summary=summary, answer=answer, errors=errors, tag=TAG, **{**keyed, **more}
    )


_ASKED: dict[str, Any] = {"request": dict[str, Any]}
_BAD = (400, 403, 404, 409, 413, 422, 429, 503)
_NAME = "/api/ai/jobs/{name}"

ROUTES = (
    _route("POST", "/api/ai/jobs", create, "Submit a file and the features to measure on it.", Made, *_BAD, **_ASKED),
    _route("POST", "/api/ai/jobs:validate", validate, "Check a submission and its input; nothing is stored.", Valid, *_BAD, **_ASKED),
    _route("GET", "/api/ai/jobs", list_jobs, "List all stored jobs, newest first.", list[dict[str, Any]], 400, 403, parameters=QUERIES),
    _route("POST", f"{_NAME}:cancel", cancel, "Cancel a job.", Cancelled, 403, 404, 503),
    _route("POST", f"{_NAME}/cancel", cancel, "Cancel a job.", Cancelled, 403, 404, 503),
    _route(
        "GET",
        f"{_NAME}/events",
        following.follow,
        "Follow a job: progress, findings, alarms, its end.",
        following.Event,
        400,
        403,
        404,
        parameters=(following.LAST_EVENT,),
        media_type="text/event-stream",
    ),
    _route(
        "GET",
        _NAME,
        show,
        "Tell the progress of a job, and its result once it is done.",
        dict[str, Any],
        403,
        404,
        parameters=(Parameter(name="view", place="query", type=str, summary="`nested` moves the annotations into `annotationResults`."),),
    ),
    _route("DELETE", _NAME, delete, "Cancel a job if it is live, and forget it.", Nothing, 403, 404, 409, 503),
)
