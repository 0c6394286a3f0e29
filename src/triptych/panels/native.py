"""The native API under /api/v1: jobs of every kind, their output and events, workers, and the server's own state."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from triptych.engine import Engine
from triptych.errors import Forbidden
from triptych.model import HELD_BY_WORKER, Happening, Job, Query, State, Worker
from triptych.panels import access, health, limits, openapi, outputs, problem
from triptych.panels.asks import (
    IF_NONE_MATCH,
    KEY,
    LAST_EVENT,
    DescribedAsk,
    EventsQuery,
    JobQuery,
    ListQuery,
    StopAsk,
    given,
    idempotency_key,
    label,
    last_event,
    read_command,
    submission,
)
from triptych.panels.http import Handler, Panel, Role, Route, ServerSentEvent, event_stream, json_answer, service
from triptych.panels.queries import parameters, read_query, read_request
from triptych.panels.records import (
    EventRecord,
    JobPage,
    JobRecord,
    WorkerList,
    WorkerRecord,
    event_record,
    job_page,
    job_record,
    worker_record,
)

ORIGIN = "api"
TAG = "native"
REFUSED_PATHS = frozenset({"path_outside", "path_dash", "path_not_file"})


async def submit(request: Request) -> Response:
    """Take a job; it is durable before the answer and runs as soon as a fitting worker has room.

    Only a worker can tell whether a path lies in its roots, so where one is named and a worker takes the job now, its word is waited for.
    """
    asked = await read_command(request)
    engine = service(request).engine
    begun = engine.clock.now()
    limits.check(asked, await engine.workers())
    job = await engine.submit(submission(asked, idempotency_key(request), begun))
    if asked.script is not None or asked.cwd not in {"work", "root"}:
        job = await engine.begun(job.id)
        _check_path(job)
    answer = _record(job, 201 if job.created_at >= begun else 200)
    answer.headers["location"] = f"/api/v1/jobs/{job.id}"
    return answer


def _check_path(job: Job) -> None:
    fault = job.end.fault if job.end is not None else None
    if fault is not None and fault.code in REFUSED_PATHS:
        raise Forbidden(fault.message, code=fault.code)


async def list_jobs(request: Request) -> Response:
    """List jobs of every kind, newest first."""
    asked = read_query(request, ListQuery)
    query = Query(
        kind=given(asked.kind),
        states=frozenset(asked.state) or None,
        end_reason=given(asked.end_reason),
        worker_id=given(asked.worker),
        label=label(asked),
        text=given(asked.text),
        origin=given(asked.origin),
        since=given(asked.since),
        until=given(asked.until),
        cursor=given(asked.cursor),
        limit=asked.limit,
    )
    return json_answer(job_page(await service(request).engine.list(query)))


async def get_job(request: Request) -> Response:
    """Return one job, at once or when it has ended."""
    asked = read_query(request, JobQuery)
    engine, job_id = service(request).engine, request.path_params["id"]
    job = await (engine.wait(job_id, timedelta(seconds=asked.wait_s)) if asked.wait_s else engine.find(job_id))
    if _etag(job) in request.headers.get("if-none-match", "").replace(" ", "").split(","):
        return Response(status_code=304, headers={"etag": _etag(job)})
    return _record(job)


async def stop_job(request: Request) -> Response:
    """Stop a job and return it once its tree is verified empty, or as it is after `wait_s`; the stop goes on then."""
    asked = await read_request(request, StopAsk)
    engine, job_id = service(request).engine, request.path_params["id"]
    stopping = asyncio.ensure_future(engine.stop(job_id, by=ORIGIN, grace_s=asked.grace_s))
    done, _ = await asyncio.wait({stopping}, timeout=asked.wait_s)
    if done:
        return _record(stopping.result())
    stopping.cancel()
    return _record(await engine.find(job_id))


async def pause_job(request: Request) -> Response:
    """Hold a job where it stands."""
    return _record(await service(request).engine.pause(request.path_params["id"], by=ORIGIN))


async def resume_job(request: Request) -> Response:
    """Let a held job go on."""
    return _record(await service(request).engine.resume(request.path_params["id"], by=ORIGIN))


async def job_events(request: Request) -> Response:
    """Send what happened and happens to one job, from its beginning unless told otherwise; ends with the job."""
    asked = read_query(request, EventsQuery)
    engine = service(request).engine
    job = await engine.find(request.path_params["id"])
    return event_stream(_until_ended(engine.watch(after=last_event(request, asked) or 0, job_id=job.id)))


async def events(request: Request) -> Response:
    """Send what happens to every job from now on, or from where the client left off."""
    asked = read_query(request, EventsQuery)
    return event_stream(_told(service(request).engine.watch(after=last_event(request, asked))))


async def list_workers(request: Request) -> Response:
    """List the workers, by id."""
    engine = service(request).engine
    used = await _slots_used(engine)
    return json_answer(WorkerList(workers=tuple(worker_record(worker, used[worker.id]) for worker in await engine.workers())))


async def get_worker(request: Request) -> Response:
    """Return one worker."""
    engine = service(request).engine
    return await _worker(engine, await engine.worker(request.path_params["id"]))


async def drain_worker(request: Request) -> Response:
    """Give a worker no more jobs."""
    engine = service(request).engine
    return await _worker(engine, await engine.drain(request.path_params["id"]))


async def undrain_worker(request: Request) -> Response:
    """Give a worker jobs again."""
    engine = service(request).engine
    return await _worker(engine, await engine.undrain(request.path_params["id"]))


async def remove_worker(request: Request) -> Response:
    """Forget a worker that has no live job."""
    engine = service(request).engine
    return await _worker(engine, await engine.remove(request.path_params["id"]))


async def _worker(engine: Engine, worker: Worker) -> Response:
    return json_answer(worker_record(worker, (await _slots_used(engine))[worker.id]))


async def _slots_used(engine: Engine) -> defaultdict[str | None, Counter[str]]:
    """Return how many jobs of each kind each worker holds."""
    used: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for job in (await engine.list(Query(states=HELD_BY_WORKER, limit=None))).jobs:
        used[job.worker_id][job.kind] += 1
    return used


async def _until_ended(happenings: AsyncIterator[Happening]) -> AsyncGenerator[ServerSentEvent]:
    async for event in _told(happenings):
        yield event
        if isinstance(event.data, EventRecord) and event.data.state is State.ENDED:
            return


async def _told(happenings: AsyncIterator[Happening]) -> AsyncGenerator[ServerSentEvent]:
    async for happening in happenings:
        yield ServerSentEvent(data=event_record(happening), event=happening.note, id=str(happening.number))


def _record(job: Job, status: int = 200) -> Response:
    return json_answer(job_record(job), status, {"etag": _etag(job)})


def _etag(job: Job) -> str:
    return f'W/"{job.id}-{job.revision}"'


def _get(path: str, handler: Handler, summary: str, answer: object, *, errors: tuple[int, ...] = (), **more: Any) -> Route:
    return Route(
        method="GET",
        path=f"/api/v1/{path}",
        handler=handler,
        role=Role.VIEWER,
        summary=summary,
        answer=answer,
        errors=errors,
        tag=TAG,
        **more,
    )


def _post(path: str, handler: Handler, summary: str, errors: tuple[int, ...], **more: Any) -> Route:
    given: dict[str, Any] = {"method": "POST", "role": Role.OPERATOR, "answer": JobRecord} | more
    return Route(path=f"/api/v1/{path}", handler=handler, summary=summary, errors=errors, tag=TAG, **given)


PANEL = Panel(
    name="native",
    refuse=problem.refuse,
    error=problem.Problem,
    error_media_type=problem.MEDIA_TYPE,
    routes=(
        _post(
            "jobs", submit, "Submit a job.", (200, 400, 403, 404, 409, 413, 422, 503), request=DescribedAsk, status=201, parameters=(KEY,)
        ),
        _get("jobs", list_jobs, "List jobs of every kind, newest first.", JobPage, errors=(400, 422), parameters=parameters(ListQuery)),
        _get(
            "jobs/{id}",
            get_job,
            "Read a job, at once or when it has ended.",
            JobRecord,
            errors=(304, 400, 404),
            parameters=(*parameters(JobQuery), IF_NONE_MATCH),
        ),
        _post("jobs/{id}/stop", stop_job, "Stop a job and all that it started.", (400, 404, 413, 422, 503), request=StopAsk),
        _post("jobs/{id}/pause", pause_job, "Hold a job where it stands.", (404, 409, 503)),
        _post("jobs/{id}/resume", resume_job, "Let a held job go on.", (404, 409, 503)),
        *outputs.ROUTES,
        _get(
            "jobs/{id}/events",
            job_events,
            "Follow one job.",
            EventRecord,
            errors=(400, 404),
            parameters=(*parameters(EventsQuery), LAST_EVENT),
            media_type="text/event-stream",
        ),
        _get(
            "events",
            events,
            "Follow every job.",
            EventRecord,
            errors=(400,),
            parameters=(*parameters(EventsQuery), LAST_EVENT),
            media_type="text/event-stream",
        ),
        _get("workers", list_workers, "List the workers.", WorkerList),
        _get("workers/{id}", get_worker, "Read one worker.", WorkerRecord, errors=(404,)),
        _post("workers/{id}/drain", drain_worker, "Give a worker no more jobs.", (404, 503), answer=WorkerRecord),
        _post("workers/{id}/undrain", undrain_worker, "Give a worker jobs again.", (404, 503), answer=WorkerRecord),
        _post(
            "workers/{id}",
            remove_worker,
            "Forget a worker that has no live job.",
            (404, 409, 503),
            method="DELETE",
            role=Role.ADMIN,
            answer=WorkerRecord,
        ),
        *access.ROUTES,
        *health.ROUTES,
        *openapi.ROUTES,
    ),
)
