"""Moves by hand: joints, the tip of the arm, the head, a move played once, and the emergency stop (camera.md 6)."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Invalid
from triptych.model import Json
from triptych.panels.cameras import ask, keep, named, words
from triptych.panels.http import Handler, Parameter, Role, Route, caller, json_answer, read_body, service
from triptych.panels.positions import CAMERA, DB, bring_move, joint_count, read_db

KNOWN = frozenset({"cause", "db", "action", "a_type", "expand", "root", "camera", "admin_id"})
FIELDS = ("type", "id", "quantity")
TYPES = ("joint", "axis", "head")
MOVES = ("position", "scenario")
MOST_BYTES = 64 * 1024
MOST_FIELDS = 16
MOST_QUANTITY = 10_000
OK = {"status": "OK"}
NUMBER = re.compile(r"[+-]?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})([eE][+-]?\d{1,2})?", re.ASCII)


async def get_move(request: Request) -> Response:
    """Answer where the arm and the head stand, or how many joints there are. Nothing moves."""
    query = words(request, KNOWN)
    camera = await named(request, query)
    match query.get("cause") or None:
        case None:
            data: object = await ask(service(request), camera, "where")
        case "joint_count":
            data = joint_count(camera)
        case _:
            raise Invalid("cause must be joint_count or absent.", field="cause")
    return json_answer({**OK, "data": data})


async def put_move(request: Request) -> Response:
    """Move one joint, the tip along one axis, or the head."""
    query = words(request, KNOWN)
    step = _step(await read_body(request, MOST_BYTES))
    await ask(service(request), await named(request, query), "move", step)
    return json_answer(OK)


async def post_move(request: Request) -> Response:
    """Play a position or scenario once."""
    query = words(request, KNOWN)
    db, noun, name = read_db(query), query.get("a_type"), query.get("action")
    if noun not in MOVES:
        raise Invalid("a_type must be position or scenario.", field="a_type")
    if not name:
        raise Invalid(f"action must be the name of a {noun}.", field="action")
    camera = await named(request, query)
    await ask(service(request), camera, "play", await bring_move(request, camera, db, noun, name))
    service(request).audit.note(caller(request).who, "camera.play", camera=camera.id, db=db, move=name[:80])
    return json_answer(OK)


async def patch_move(request: Request) -> Response:
    """Let the head's axes join the joints of the arm, or leave them."""
    query = words(request, KNOWN)
    word = query.get("expand")
    if word not in {"true", "false"}:
        raise Invalid("expand must be true or false.", field="expand")
    camera = await named(request, query)
    if word == "true" and not camera.definition.arm_options().joints_deg:
        raise Invalid("expand must be false: this camera has no arm.", field="expand")
    parameters = msgspec.structs.replace(camera.kept.parameters, arm_expansion=word == "true")
    await keep(service(request), camera, msgspec.structs.replace(camera.kept, parameters=parameters))
    return json_answer(OK)


async def delete_move(request: Request) -> Response:
    """Let every axis stand at once, and pause what moved them."""
    query, door = words(request, KNOWN), service(request)
    camera = await named(request, query)
    await ask(door, camera, "halt")
    door.audit.note(caller(request).who, "camera.halt", camera=camera.id)
    return json_answer(OK)


def _step(body: bytes) -> Json:
    """Return the step that a form asks for. Raises `Invalid`, naming the field and what is allowed."""
    form = _form(body)
    kind = form.get("type")
    if kind not in TYPES:
        raise Invalid("type must be joint, axis or head.", field="type")
    if not form.get("id"):
        raise Invalid("id must name a joint, an axis, or pan, tilt, zoom or home.", field="id")
    homes = kind == "head" and form["id"] == "home"
    return {"type": kind, "id": form["id"], "quantity": 0.0 if homes else _quantity(form.get("quantity", ""))}


def _form(body: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Invalid("The body must be a form with type, id and quantity.", field="body") from None
    form: dict[str, str] = {}
    for name, value in pairs:
        if name in FIELDS and name in form:
            raise Invalid(f"{name} must be given once.", field=name)
        form[name] = value.strip()
    return form


def _quantity(text: str) -> float:
    """Return a number of degrees or millimetres. Raises `Invalid`."""
    if NUMBER.fullmatch(text) is None or abs(float(text)) > MOST_QUANTITY:
        raise Invalid(f"quantity must be a number from -{MOST_QUANTITY} to {MOST_QUANTITY}.", field="quantity")
    return float(text)


def _route(method: str, handler: Handler, summary: str, *parameters: Parameter) -> Route:
    return Route(
        method=method,
        path="/api/move",
        handler=handler,
        role=Role.VIEWER if method == "GET" else Role.OPERATOR,
        summary=summary,
        parameters=(*parameters, CAMERA),
        tag="camera",
    )


def _query(name: str, summary: str) -> Parameter:
    return Parameter(name=name, place="query", type=str, summary=summary)


ROUTES = (
    _route("GET", get_move, "Return where arm and head stand.", _query("cause", "`joint_count` for the number of joints.")),
    _route("PUT", put_move, "Move a joint, an axis or the head by a form of type, id and quantity."),
    _route(
        "POST",
        post_move,
        "Play a position or scenario once.",
        DB,
        _query("action", "Its name or id."),
        _query("a_type", "`position` or `scenario`."),
    ),
    _route("PATCH", patch_move, "Let the head's axes join the joints.", _query("expand", "`true` or `false`.")),
    _route("DELETE", delete_move, "Stop every axis at once; tracking and mission pause."),
)
"""The rows of the route table that the camera panel takes in."""
