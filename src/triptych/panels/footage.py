"""What a camera shows and keeps, as bytes: live pictures, recordings and shots (camera.md 6)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, suppress
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.camera.parameters import LEASE, Variant, read_variant
from triptych.errors import Invalid, TriptychError
from triptych.kinds import KINDS
from triptych.panels.cameras import KIND, Camera, ask, named, words
from triptych.panels.http import Parameter, Role, Route, Service, json_answer, live_stream, service
from triptych.panels.ranges import Content, ranged

KNOWN = frozenset({"date", "id", "part", "type", "fps", "width", "marks", "camera", "admin_id"})
CHUNK_BYTES = 512 * 1024
RECORDING = ("id", "name", "time", "length", "extension", "state", "audio", "alarm")
SHOT = ("id", "name", "time", "size", "extension")
STATUSES = {
    "camera_not_found": 404,
    "record_not_found": 404,
    "person_not_found": 404,
    "image_not_found": 404,
    "route_not_found": 404,
    "not_available_yet": 404,
    "internal": 500,
}
REFUSED = frozenset({"not_authenticated", "not_authorised", "not_allowed", "host_not_allowed", "cross_site"})
_WATCHING: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
"""By client address: set to end a live view."""


async def get_record(request: Request) -> Response:
    """Answer the dates, what was kept on one of them, or the bytes of one recording or shot."""
    query = words(request, KNOWN)
    camera = await named(request, query)
    if query.get("id"):
        return await _bytes(request, camera, query)
    if query.get("date"):
        return json_answer({"status": "OK", "data": await _kept_on(request, camera, query["date"])})
    return json_answer({"status": "OK", "data": (await ask(service(request), camera, "records"))["dates"]})


async def get_stream(request: Request) -> Response:
    """Answer live pictures as multipart JPEG until the client leaves."""
    query = words(request, KNOWN)
    if query.get("type") not in {"preview", "monitoring"}:
        raise Invalid("type must be preview or monitoring.", field="type")
    variant = read_variant(query)
    door, camera = service(request), await named(request, query)
    await ask(door, camera, "view", msgspec.to_builtins(variant))
    return live_stream(_parts(door, camera, variant, _address(request)), "multipart/x-mixed-replace; boundary=frame")


async def delete_stream(request: Request) -> Response:
    """End the live views of the caller's address."""
    for gone in _WATCHING[_address(request)]:
        gone.set()
    return json_answer({"status": "OK"})


async def get_frame(request: Request) -> Response:
    """Answer the newest picture."""
    query = words(request, KNOWN)
    wanted: dict[str, Any] = msgspec.to_builtins(read_variant(query))
    found = await ask(service(request), await named(request, query), "frame", wanted)
    return Response(_data(found), media_type="image/jpeg")


def wants_bytes(request: Request) -> bool:
    """Say whether a request is for bytes, whose errors are told by real statuses."""
    path = request.url.path
    reads = request.method in {"GET", "HEAD"}
    asked = request.query_params
    face = path == "/api/face_encoding" and ("image" in asked or "export" in asked)
    return reads and (path.startswith("/api/stream") or (path == "/api/record" and "id" in asked) or face)


def refuse_bytes(fault: TriptychError) -> Response:
    """Say an error where bytes were asked for."""
    if fault.code in REFUSED:
        return json_answer({"status": "ERROR", "message": "not allowed"}, 403)
    status = 400 if isinstance(fault, Invalid) else STATUSES.get(fault.code, 503)
    return json_answer({"status": "ERROR", "message": fault.message}, status)


async def _bytes(request: Request, camera: Camera, query: Mapping[str, str]) -> Response:
    if query.get("part", "media") not in {"media", "marks"}:
        raise Invalid("part must be marks.", field="part")
    which = {"id": query["id"], "part": query.get("part", "media")}
    found: Mapping[str, Any] = await ask(service(request), camera, "record_info", which)
    content = Content(
        size_bytes=int(found["size"]),
        etag=str(found["etag"]),
        media_type=str(found["media_type"]),
        modified_s=float(found["modified"]),
        file_name=str(found["file_name"]),
        is_attached=bool(query.get("date")),
    )
    return ranged(request, content, lambda begin, end: _read(service(request), camera, which, begin, end))


async def _read(door: Service, camera: Camera, which: Mapping[str, str], begin: int, end: int) -> AsyncIterator[bytes]:
    while begin < end:
        found = await ask(door, camera, "read", {**which, "offset": begin, "limit": min(CHUNK_BYTES, end - begin)})
        chunk = _data(found)
        if not chunk:
            return
        begin += len(chunk)
        yield chunk


async def _parts(door: Service, camera: Camera, variant: Variant, address: str) -> AsyncIterator[bytes]:
    """Yield parts of a multipart stream, each with the boundary after it, so that a browser shows it at once."""
    gone = asyncio.Event()
    _WATCHING[address].add(gone)
    renewing = asyncio.create_task(_renew(door, camera, variant))
    try:
        yield b"--frame\r\n"
        pictures = door.engine.pictures(variant.topic(KINDS[KIND].process("", {"camera": camera.id})))
        async with aclosing(pictures) as shown:  # type: ignore[type-var]  # the bus's iterator is an async generator
            async for picture in shown:
                if gone.is_set():
                    return
                yield b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n--frame\r\n" % (len(picture), picture)
    finally:
        renewing.cancel()
        _WATCHING[address].discard(gone)
        if not _WATCHING[address]:
            del _WATCHING[address]


async def _renew(door: Service, camera: Camera, variant: Variant) -> None:
    """Keep a view wanted; while the worker cannot be asked there are no pictures anyway."""
    while True:
        await door.clock.sleep(LEASE / 2)
        with suppress(TriptychError):
            await ask(door, camera, "view", msgspec.to_builtins(variant))


async def _kept_on(request: Request, camera: Camera, date: str) -> object:
    notes: list[dict[str, Any]] = []
    more = True
    while more:
        page: Mapping[str, Any] = await ask(service(request), camera, "records", {"date": date, "offset": len(notes)})
        notes += page["notes"]
        more = bool(page["more"])
    shown = [{**note, "length": note["length_s"], "size": note["size_bytes"]} for note in notes]
    return {
        "shoots": [{key: note[key] for key in RECORDING} for note in shown if note["extension"] == "mp4"],
        "shots": [{key: note[key] for key in SHOT} for note in shown if note["extension"] == "jpg"],
    }


def _data(found: Mapping[str, Any]) -> bytes:
    data: bytes = found["data"]
    return data


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


_CAMERA = Parameter(name="camera", place="query", type=str, summary="Which camera; absent means the default one.")
_LOOK = (
    Parameter(name="fps", place="query", type=int, summary="At most so many pictures a second."),
    Parameter(name="width", place="query", type=int, summary="At most so many pixels wide."),
    Parameter(name="marks", place="query", type=int, summary="0 for the clean picture."),
    _CAMERA,
)
ROUTES = (
    Route(
        method="GET",
        path="/api/record",
        handler=get_record,
        role=Role.VIEWER,
        summary="Return the dates, what was kept on one, or the bytes of one recording or shot.",
        errors=(304, 404, 416),
        parameters=(
            Parameter(name="date", place="query", type=str, summary="DD_MM_YYYY."),
            Parameter(name="id", place="query", type=str, summary="One recording or shot."),
            Parameter(name="part", place="query", type=str, summary="`marks` for the sidecar."),
            _CAMERA,
        ),
        tag="camera",
    ),
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
)
