"""Alarms of media jobs: list, tell, acknowledge (media 3.4)."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Invalid
from triptych.panels.bodies import BODY_CAP_BYTES, read_object
from triptych.panels.faults import Faults, Row
from triptych.panels.http import Handler, Parameter, Role, Route, caller, json_answer, service
from triptych.panels.repeats import KEY
from triptych.registrar import Shelf

SHELF: Shelf = "alarms"
MOST_OPERATOR = 128
OPEN = {"true": True, "false": False}
TAG = "media"

FILTERS = tuple(
    Parameter(name=name, place="query", type=type_, summary=summary)
    for name, type_, summary in (
        ("job", str, "Only those of the job of this name."),
        ("core", str, "Only those of the core of this name."),
        ("feature", str, "Only those of this feature."),
    )
)


class Seen(msgspec.Struct, frozen=True):
    """Who has seen an alarm."""

    operator: str


async def list_alarms(request: Request) -> Response:
    """Tell the alarms that pass the filters, newest first."""
    told = request.query_params.get("open")
    if told is not None and told not in OPEN:
        raise Invalid("open must be true or false", field="open")
    alarms = await chosen(request, SHELF)
    return json_answer([alarm for alarm in alarms if told is None or alarm["open"] is OPEN[told]])


async def show(request: Request) -> Response:
    """Tell one alarm."""
    registrar = service(request).registrar
    await registrar.catch_up()
    return json_answer(registrar.find(SHELF, request.path_params["id"]))


async def acknowledge(request: Request) -> Response:
    """Note that an operator has seen an alarm; the first one stays."""
    registrar, body = service(request).registrar, await read_object(request)
    operator, faults = body.get("operator"), Faults()
    if not (isinstance(operator, str) and 1 <= len(operator) <= MOST_OPERATOR and operator.isprintable()):
        faults.add(Row.RANGE, "operator", f"operator must be 1 to {MOST_OPERATOR} printable characters")
    faults.check()
    await registrar.catch_up()
    alarm = await registrar.acknowledge(request.path_params["id"], str(operator))
    service(request).audit.note(caller(request).who, "alarm.ack", alarm=alarm["_id"], operator=operator)
    return json_answer(alarm)


async def chosen(request: Request, shelf: Shelf) -> list[dict[str, Any]]:
    """Return the documents of a shelf that pass the filters of a request, newest first."""
    registrar = service(request).registrar
    await registrar.catch_up()
    wanted = {query.name: value for query in FILTERS if (value := request.query_params.get(query.name)) is not None}
    return [document for document in registrar.all(shelf) if all(document[name] == value for name, value in wanted.items())]


def _acknowledging(path: str, handler: Handler) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        role=Role.OPERATOR,
        summary="Note that an operator has seen an alarm.",
        request=Seen,
        answer=dict[str, Any],
        errors=(400, 403, 404, 409, 413),
        parameters=(KEY,),
        tag=TAG,
        keyed_bytes=BODY_CAP_BYTES,
    )


_ONE = "/api/ai/alarms/{id}"

ROUTES = (
    Route(
        method="GET",
        path="/api/ai/alarms",
        handler=list_alarms,
        role=Role.VIEWER,
        summary="List the alarms, newest first.",
        answer=list[dict[str, Any]],
        errors=(400, 403),
        parameters=(
            *FILTERS,
            Parameter(name="open", place="query", type=bool, summary="Only those that are open, or only those that are not."),
        ),
        tag=TAG,
    ),
    _acknowledging(f"{_ONE}:ack", acknowledge),
    _acknowledging(f"{_ONE}/ack", acknowledge),
    Route(
        method="GET",
        path=_ONE,
        handler=show,
        role=Role.VIEWER,
        summary="Tell one alarm.",
        answer=dict[str, Any],
        errors=(403, 404),
        tag=TAG,
    ),
)
