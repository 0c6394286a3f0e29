"""Workflows: named sets of features with their options, that jobs and cores take by name (media 3.1)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.contracts import Catalog
from triptych.errors import Conflict, NotFound
from triptych.ids import make_id
from triptych.media.features import FEATURES
from triptych.model import Json
from triptych.panels.bodies import BODY_CAP_BYTES, Nothing, read_object
from triptych.panels.contexts import Body, Context, absence, option_absence
from triptych.panels.faults import Faults, Row
from triptych.panels.http import Handler, Role, Route, caller, json_answer, service
from triptych.panels.options import CONTEXT
from triptych.panels.repeats import KEY

SHELF = "workflows"
MOST_NAME = 128
INDEXES = range(1_000_000_000)
KNOWN_KEYS = frozenset({"name", "index", "_id", CONTEXT})
TAG = "media"


class Workflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One workflow; `warnings` only in the answer to the request that saved it."""

    index: int
    id: str = msgspec.field(name="_id")
    name: str
    videoContext: dict[str, Any]  # noqa: N815 - as documented
    warnings: tuple[str, ...] = ()


async def contexts(catalog: Catalog, body: object) -> Mapping[str, Body]:
    """Return the `videoContext` of the workflow that a submission names, by its name; nothing where there is none."""
    name = body.get("workflow") if isinstance(body, dict) else None
    document = await catalog.get(SHELF, name) if isinstance(name, str) and _is_name(name) else None
    return {} if document is None else {str(name): _read(document).videoContext}


async def everyone(catalog: Catalog) -> list[Workflow]:
    """Return every workflow, by index."""
    return sorted((_read(document) for document in await catalog.all(SHELF)), key=lambda workflow: workflow.index)


async def list_workflows(request: Request) -> Response:
    """Tell every workflow, by index."""
    return json_answer(await everyone(service(request).catalog))


async def show(request: Request) -> Response:
    """Tell one workflow."""
    return json_answer(await _find(request))


async def create(request: Request) -> Response:
    """Keep a new workflow."""
    parts, body = service(request), await read_object(request)
    faults = Faults()
    name = body.get("name")
    if not (isinstance(name, str) and _is_name(name)):
        faults.add(Row.RANGE, "name", f"name must be 1 to {MOST_NAME} printable characters without '/'")
    index, context = _index(body, faults), _context(body, faults, str(name), parts.settings.model_folder)
    faults.check()
    async with parts.editing:
        others = await everyone(parts.catalog)
        if any(other.name == name for other in others):
            raise Conflict(f"workflow name '{name}' is in use", code="in_use", field="name")
        following = max((other.index + 1 for other in others), default=0)
        made = Workflow(
            index=following if index is None else index, id=make_id("hex24", parts.clock.now()), name=str(name), videoContext=context
        )
        return await _save(request, made, others, faults)


async def replace(request: Request) -> Response:
    """Put another `videoContext` in the place of a workflow's; jobs in the queue keep what they were submitted with."""
    parts, old, body = service(request), await _find(request), await read_object(request)
    faults = Faults()
    if body.get("name", old.name) != old.name:
        faults.add(Row.RANGE, "name", f"name must be '{old.name}', as in the path")
    index, context = _index(body, faults), _context(body, faults, old.name, parts.settings.model_folder)
    faults.check()
    async with parts.editing:
        old = await _find(request)
        made = msgspec.structs.replace(old, index=old.index if index is None else index, videoContext=context)
        others = [other for other in await everyone(parts.catalog) if other.name != old.name]
        return await _save(request, made, others, faults)


async def delete(request: Request) -> Response:
    """Forget a workflow that no core works by."""
    parts = service(request)
    async with parts.editing:
        workflow = await _find(request)
        for core in parts.cores.users_of(workflow.name):
            raise Conflict(f"workflow '{workflow.name}' is used by core '{core}'", code="in_use_by_core")
        await parts.catalog.drop(SHELF, workflow.name)
        parts.audit.note(caller(request).who, "workflow.delete", workflow=workflow.name)
    return json_answer(Nothing())


async def _save(request: Request, workflow: Workflow, others: Sequence[Workflow], faults: Faults) -> Response:
    if any(other.index == workflow.index for other in others):
        raise Conflict(f"index {workflow.index} is in use", code="in_use", field="index")
    await service(request).catalog.put(SHELF, workflow.name, msgspec.to_builtins(workflow))
    service(request).audit.note(caller(request).who, "workflow.save", workflow=workflow.name)
    return json_answer(msgspec.structs.replace(workflow, warnings=tuple(faults.warnings)))


async def _find(request: Request) -> Workflow:
    name = request.path_params["name"]
    document = await service(request).catalog.get(SHELF, name) if _is_name(name) else None
    if document is None:
        raise NotFound("workflow not found", code="workflow_not_found")
    return _read(document)


def _read(document: Json) -> Workflow:
    return msgspec.convert(document, Workflow)


def _is_name(text: str) -> bool:
    return 1 <= len(text) <= MOST_NAME and text.isprintable() and "/" not in text


def _index(body: Body, faults: Faults) -> int | None:
    """Return the index, told beside or inside the context (media W1)."""
    context = body.get(CONTEXT)
    told = next((place["index"] for place in (body, context) if isinstance(place, dict) and place.get("index") is not None), None)
    if told is None or (isinstance(told, int) and not isinstance(told, bool) and told in INDEXES):
        return told
    faults.add(Row.RANGE, "index", f"index must be a whole number between 0 and {INDEXES[-1]}")
    return None


def _context(body: Body, faults: Faults, name: str, models_dir: Path) -> dict[str, Any]:
    """Return the context without its index, checked as that of a job would be; what is not there yet is a warning (media W4)."""
    given = body.get(CONTEXT)
    if given is not None and not isinstance(given, dict):
        faults.add(Row.RANGE, CONTEXT, f"{CONTEXT} must be an object")
        return {}
    kept = {key: value for key, value in (given or {}).items() if key != "index"}
    context = Context(kept, faults)
    context.priority()
    context.segments()
    context.note_unknown()
    options = {feature: context.options(feature) for feature in FEATURES}
    on = context.enabled()
    for feature in on:
        lack = absence(feature, FEATURES[feature], models_dir) or option_absence(feature, options[feature], models_dir)
        if lack is not None:
            faults.warn(lack.reason)
        context.check_required(feature, options[feature])
    if not on:
        faults.warn(f"workflow '{name}' enables no feature")
    for key in body:
        if key not in KNOWN_KEYS:
            faults.ignore(key)
    return kept


def _route(method: str, path: str, handler: Handler, summary: str, answer: object, *errors: int, **more: Any) -> Route:
    role = Role.VIEWER if method == "GET" else Role.ADMIN
    return Route(method=method, path=path, handler=handler, role=role, summary=summary, answer=answer, errors=errors, tag=TAG, **more)


_ALL, _ONE = "/api/ai/workflows", "/api/ai/workflows/{name}"
_ASKED: dict[str, Any] = {"request": dict[str, Any]}

ROUTES = (
    _route("GET", _ALL, list_workflows, "List the workflows, by index.", list[Workflow], 403),
    _route(
        "POST", _ALL, create, "Keep a new workflow.", Workflow, 400, 403, 409, 413, parameters=(KEY,), keyed_bytes=BODY_CAP_BYTES, **_ASKED
    ),
    _route("GET", _ONE, show, "Tell one workflow.", Workflow, 403, 404),
    _route("PUT", _ONE, replace, "Replace a workflow's videoContext.", Workflow, 400, 403, 404, 409, 413, **_ASKED),
    _route("DELETE", _ONE, delete, "Forget a workflow that no core works by.", Nothing, 403, 404, 409),
)
