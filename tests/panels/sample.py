"""A small panel for tests of what lies around the panels."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Invalid, TriptychError
from triptych.panels.http import Panel, Role, Route, ServerSentEvent, event_stream, json_answer, live_stream, read_body


async def echo(request: Request) -> Response:
    body = await read_body(request, 1000)
    return json_answer({"method": request.method, "body": body.decode("latin-1"), "id": request.path_params.get("id")})


async def big(_request: Request) -> Response:
    return json_answer({"text": "x" * 5000})


async def fail(_request: Request) -> Response:
    raise RuntimeError("a fault of ours")


async def refuse(_request: Request) -> Response:
    raise Invalid("not like this", code="wrong")


async def tick(_request: Request) -> Response:
    return event_stream(ticking())


async def ticking() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(data={"n": 1}, id="1", event="tick")
    await asyncio.Event().wait()


async def pictures(_request: Request) -> Response:
    return live_stream(endless(), "multipart/x-mixed-replace; boundary=frame")


async def endless() -> AsyncIterator[bytes]:
    yield b"first"
    await asyncio.Event().wait()


def words(name: str):
    def say(fault: TriptychError, _request: Request) -> Response:
        return json_answer({name: fault.message, "code": fault.code}, 418)

    return say


def route(method: str, path: str, handler, role: Role = Role.VIEWER) -> Route:
    return Route(method=method, path=path, handler=handler, role=role, summary="A sample.")


FIRST = Panel(
    name="first",
    refuse=words("first"),
    trailing_slash="redirect",
    routes=(route("POST", "/start", echo), route("GET", "/fail", fail)),
)
SECOND = Panel(
    name="second",
    refuse=words("second"),
    routes=(
        route("GET", "/api/job", echo),
        route("DELETE", "/api/job", echo),
        route("POST", "/api/job", echo),
        route("GET", "/api/items/{id}", echo),
        route("GET", "/api/items/{id}/parts", echo),
        route("GET", "/api/big", big),
        route("GET", "/api/refuse", refuse),
        route("GET", "/api/tick", tick),
        route("GET", "/api/pictures", pictures),
    ),
)
