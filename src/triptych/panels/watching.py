"""Watching a camera: live pictures as multipart JPEG, as one JPEG and by web socket, events as server-sent ones (camera 6)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import aclosing
from typing import Any, NoReturn

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from triptych.camera.parameters import Variant, read_variant
from triptych.camera.pictures import HEAD_BYTES
from triptych.errors import Invalid
from triptych.panels.cameras import Camera, ask, named, words
from triptych.panels.happenings import Happenings
from triptych.panels.http import (
    Parameter,
    Role,
    Route,
    ServerSentEvent,
    Service,
    SocketRoute,
    event_stream,
    json_answer,
    live_stream,
    service,
)
from triptych.panels.looks import look, pictures, renew
from triptych.panels.viewer import Viewer

KNOWN = frozenset({"type", "fps", "width", "marks", "camera", "admin_id"})
TYPES = ("preview", "monitoring")
PROTOCOL = "triptych"
"""The one subprotocol, which nobody has to offer."""
EVERY = "*"
"""What `camera` says for the events of every camera."""

_VIEWS: defaultdict[tuple[str, str], set[asyncio.Event]] = defaultdict(set)
"""By client address and type: set to end a live view."""


async def get_stream(request: Request) -> Response:
    """Answer live pictures as multipart JPEG until the client leaves."""
    query = words(request, KNOWN)
    kind = query.get("type", "")
    if kind not in TYPES:
        raise Invalid("type must be preview or monitoring.", field="type")
    variant = read_variant(query)
    door, camera = service(request), await named(request, query)
    await look(door, camera, variant)
    parts = _parts(door, camera, variant, (_address(request), kind))
    return live_stream(parts, "multipart/x-mixed-replace; boundary=frame", {"cache-control": "no-store"})


async def delete_stream(request: Request) -> Response:
    """End the live views of the caller's address, of one type or of both; always OK."""
    asked = request.query_params.get("type")
    for kind in TYPES:
        if asked in {None, "", kind}:
            for gone in _VIEWS.get((_address(request), kind), ()):
                gone.set()
    return json_answer({"status": "OK"})


async def get_frame(request: Request) -> Response:
    """Answer the newest picture."""
    query = words(request, KNOWN)
    wanted: dict[str, Any] = msgspec.to_builtins(read_variant(query))
    found: Mapping[str, Any] = await ask(service(request), await named(request, query), "frame", wanted)
    return Response(found["data"], media_type="image/jpeg")


async def get_events(request: Request) -> Response:
    """Answer what happens from now on, or after the event that `Last-Event-ID` names, as far as it is kept."""
    query = words(request, KNOWN)
    camera_id = None if query.get("camera") == EVERY else (await named(request, query)).id
    happenings = service(request).happenings
    if camera_id is not None:
        happenings.expect(camera_id)
    after = happenings.place(request.headers.get("last-event-id"))
    return event_stream(_events(happenings, after, camera_id))


async def get_socket(_request: Request) -> NoReturn:
    """Refuse a plain request where a web socket is served."""
    raise Invalid("This is a web socket: connect with Upgrade: websocket.", code="upgrade_required")


async def watch(socket: WebSocket) -> None:
    """Serve one viewer."""
    query = words(socket, KNOWN)
    camera = None if query.get("camera") == EVERY else await named(socket, query)
    await socket.accept(PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)
    await Viewer(socket, camera).run()


async def _events(happenings: Happenings, after: int, camera_id: str | None) -> AsyncIterator[ServerSentEvent]:
    async for happened in happenings.follow(after, camera_id):
        yield ServerSentEvent(data=happened, event=happened.note, id=happened.id)


async def _parts(door: Service, camera: Camera, variant: Variant, whose: tuple[str, str]) -> AsyncIterator[bytes]:
    """Yield parts of a multipart stream, each with the boundary after it, so that a browser shows it at once."""
    gone = asyncio.Event()
    _VIEWS[whose].add(gone)
    renewing = asyncio.create_task(renew(door, camera, variant))
    ended = asyncio.create_task(gone.wait())
    try:
        yield b"--frame\r\n"
        async with aclosing(pictures(door, camera, variant)) as shown:  # type: ignore[type-var]  # an async generator on every bus
            while (picture := await _first(anext(shown, None), ended)) is not None:
                size = len(picture) - HEAD_BYTES
                yield b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n--frame\r\n" % (size, picture[HEAD_BYTES:])
    finally:
        renewing.cancel()
        ended.cancel()
        _VIEWS[whose].discard(gone)
        if not _VIEWS[whose]:
            del _VIEWS[whose]


async def _first(upcoming: Awaitable[bytes | None], ended: "asyncio.Task[Any]") -> bytes | None:
    """Return what comes, None where `ended` comes first."""
    coming = asyncio.ensure_future(upcoming)
    try:
        await asyncio.wait({coming, ended}, return_when=asyncio.FIRST_COMPLETED)
        return None if ended.done() else coming.result()
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


_CAMERA = Parameter(name="camera", place="query", type=str, summary="Which camera; absent means the default one.")
_LOOK = (
    Parameter(name="fps", place="query", type=int, summary="At most so many pictures a second."),
    Parameter(name="width", place="query", type=int, summary="At most so many pixels wide."),
    Parameter(name="marks", place="query", type=int, summary="0 for the clean picture."),
    _CAMERA,
)
_EVENTS = Parameter(name="camera", place="query", type=str, summary="Which camera, `*` for all; absent means the default one.")
SOCKET = "/api/stream/ws"
SOCKETS = (SocketRoute(path=SOCKET, handler=watch, role=Role.VIEWER, summary="Pictures and events over one web socket."),)
ROUTES = (
    Route(
        method="GET",
        path="/api/stream",
        handler=get_stream,
        role=Role.VIEWER,
        summary="Return live pictures as multipart JPEG.",
        errors=(400, 404, 503),
        parameters=(Parameter(name="type", place="query", type=str, summary="preview or monitoring.", required=True), *_LOOK),
        tag="camera",
        media_type="multipart/x-mixed-replace",
    ),
    Route(
        method="DELETE", path="/api/stream", handler=delete_stream, role=Role.VIEWER, summary="End this address's live views.", tag="camera"
    ),
    Route(
        method="GET",
        path="/api/stream/frame.jpg",
        handler=get_frame,
        role=Role.VIEWER,
        summary="Return the newest picture.",
        errors=(400, 404, 503),
        parameters=_LOOK,
        tag="camera",
        media_type="image/jpeg",
    ),
    Route(
        method="GET",
        path=SOCKET,
        handler=get_socket,
        role=Role.VIEWER,
        summary="Open a web socket for pictures and events.",
        errors=(404, 426),
        parameters=(_EVENTS,),
        tag="camera",
    ),
    Route(
        method="GET",
        path="/api/events",
        handler=get_events,
        role=Role.VIEWER,
        summary="Return what happens as server-sent events.",
        errors=(404,),
        parameters=(
            _EVENTS,
            Parameter(name="Last-Event-ID", place="header", type=str, summary="The last event that the client has."),
        ),
        tag="camera",
        media_type="text/event-stream",
    ),
)
