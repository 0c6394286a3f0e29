"""What people do with recordings and shots: name them, protect them, delete them (camera.md 6)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from triptych.camera.parameters import read_label
from triptych.errors import Invalid
from triptych.panels.cameras import Camera, ask, named, words
from triptych.panels.http import Handler, Parameter, Role, Route, caller, json_answer, read_body, service

KNOWN = frozenset({"id", "protected", "camera", "admin_id", "date", "part"})
FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 64 * 1024
YES_OR_NO = {"true": True, "True": True, "false": False, "False": False}
OK = {"status": "OK"}


async def rename(request: Request) -> Response:
    """Call a recording or shot by another name; its file stays."""
    query = words(request, KNOWN)
    asked = {"id": _id(query), "name": read_label(_form(await read_body(request, MOST_BYTES)).get("name", ""), "name")}
    return await _done(request, query, "rename", asked)


async def protect(request: Request) -> Response:
    """Keep a recording or shot whatever the limits, or not any more."""
    query = words(request, KNOWN)
    protected = YES_OR_NO.get(query.get("protected", ""))
    if protected is None:
        raise Invalid("protected must be true or false.", field="protected")
    return await _done(request, query, "protect", {"id": _id(query), "protected": protected})


async def delete(request: Request) -> Response:
    """Delete a recording or shot; one that is being written is refused."""
    query = words(request, KNOWN)
    return await _done(request, query, "erase", {"id": _id(query)})


async def _done(request: Request, query: Mapping[str, str], verb: str, asked: dict[str, Any]) -> Response:
    camera: Camera = await named(request, query)
    await ask(service(request), camera, verb, asked)
    service(request).audit.note(caller(request).who, f"record.{verb}", camera=camera.id, record=asked["id"])
    return json_answer(OK)


def _id(query: Mapping[str, str]) -> str:
    if not query.get("id"):
        raise Invalid("id must be that of a recording or shot.", field="id")
    return query["id"]


def _form(body: bytes) -> Mapping[str, str]:
    """Return the fields of a form, the last of each; nothing that is none makes one."""
    try:
        fields = parse_qs(body.decode("ascii"), errors="strict", max_num_fields=20)
    except ValueError:
        raise Invalid(f"The body must be a form ({FORM}) with name.", field="name") from None
    return {name: values[-1] for name, values in fields.items()}


def _route(method: str, handler: Handler, summary: str, *parameters: Parameter) -> Route:
    which = (
        Parameter(name="id", place="query", type=str, summary="One recording or shot.", required=True),
        *parameters,
        Parameter(name="camera", place="query", type=str, summary="Which camera; absent means the default one."),
    )
    return Route(method=method, path="/api/record", handler=handler, role=Role.OPERATOR, summary=summary, parameters=which, tag="camera")


_PROTECTED = Parameter(name="protected", place="query", type=str, summary="true or false.", required=True)
ROUTES = (
    _route("PUT", rename, "Name a recording or shot: form field `name`."),
    _route("PATCH", protect, "Keep a recording or shot whatever the limits.", _PROTECTED),
    _route("DELETE", delete, "Delete a recording or shot."),
)
