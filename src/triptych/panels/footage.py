"""What a camera keeps, as bytes: recordings and shots; and how bytes are refused (camera.md 6)."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Invalid, TriptychError
from triptych.panels.cameras import Camera, ask, named, words
from triptych.panels.http import Parameter, Role, Route, Service, json_answer, service
from triptych.panels.ranges import Content, ranged

KNOWN = frozenset({"date", "id", "part", "camera", "admin_id"})
CHUNK_BYTES = 512 * 1024
RECORDING = ("id", "name", "time", "length", "extension", "state", "audio", "alarm")
SHOT = ("id", "name", "time", "size", "extension")
STATUSES = {
    "camera_not_found": 404,
    "record_not_found": 404,
    "route_not_found": 404,
    "not_available_yet": 404,
    "upgrade_required": 426,
    "live_off": 404,
    "person_not_found": 404,
    "image_not_found": 404,
    "internal": 500,
}
REFUSED = frozenset({"not_authenticated", "not_authorised", "not_allowed", "host_not_allowed", "cross_site", "too_many_failures"})


async def get_record(request: Request) -> Response:
    """Answer the dates, what was kept on one of them, or the bytes of one recording or shot."""
    query = words(request, KNOWN)
    camera = await named(request, query)
    if query.get("id"):
        return await _bytes(request, camera, query)
    if query.get("date"):
        _check_date(query["date"])
        return json_answer({"status": "OK", "data": await _kept_on(request, camera, query["date"])})
    return json_answer({"status": "OK", "data": (await ask(service(request), camera, "records"))["dates"]})


def wants_bytes(request: Request) -> bool:
    """Say whether a request is for bytes, whose errors are told by real statuses."""
    path = request.url.path
    reads = request.method in {"GET", "HEAD"}
    asked = request.query_params
    face = path == "/api/face_encoding" and ("image" in asked or "export" in asked)
    return reads and (path.startswith(("/api/stream", "/api/events")) or (path == "/api/record" and "id" in asked) or face)


def refuse_bytes(fault: TriptychError) -> Response:
    """Say an error where bytes were asked for."""
    if fault.code in REFUSED:
        return json_answer({"status": "ERROR", "message": "not allowed"}, 401 if fault.code == "not_authenticated" else 403)
    status = STATUSES.get(fault.code, 400 if isinstance(fault, Invalid) else 503)
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


def _check_date(text: str) -> None:
    try:
        datetime.strptime(text, "%d_%m_%Y")  # noqa: DTZ007 - a day of the calendar, at no place
    except ValueError:
        raise Invalid("date must be a day as DD_MM_YYYY.", field="date") from None


def _data(found: Mapping[str, Any]) -> bytes:
    data: bytes = found["data"]
    return data


_CAMERA = Parameter(name="camera", place="query", type=str, summary="Which camera; absent means the default one.")
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
)
