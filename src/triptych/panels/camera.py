"""The camera panel: `/api/job` by its contract, and the calls around it that exist so far (camera.md 2 and 6)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from triptych.camera.parameters import (
    ACTIVITIES,
    BARE_WORDS,
    CAUSES,
    MARK_LIST,
    NOT_GIVEN,
    Cause,
    Parameters,
    read_cause,
    read_mark,
    read_parameters,
    wants_pause,
)
from triptych.errors import Invalid, TriptychError
from triptych.model import Json
from triptych.panels.arm import ROUTES as MOVES
from triptych.panels.cameras import ANSWER_BOUND, Camera, Kept, ask, ask_in_session, keep, named, words
from triptych.panels.definitions import ROUTES as DEFINITIONS
from triptych.panels.footage import ROUTES as FOOTAGE
from triptych.panels.footage import refuse_bytes, wants_bytes
from triptych.panels.http import Handler, Panel, Parameter, Role, Route, caller, json_answer, read_body, read_json, service
from triptych.panels.livestreams import ROUTES as LIVE
from triptych.panels.livestreams import bring_targets
from triptych.panels.persons import ROUTES as PERSONS
from triptych.panels.positions import ROUTES as TABLES
from triptych.panels.positions import bring_scenario
from triptych.panels.revival import remember
from triptych.panels.shelf import ROUTES as SHELF
from triptych.panels.site import ROUTES as SITE
from triptych.panels.watching import ROUTES as WATCHING
from triptych.panels.watching import SOCKETS

KNOWN = frozenset({"mark", "admin_id", "cause", "pause", "camera", "target"})
MOST_BYTES = 64 * 1024
DEEPEST = 20
MESSAGE_CHARACTERS = 200
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
FORBIDDEN = 403
TRACK_DIGITS = 9
OK = {"status": "OK"}
STATUSES = {
    "disk_full": 507,
    "not_allowed": FORBIDDEN,
    "not_authenticated": 401,
    "not_authorised": FORBIDDEN,
    "host_not_allowed": FORBIDDEN,
    "cross_site": FORBIDDEN,
    "too_many_failures": FORBIDDEN,
    "camera_not_found": 404,
    "record_not_found": 404,
    "site_not_found": 404,
    "account_not_found": 404,
    "key_missing": 400,
    "person_not_found": 404,
    "image_not_found": 404,
    "row_not_found": 404,
    "route_not_found": 404,
    "job_not_found": 404,
    "conflict": 409,
    "record_open": 409,
    "head_leased": 409,
    "invalid": 400,
    "too_large": 400,
}
"""What `strict_status` sends instead of 200, by code (camera W5); a body that cannot be read is 400, all else 503."""


async def get_job(request: Request) -> Response:
    """Answer the list of marks, or the state."""
    query = words(request, KNOWN)
    camera = await named(request, query)
    match query.get("cause"):
        case "mark":
            data: object = MARK_LIST
        case "state":
            data = await ask(service(request), camera, "state")
        case _:
            raise Invalid("cause must be mark or state.", field="cause")
    return json_answer({**OK, "data": data})


async def post_job(request: Request) -> Response:
    """Set the mark, the parameters, or both."""
    query = words(request, KNOWN)
    body = (await read_body(request, MOST_BYTES)).strip()
    mark = read_mark(query.get("mark"))
    parameters = _parameters(request, body, alone=mark is NOT_GIVEN)
    if mark is NOT_GIVEN and parameters is None:
        raise Invalid("Give a mark, a JSON body with parameters, or both.")
    camera = await named(request, query)
    kept = Kept(
        parameters=camera.kept.parameters if parameters is None else parameters,
        mark=camera.kept.mark if mark is NOT_GIVEN else mark,
    )
    await keep(service(request), camera, kept)
    return json_answer(OK)


async def put_job(request: Request) -> Response:
    """Start an activity, or take a shot."""
    query = words(request, KNOWN)
    cause = read_cause(query.get("cause"), CAUSES)
    camera = await named(request, query)
    data = await BRINGS[cause](request, camera) if cause in BRINGS else {}
    bound = ANSWER_BOUND + timedelta(seconds=camera.definition.lock_wait_s) if cause == "track" else ANSWER_BOUND
    await ask_in_session(service(request), camera, cause, data, bound)
    await remember(service(request), camera, cause, on=True)
    service(request).audit.note(caller(request).who, f"camera.{cause}", camera=camera.id)
    return json_answer(OK)


async def patch_job(request: Request) -> Response:
    """Resume what is paused."""
    query = words(request, KNOWN)
    cause = _optional_cause(query)
    await ask(service(request), await named(request, query), "resume", {"cause": cause})
    return json_answer(OK)


async def delete_job(request: Request) -> Response:
    """Stop an activity, or pause it or the whole session."""
    query = words(request, KNOWN)
    pause = wants_pause(query.get("pause"))
    cause = _optional_cause(query) if pause else read_cause(query.get("cause"), ACTIVITIES)
    camera = await named(request, query)
    await ask(service(request), camera, "pause" if pause else "stop", {"cause": cause})
    if cause is not None and not pause:
        await remember(service(request), camera, cause, on=False)
    service(request).audit.note(caller(request).who, "camera.pause" if pause else "camera.stop", camera=camera.id, cause=cause)
    return json_answer(OK)


def refuse(fault: TriptychError, request: Request) -> Response:
    """Say an error as the contract does: 200 with status ERROR, unless the fault is ours or statuses are strict."""
    if wants_bytes(request):
        return refuse_bytes(fault)
    message = "not allowed" if STATUSES.get(fault.code) in {401, FORBIDDEN} else fault.message
    body = {"status": "ERROR", "message": _sentence(message)}
    if fault.code == "internal":
        return json_answer(body, 500)
    return json_answer(body, _strict_status(fault) if service(request).settings.strict_status else 200)


def _sentence(message: str) -> str:
    return message if len(message) <= MESSAGE_CHARACTERS else f"{message[: MESSAGE_CHARACTERS - 3]}..."


def _strict_status(fault: TriptychError) -> int:
    return 400 if fault.code.startswith("body_") else STATUSES.get(fault.code, 503)


def _parameters(request: Request, body: bytes, *, alone: bool) -> Parameters | None:
    """Return the parameters of a POST body; None where it is none, which a mark beside it makes good."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in FORMS:
        if alone:
            raise Invalid("A form needs mark in the query; parameters are sent as application/json.", field="body")
        return None
    if not body:
        return None
    document = read_json(body, depth=DEEPEST, words=BARE_WORDS)
    return None if document == {} and not alone else read_parameters(document)


def _optional_cause(query: Mapping[str, str]) -> Cause | None:
    return read_cause(query["cause"], ACTIVITIES) if query.get("cause") else None


async def _bring_target(request: Request, _camera: Camera) -> Json:
    """Return which track is to be followed."""
    target = request.query_params.get("target")
    return {"target": _track_id(target)} if target else {}


BRINGS: Mapping[str, Callable[[Request, Camera], Awaitable[Json]]] = {
    "track": _bring_target,
    "mission": bring_scenario,
    "live_stream": bring_targets,
}
"""What the server knows and a camera's process needs to start an activity."""


def _track_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= TRACK_DIGITS):
        raise Invalid("target must be the number of a track.", field="target")
    return int(text)


_JOB_PARAMETERS = (
    Parameter(name="admin_id", place="query", type=str, summary="A bearer credential; without effect while only this user may call."),
    Parameter(name="camera", place="query", type=str, summary="Which camera; absent means the default one."),
)


def _cause(*allowed: str, required: bool = True) -> Parameter:
    return Parameter(name="cause", place="query", type=str, summary=f"One of {', '.join(allowed)}.", required=required)


def _job(method: str, handler: Handler, role: Role, summary: str, *parameters: Parameter, request: type | None = None) -> Route:
    return Route(
        method=method,
        path="/api/job",
        handler=handler,
        role=role,
        summary=summary,
        request=request,
        parameters=(*parameters, *_JOB_PARAMETERS),
        tag="camera",
    )


_MARK = Parameter(name="mark", place="query", type=str, summary="How the target is marked in live pictures, false for not at all.")
_PAUSE = Parameter(name="pause", place="query", type=str, summary="Any text but a word for nothing pauses instead of stopping.")
_TARGET = Parameter(name="target", place="query", type=int, summary="The number of the track to follow.")
PANEL = Panel(
    name="camera",
    routes=(
        _job("GET", get_job, Role.VIEWER, "Return the marks there are, or the state.", _cause("mark", "state")),
        _job("POST", post_job, Role.OPERATOR, "Set the mark, the parameters, or both.", _MARK, request=Parameters),
        _job("PUT", put_job, Role.OPERATOR, "Start an activity, or take a shot.", _cause(*CAUSES), _TARGET),
        _job("PATCH", patch_job, Role.OPERATOR, "Resume what is paused.", _cause(*ACTIVITIES, required=False)),
        _job("DELETE", delete_job, Role.OPERATOR, "Stop or pause an activity.", _PAUSE, _cause(*ACTIVITIES, required=False)),
        *DEFINITIONS,
        *FOOTAGE,
        *LIVE,
        *PERSONS,
        *MOVES,
        *SITE,
        *SHELF,
        *TABLES,
        *WATCHING,
    ),
    refuse=refuse,
    takes_admin_id=True,
    takes_visits=True,
    sockets=SOCKETS,
)
