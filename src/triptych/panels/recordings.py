"""Recordings of alarm episodes: list, tell, play, delete (media 3.3)."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import NotFound
from triptych.panels.alarms import FILTERS, chosen
from triptych.panels.bodies import Nothing
from triptych.panels.http import Handler, Parameter, Role, Route, caller, json_answer, service
from triptych.panels.ranges import Content, ranged
from triptych.registrar import MEDIA, THUMBNAIL, Shelf

SHELF: Shelf = "recordings"
CHUNK_BYTES = 512 * 1024
TAG = "media"


async def list_recordings(request: Request) -> Response:
    """Tell the recordings that pass the filters, newest first."""
    return json_answer(await chosen(request, SHELF))


async def show(request: Request) -> Response:
    """Tell one recording."""
    return json_answer(await _find(request))


async def play(request: Request) -> Response:
    """Answer the film of a recording that is ready, whole or in part."""
    recording = await _find(request)
    path = service(request).registrar.file(recording, MEDIA)
    name = f"{recording['job']}-{recording['feature']}-{recording['startTimeOffset']}.mp4"
    return await _bytes(request, recording, path, "video/mp4", name)


async def picture(request: Request) -> Response:
    """Answer the first picture of the episode."""
    recording = await _find(request)
    path = service(request).registrar.file(recording, THUMBNAIL)
    return await _bytes(request, recording, path, "image/jpeg", f"{recording['_id']}.jpg")


async def delete(request: Request) -> Response:
    """Delete a recording, its film and its picture; the job that it is of still names it."""
    recording = await _find(request)
    await service(request).registrar.erase(recording["_id"])
    service(request).audit.note(caller(request).who, "recording.delete", recording=recording["_id"], job=recording["job"])
    return json_answer(Nothing())


async def _find(request: Request) -> dict[str, Any]:
    registrar = service(request).registrar
    await registrar.catch_up()
    return registrar.find(SHELF, request.path_params["id"])


async def _bytes(request: Request, recording: dict[str, Any], path: Path, media_type: str, file_name: str) -> Response:
    """Return a file of a recording. Raises `NotFound` where there is none, such as while it is being made."""
    found = await asyncio.to_thread(_stat, path) if recording["state"] == "ready" else None
    if found is None:
        raise NotFound("recording not found", code="recording_not_found")
    content = Content(
        size_bytes=found.st_size,
        etag=f'"{recording["_id"]}-{found.st_mtime_ns:x}-{found.st_size:x}"',
        media_type=media_type,
        modified_s=found.st_mtime,
        file_name=file_name,
        is_attached="download" in request.query_params,
    )
    return ranged(request, content, lambda begin, end: _read(path, begin, end))


def _stat(path: Path) -> os.stat_result | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


async def _read(path: Path, begin: int, end: int) -> AsyncIterator[bytes]:
    """Yield a stretch of a file; once begun it is whole, also when the recording is deleted meanwhile."""
    descriptor = await asyncio.to_thread(os.open, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while begin < end and (piece := await asyncio.to_thread(os.pread, descriptor, min(CHUNK_BYTES, end - begin), begin)):
            begin += len(piece)
            yield piece
    finally:
        os.close(descriptor)


def _route(method: str, path: str, handler: Handler, summary: str, *errors: int, **more: Any) -> Route:
    role = Role.OPERATOR if method == "DELETE" else Role.VIEWER
    return Route(method=method, path=path, handler=handler, role=role, summary=summary, errors=errors, tag=TAG, **more)


_ONE = "/api/ai/recordings/{id}"
_SAVED = (Parameter(name="download", place="query", type=str, summary="With it a browser saves the file under a name of its own."),)

ROUTES = (
    _route(
        "GET",
        "/api/ai/recordings",
        list_recordings,
        "List the recordings, newest first.",
        403,
        answer=list[dict[str, Any]],
        parameters=FILTERS,
    ),
    _route("GET", _ONE, show, "Tell one recording.", 403, 404, answer=dict[str, Any]),
    _route("GET", f"{_ONE}/media", play, "Play a recording.", 304, 403, 404, 416, media_type="video/mp4", parameters=_SAVED),
    _route(
        "GET", f"{_ONE}/thumbnail", picture, "Show a recording's picture.", 304, 403, 404, 416, media_type="image/jpeg", parameters=_SAVED
    ),
    _route("DELETE", _ONE, delete, "Delete a recording with its files.", 403, 404, 409, answer=Nothing),
)
