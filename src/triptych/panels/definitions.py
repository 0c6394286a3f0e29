"""What cameras there are: listed with their secrets masked, made, changed and deleted (camera 6, `/api/cameras`)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.camera.definition import DEFAULT_CAMERA, Definition, read_definition
from triptych.camera.parameters import ACTIVITIES, read_label
from triptych.errors import Conflict, Invalid, NotFound
from triptych.ids import make_id
from triptych.media.sources import HIDDEN
from triptych.media.sources import masked as masked_url
from triptych.model import LIVE, Query
from triptych.panels.cameras import DEFINITIONS, KIND, PARAMETERS, Camera, everyone, named, words
from triptych.panels.happenings import Happened
from triptych.panels.http import Handler, Parameter, Role, Route, Service, caller, json_answer, read_body, read_json, service
from triptych.posts import check_target
from triptych.webhooks import CAMERA_ALARM, Target

OK = {"status": "OK"}
MOST_BYTES = 64 * 1024
MOST_CAMERAS = 1000
DEEPEST = 8
SECRETS = frozenset({"password", "secret", "key"})
MOST_SECRET = 256
ENDING = timedelta(milliseconds=500)
"""How long a session that was stopped may take to be over."""


async def list_cameras(request: Request) -> Response:
    """Answer every camera and what it is made of."""
    words(request, frozenset({"admin_id"}))
    cameras, states = await everyone(service(request).catalog), service(request).happenings.states
    shown = [{**_shown(camera_id, definition), **_standing(states.get(camera_id))} for camera_id, definition in cameras]
    return json_answer({**OK, "data": shown})


async def create(request: Request) -> Response:
    """Keep a new camera."""
    door, document = service(request), await _document(request)
    if len(await everyone(door.catalog)) >= MOST_CAMERAS:
        raise Conflict(f"There are {MOST_CAMERAS} cameras already.", code="conflict")
    camera_id = make_id("uuid", door.clock.now())
    await _save(request, camera_id, _read(door, document))
    return json_answer({**OK, "data": {"id": camera_id}})


async def change(request: Request) -> Response:
    """Change some keys of a camera that is not at work."""
    door, document = service(request), await _document(request)
    async with door.editing:
        camera = await _wanted(request)
        before: dict[str, Any] = msgspec.to_builtins(camera.definition)
        await _check_idle(door, camera.id)
        await _save(request, camera.id, _read(door, before | _revealed(document, before)))
    return json_answer(OK)


async def delete(request: Request) -> Response:
    """Forget a camera that is not at work; what it recorded stays."""
    door = service(request)
    async with door.editing:
        camera = await _wanted(request)
        if camera.id == DEFAULT_CAMERA:
            raise Invalid("id must not be that of the default camera.", field="id")
        await _check_idle(door, camera.id)
        await door.catalog.drop(DEFINITIONS, camera.id)
        await door.catalog.drop(PARAMETERS, camera.id)
        await _tell_of_alarms(door, camera.id, None)
        door.audit.note(caller(request).who, "camera.delete", camera=camera.id)
    return json_answer(OK)


async def _wanted(request: Request) -> Camera:
    query = words(request, frozenset({"id", "admin_id"}))
    if not query.get("id"):
        raise Invalid("id must be the id of a camera.", field="id")
    try:
        return await named(request, {"camera": query["id"]})
    except NotFound:
        raise NotFound("id must be the id of a camera.", code="camera_not_found", field="id") from None


async def _document(request: Request) -> dict[str, Any]:
    document = read_json(await read_body(request, MOST_BYTES), depth=DEEPEST)
    if not isinstance(document, dict):
        raise Invalid("The body must be a JSON object.", field="body")
    return document


def _read(door: Service, document: Mapping[str, Any]) -> Definition:
    definition = read_definition(document)
    read_label(definition.name, "name")
    if definition.webhook is not None:
        check_target(definition.webhook.url, door.settings.inputs.beside_roots)
    return definition


async def _check_idle(door: Service, camera_id: str) -> None:
    """Raise `Conflict` while a session of the camera goes on; one that is just ending is waited for."""
    page = await door.engine.list(Query(kind=KIND, states=LIVE, limit=None, brief=True))
    jobs = [job.id for job in page.jobs if job.spec.get("camera") == camera_id]
    ends = [await door.engine.wait(job_id, ENDING) for job_id in jobs]
    if any(job.state in LIVE for job in ends):
        raise Conflict("The camera is at work: stop its session first.", code="conflict")


async def _save(request: Request, camera_id: str, definition: Definition) -> None:
    door = service(request)
    await door.catalog.put(DEFINITIONS, camera_id, msgspec.to_builtins(definition))
    await _tell_of_alarms(door, camera_id, definition)
    door.audit.note(caller(request).who, "camera.save", camera=camera_id)


async def _tell_of_alarms(door: Service, camera_id: str, definition: Definition | None) -> None:
    """Let the camera's webhook, if it has one, be told of its alarms."""
    target_id = CAMERA_ALARM.target(camera_id)
    if definition is not None and definition.webhook is not None:
        hook = definition.webhook
        await door.herald.keep(Target(id=target_id, url=hook.url, secret=hook.secret, events=(CAMERA_ALARM.name,)))
    elif door.herald.knows(target_id):
        await door.herald.remove(target_id)


def _shown(camera_id: str, definition: Definition) -> dict[str, Any]:
    document: dict[str, Any] = masked(msgspec.to_builtins(definition))
    first = {"id": camera_id, "name": document.pop("name"), "default": camera_id == DEFAULT_CAMERA}
    return {**first, **document, **definition.looks()}


def _standing(last: Happened | None) -> dict[str, Any]:
    """Return how a camera stood when it was last heard of: `state`, and the `fault` of one that failed (camera 9)."""
    told: Mapping[str, Any] = {} if last is None else last.data
    failed = any(told.get(cause, {}).get("state") == "failed" for cause in ACTIVITIES)
    fault = next((str(warning) for warning in told.get("warnings", ()) if failed), None)
    return {"state": "failed" if failed else told.get("state", "idle"), "fault": fault}


def masked(document: Any) -> Any:
    """Return a JSON value with every password, secret and key in it hidden, those in URLs too."""
    if isinstance(document, dict):
        return {key: HIDDEN if key in SECRETS and value is not None else masked(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [masked(value) for value in document]
    return masked_url(document) if isinstance(document, str) else document


def _revealed(document: Any, before: Any) -> Any:
    """Return what was sent with each secret that came back hidden put in again, as it was."""
    if isinstance(document, dict) and isinstance(before, dict):
        return {key: _put_back(key, value, before.get(key)) for key, value in document.items()}
    return before if isinstance(document, str) and document != before and document == masked(before) else document


def _put_back(key: str, value: Any, before: Any) -> Any:
    return before if key in SECRETS and value == HIDDEN else _revealed(value, before)


_ID = Parameter(name="id", place="query", type=str, summary="The id of a camera.", required=True)


def _route(method: str, handler: Handler, role: Role, summary: str, **more: Any) -> Route:
    return Route(method=method, path="/api/cameras", handler=handler, role=role, summary=summary, tag="camera", **more)


ROUTES = (
    _route("GET", list_cameras, Role.VIEWER, "Return every camera."),
    _route("POST", create, Role.ADMIN, "Make a camera.", request=Definition),
    _route("PATCH", change, Role.ADMIN, "Change some keys of a camera that is not at work.", parameters=(_ID,)),
    _route("DELETE", delete, Role.ADMIN, "Forget a camera; what it recorded stays.", parameters=(_ID,)),
)
