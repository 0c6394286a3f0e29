"""Cores: the numbered places of media jobs, told to clients and edited by their operator (media 3.2)."""

import asyncio
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Invalid, TriptychError
from triptych.media.cores import CAPTURED, LIVE_SCHEMES, TYPES, Core, DirPoll, Front, Live, Settings, to_document
from triptych.media.inputs import find_directory
from triptych.panels import media
from triptych.panels.bodies import BODY_CAP_BYTES, read_object
from triptych.panels.contexts import Body
from triptych.panels.faults import Faults, Row
from triptych.panels.http import Handler, Panel, Role, Route, Service, caller, json_answer, service
from triptych.panels.options import described
from triptych.panels.repeats import KEY
from triptych.panels.standing import trouble
from triptych.panels.workflows import contexts

CONFIGURED = "cores are set in the server configuration"
TAG = "media"
IP_DEFAULTS = {"device": 0, "channel": 1}

Shape = TypeVar("Shape", bound=msgspec.Struct)


async def list_cores(request: Request) -> Response:
    """Tell every core, by number."""
    parts = service(request)
    return json_answer([await _told(parts, core) for core in parts.cores.all()])


async def show(request: Request) -> Response:
    """Tell one core."""
    parts = service(request)
    return json_answer(await _told(parts, parts.cores.find(request.path_params["name"])))


async def edit(request: Request) -> Response:
    """Change what the body names of a core; all else of it stays."""
    parts, body = service(request), await read_object(request)
    async with parts.editing:
        core = parts.cores.find(request.path_params["name"])
        faults = Faults()
        edited = revise(core, body, faults)
        if edited.settings != core.settings:
            await _check_world(parts, edited, faults)
        faults.check()
        edited = await parts.cores.edit(edited)
    parts.audit.note(caller(request).who, "core.edit", core=edited.name, number=edited.number)
    return json_answer(await _told(parts, edited))


def revise(core: Core, body: Body, faults: Faults) -> Core:
    """Return the core as a body wants it, what does not fit noted in `faults`; what the server alone sets is ignored (media C1)."""
    front = _fit(Front, body, core.front, faults) or core.front
    if "slug" not in body and core.front.slug == core.name:
        front = msgspec.structs.replace(front, slug=front.name)
    for name in ("name", "slug"):
        if name in body and not getattr(front, name).isprintable():
            faults.add(Row.RANGE, name, f"{name} must be 1 to 128 printable characters without /")
    now = core.settings if front.type == core.front.type else None
    return msgspec.structs.replace(core, front=front, settings=_settings(TYPES[front.type], body, now, faults) or core.settings)


def refuse(fault: TriptychError, request: Request) -> Response:
    """Return a fault as the media panel does; who wants to add or delete a core is told where that is done."""
    return media.refuse(Invalid(CONFIGURED, code=fault.code) if fault.code == "method_not_allowed" else fault, request)


def _settings(shape: type[Settings], given: Body, now: Settings | None, faults: Faults) -> Settings | None:
    if shape is Live:
        input_type = given.get("inputType", now.inputType if isinstance(now, Live) else None)
        if isinstance(input_type, str) and input_type in CAPTURED:
            faults.add(Row.RANGE, "inputType", f"no capture driver for '{input_type}'")
        elif input_type == "ip" and now is None:
            given = {**IP_DEFAULTS, **given}
    settings = _fit(shape, given, now, faults)
    if isinstance(settings, Live) and settings.inputType == "ip" and not _is_live_address(settings.url):
        faults.add(Row.RANGE, "url", f"url must be an address that begins with {', '.join(LIVE_SCHEMES)}")
    return settings


def _fit(shape: type[Shape], given: Body, now: object, faults: Faults) -> Shape | None:
    """Return a `shape` of what is given, else as it is `now`, else its default; None when some of it does not fit."""
    before, values = len(faults.found), dict[str, object]()
    for option in msgspec.structs.fields(shape):
        if option.name in given:
            try:
                values[option.name] = msgspec.convert(given[option.name], option.type)
            except msgspec.ValidationError:
                faults.add(Row.RANGE, option.name, f"{option.name} must be {described(option.type)}")
        elif now is not None:
            values[option.name] = getattr(now, option.name)
        elif option.required:
            faults.add(Row.RANGE, option.name, f"{option.name} must be {described(option.type)}")
    return shape(**values) if len(faults.found) == before else None


def _is_live_address(url: str) -> bool:
    scheme, found, rest = url.partition("://")
    return scheme.lower() in LIVE_SCHEMES and bool(found and rest) and url.isprintable() and " " not in url


async def _check_world(parts: Service, core: Core, faults: Faults) -> None:
    """Note a workflow that there is not, and a directory that cannot be read from."""
    if core.workflow and not await contexts(parts.catalog, {"workflow": core.workflow}):
        faults.add(Row.WORKFLOW, "workflow", f"unknown workflow '{core.workflow}'")
    if isinstance(core.settings, DirPoll):
        try:
            await asyncio.to_thread(find_directory, core.settings.directory, [str(root) for root in parts.settings.media_roots])
        except Invalid as fault:
            told = fault.message if fault.field == "directory" else "directory must be a path of a directory in a media root"
            faults.add(Row.PLACE, "directory", told)


async def _told(parts: Service, core: Core) -> dict[str, Any]:
    """Return a core as stored, and beside that what it does now: `state`, the `job` it is at, and what is wrong."""
    job, fault = parts.cores.job(core), await trouble(parts, core)
    state = "error" if fault is not None else "running" if job is not None else "idle"
    at_work = {} if job is None else {"job": job.id}
    return {**to_document(core), "state": state, **at_work, **({} if fault is None else {"error": fault})}


def _route(method: str, path: str, handler: Handler, summary: str, answer: object, *errors: int, **more: Any) -> Route:
    role = Role.VIEWER if method == "GET" else Role.ADMIN
    return Route(method=method, path=path, handler=handler, role=role, summary=summary, answer=answer, errors=errors, tag=TAG, **more)


def _routes(path: str) -> tuple[Route, ...]:
    one, change = f"{path}/{{name}}", "Change what is named of a core."
    body: dict[str, Any] = {"request": dict[str, Any]}
    return (
        _route("GET", path, list_cores, "List the cores, by number.", list[dict[str, Any]], 403),
        _route("GET", one, show, "Tell one core.", dict[str, Any], 403, 404),
        _route("PUT", one, edit, change, dict[str, Any], 400, 403, 404, 409, 413, **body),
        _route("POST", one, edit, change, dict[str, Any], 400, 403, 404, 409, 413, parameters=(KEY,), keyed_bytes=BODY_CAP_BYTES, **body),
    )


PANEL = Panel(
    name="cores",
    refuse=refuse,
    error=media.Failure,
    cross_origin=True,
    routes=tuple(route for path in ("/api/ai/cores", "/api/config/cores", "/api/cores") for route in _routes(path)),
)
