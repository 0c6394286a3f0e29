"""Whom the server tells of alarms and ends of jobs, and how that went (media A4, A5)."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.clock import to_text
from triptych.errors import Conflict, Invalid, NotFound
from triptych.ids import make_id
from triptych.panels.bodies import BODY_CAP_BYTES, Nothing, read_object
from triptych.panels.contexts import Body
from triptych.panels.faults import Faults, Row
from triptych.panels.http import Handler, Role, Route, caller, json_answer, service
from triptych.panels.repeats import KEY
from triptych.posts import check_target
from triptych.webhooks import EVENTS, Delivery, Target

MOST_TARGETS = 100
MOST_SECRET = 256
MQTT = "MQTT targets are not available in this version"
TAG = "media"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A target; its secret is never told."""

    id: str = msgspec.field(name="_id")
    type: str
    url: str
    events: tuple[str, ...]
    disabled: bool


class ShownDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one target; `id` is the event's, as the receiver sees it, `status` that of the last answer."""

    delivery: str = msgspec.field(name="_id")
    target: str
    id: str
    event: str
    subject: str
    time: str
    state: str
    tries: int
    status: int | None
    error: str | None
    updateTime: str  # noqa: N815 - in the style of this contract
    nextTime: str | None  # noqa: N815 - in the style of this contract


async def list_targets(request: Request) -> Response:
    """Tell every target, oldest first."""
    return json_answer([_shown(target) for target in service(request).herald.targets()])


async def show(request: Request) -> Response:
    """Tell one target."""
    return json_answer(_shown(_target(request)))


async def create(request: Request) -> Response:
    """Keep a new target."""
    parts, body = service(request), await read_object(request)
    if len(parts.herald.targets()) >= MOST_TARGETS:
        raise Conflict(f"there are {MOST_TARGETS} targets already", code="too_many_targets")
    return await _save(request, _read(request, body, make_id("hex24", parts.clock.now()), None))


async def replace(request: Request) -> Response:
    """Put another target in the place of one, enabled again; without a `secret` it keeps the old one."""
    before, body = _target(request), await read_object(request)
    return await _save(request, _read(request, body, before.id, before.secret))


async def delete(request: Request) -> Response:
    """Forget a target; what waits for it is not sent any more."""
    parts, target_id = service(request), _target(request).id
    await parts.herald.remove(target_id)
    parts.audit.note(caller(request).who, "target.delete", target=target_id)
    return json_answer(Nothing())


async def list_deliveries(request: Request) -> Response:
    """Tell the last thousand deliveries, newest first."""
    return json_answer([_shown_delivery(delivery) for delivery in service(request).herald.deliveries()])


def _target(request: Request) -> Target:
    """Return the target that the path names. Raises `NotFound`, for the webhook of a camera too."""
    found = service(request).herald.target(request.path_params["id"])
    if found not in service(request).herald.targets():
        raise NotFound("target not found", code="target_not_found")
    return found


async def _save(request: Request, target: Target) -> Response:
    await service(request).herald.keep(target)
    service(request).audit.note(caller(request).who, "target.save", target=target.id)
    return json_answer(_shown(target))


def _read(request: Request, body: Body, target_id: str, secret: str | None) -> Target:
    """Return the target that a body asks for. Raises `Refused` with all that is wrong."""
    faults, kind = Faults(), body.get("type")
    if kind == "mqtt":
        raise Invalid(MQTT, field="type")
    if kind != "webhook":
        faults.add(Row.CHOICE, "type", "type must be webhook")
    url = body.get("url")
    try:
        check_target(url, service(request).settings.inputs.beside_roots)
    except Invalid as fault:
        faults.add(Row.URI, "url", fault.message)
    told = body.get("secret", secret)
    if not (isinstance(told, str) and 1 <= len(told) <= MOST_SECRET):
        faults.add(Row.RANGE, "secret", f"secret must be a string of 1 to {MOST_SECRET} characters")
    events = body.get("events", list(EVENTS))
    if not isinstance(events, list) or not events or any(event not in EVENTS for event in events):
        events = []
        faults.add(Row.RANGE, "events", f"events must be an array of some of {', '.join(EVENTS)}")
    faults.check()
    return Target(id=target_id, url=str(url), secret=str(told), events=tuple(event for event in EVENTS if event in events))


def _shown(target: Target) -> Shown:
    return Shown(id=target.id, type=target.type, url=target.url, events=target.events, disabled=target.disabled)


def _shown_delivery(delivery: Delivery) -> ShownDelivery:
    payload = delivery.payload
    return ShownDelivery(
        delivery=delivery.id,
        target=delivery.target,
        id=payload["id"],
        event=payload["event"],
        subject=payload["subject"],
        time=payload["time"],
        state=delivery.state,
        tries=delivery.tries,
        status=delivery.status,
        error=delivery.error,
        updateTime=to_text(delivery.updated),
        nextTime=None if delivery.due is None else to_text(delivery.due),
    )


def _route(method: str, path: str, handler: Handler, summary: str, answer: object, *errors: int, **more: Any) -> Route:
    keyed: dict[str, Any] = {"keyed_bytes": BODY_CAP_BYTES, "parameters": (KEY,)} if method == "POST" else {}
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        answer=answer,
        errors=errors,
        tag=TAG,
        **{"role": Role.ADMIN, **keyed, **more},
    )


_ALL, _ONE = "/api/ai/targets", "/api/ai/targets/{id}"
_ASKED: dict[str, Any] = {"request": dict[str, Any]}

ROUTES = (
    _route("GET", _ALL, list_targets, "List the targets, oldest first.", list[Shown], 403),
    _route("POST", _ALL, create, "Keep a new target.", Shown, 400, 403, 409, 413, **_ASKED),
    _route("GET", _ONE, show, "Tell one target.", Shown, 403, 404),
    _route("PUT", _ONE, replace, "Replace a target.", Shown, 400, 403, 404, 413, **_ASKED),
    _route("DELETE", _ONE, delete, "Forget a target.", Nothing, 403, 404),
    _route(
        "GET", "/api/ai/deliveries", list_deliveries, "List the last deliveries, newest first.", list[ShownDelivery], 403, role=Role.VIEWER
    ),
)
