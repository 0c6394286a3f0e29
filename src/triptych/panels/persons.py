"""`/api/face_encoding`: who is enrolled, their pictures, and how they come and go (camera 6, S8)."""

import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from io import RawIOBase
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.camera.persons.rules import MOST_PHOTO_BYTES, PIECE_BYTES
from triptych.errors import Forbidden, Invalid
from triptych.panels.cameras import Camera, ask, named, words
from triptych.panels.http import Parameter, Role, Route, Service, caller, json_answer, live_stream, service
from triptych.panels.photos import Brought, Sent, read_photos

KNOWN = frozenset({"id", "image", "download", "export", "camera", "admin_id"})
NO = frozenset({"", "0", "false", "False", "None", "null"})
JUDGED_BOUND = timedelta(seconds=30)
"""A photo of 40 megapixels is decoded and encoded, and the first one waits for the models."""
OK = {"status": "OK"}


async def get_persons(request: Request) -> Response:
    """Answer who is enrolled, a picture of a person, or everything that is kept of her."""
    query = words(request, KNOWN)
    door, camera = service(request), await named(request, query)
    if "image" in query:
        _check_operator(request)
        return await _picture(door, camera, query)
    if query.get("export", "") not in NO:
        _check_operator(request)
        return await _export(door, camera, query.get("id", ""))
    found = await ask(door, camera, "persons")
    return json_answer({**OK, "data": found["persons"]})


async def post_person(request: Request) -> Response:
    """Enrol a person, or add photos to whoever has that name."""
    query = words(request, KNOWN)
    door, camera = service(request), await named(request, query)
    async with door.probes:
        brought = await read_photos(request)
        if brought.name is None or not brought.photos:
            raise Invalid("face_name and face_images must be given.", field="face_name" if brought.name is None else "face_images")
        data = await _enrol(request, camera, brought, {"name": brought.name})
    door.audit.note(caller(request).who, "person.enrol", person=data["id"], photos=data["accepted"])
    return json_answer({**OK, "data": data})


async def put_person(request: Request) -> Response:
    """Rename a person, add photos, or both."""
    query = words(request, KNOWN)
    door, camera = service(request), await named(request, query)
    person = query.get("id", "")
    async with door.probes:
        await ask(door, camera, "person", {"id": person})
        brought = await read_photos(request)
        if brought.name is None and not brought.photos:
            raise Invalid("Give face_name, face_images, or both.", field="face_name")
        data = await _enrol(request, camera, brought, {"id": person, "name": brought.name})
    door.audit.note(caller(request).who, "person.edit", person=person, photos=data["accepted"])
    return json_answer({**OK, "data": data} if brought.photos else OK)


async def delete_person(request: Request) -> Response:
    """Delete a person's pictures and numbers."""
    query = words(request, KNOWN)
    door, person = service(request), query.get("id", "")
    await ask(door, await named(request, query), "person_forget", {"id": person})
    door.audit.note(caller(request).who, "person.delete", person=person)
    return json_answer(OK)


async def _enrol(request: Request, camera: Camera, brought: Brought, whose: Mapping[str, object]) -> dict[str, Any]:
    """Send the photos, then say whose they are; raises `Invalid` when none is accepted."""
    door, upload = service(request), str(uuid.uuid4())
    reasons = [(photo.name, await _judged(door, camera, upload, photo)) for photo in brought.photos]
    rejected = [{"image": name, "reason": reason} for name, reason in reasons if reason is not None]
    if brought.photos and len(rejected) == len(brought.photos):
        raise Invalid(f"No photo was accepted: {rejected[0]['reason']}.", field="face_images")
    asked = {**whose, "upload": upload if brought.photos else None, "role": caller(request).role}
    found = await ask(door, camera, "person_enrol", asked)
    return {"id": found["id"], "accepted": len(brought.photos) - len(rejected), "rejected": rejected}


async def _judged(door: Service, camera: Camera, upload: str, photo: Sent) -> str | None:
    """Send one photo in pieces; return why it is rejected, None when it is accepted."""
    if photo.data is None:
        return "it is not base64"
    data = photo.data[: MOST_PHOTO_BYTES + 1]
    found: Mapping[str, Any] = {}
    for begin in range(0, max(1, len(data)), PIECE_BYTES):
        piece = data[begin : begin + PIECE_BYTES]
        last = begin + PIECE_BYTES >= len(data)
        told = {"upload": upload, "image": photo.name, "data": piece, "last": last}
        found = await ask(door, camera, "person_photo", told, JUDGED_BOUND)
    reason: str | None = found["rejected"]
    return reason


async def _picture(door: Service, camera: Camera, query: Mapping[str, str]) -> Response:
    which = {"id": query.get("id", ""), "image": query["image"]}
    first: Mapping[str, Any] = await ask(door, camera, "person_picture", which)
    attached = query.get("download", "") not in NO
    headers = {"content-disposition": _disposition(query["image"]) if attached else "inline", "content-length": str(first["size"])}
    return live_stream(_pieces(door, camera, which, first), first["media_type"], headers)


async def _pieces(door: Service, camera: Camera, which: Mapping[str, str], found: Mapping[str, Any]) -> AsyncIterator[bytes]:
    """Yield a picture whose first piece is there already."""
    begin = 0
    while found["data"]:
        yield found["data"]
        begin += len(found["data"])
        if begin >= found["size"]:
            return
        found = await ask(door, camera, "person_picture", {**which, "offset": begin})


async def _export(door: Service, camera: Camera, person: str) -> Response:
    found: Mapping[str, Any] = await ask(door, camera, "person", {"id": person})
    headers = {"content-disposition": _disposition(f"{found['card']['name']}.zip")}
    return live_stream(_archive(door, camera, found["card"]), "application/zip", headers)


async def _archive(door: Service, camera: Camera, card: Mapping[str, Any]) -> AsyncIterator[bytes]:
    """Yield a zip of the card and every picture, one after the other."""
    sink = _Sink()
    with ZipFile(sink, "w") as archive:
        archive.writestr("card.json", msgspec.json.encode(card))
        for picture in card["pictures"]:
            which = {"id": card["id"], "image": picture["name"]}
            first = await ask(door, camera, "person_picture", which)
            data = b"".join([piece async for piece in _pieces(door, camera, which, first)])
            archive.writestr(f"{picture['id']}.{picture['extension']}", data)
            yield sink.taken()
    yield sink.taken()


class _Sink(RawIOBase):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._kept += data
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        taken, self._kept = bytes(self._kept), bytearray()
        return taken


def _disposition(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def _check_operator(request: Request) -> None:
    """Pictures of people are for those who run the camera."""
    if not caller(request).role.covers(Role.OPERATOR):
        raise Forbidden("not authorised", code="not_authorised")


def _parameter(name: str, summary: str, *, required: bool = False) -> Parameter:
    return Parameter(name=name, place="query", type=str, summary=summary, required=required)


_ID = _parameter("id", "The id of an enrolled person.", required=True)
_CAMERA = _parameter("camera", "Which camera, and so which worker; absent means the default one.")
_LOOK = (
    _parameter("id", "Whose picture, or who is exported."),
    _parameter("image", "The name of a picture, which is the answer then; for operators."),
    _parameter("download", "Any text but a word for nothing sends it as an attachment."),
    _parameter("export", "Any text but a word for nothing answers a zip of all that is kept of the person; for operators."),
    _CAMERA,
)


def _route(method: str, handler: Any, role: Role, summary: str, *parameters: Parameter, errors: tuple[int, ...] = ()) -> Route:
    return Route(
        method=method,
        path="/api/face_encoding",
        handler=handler,
        role=role,
        summary=summary,
        parameters=parameters,
        errors=errors,
        tag="camera",
    )


ROUTES = (
    _route("GET", get_persons, Role.VIEWER, "Return who is enrolled, or a picture or all of a person.", *_LOOK, errors=(403, 404, 503)),
    _route("POST", post_person, Role.OPERATOR, "Enrol a person by photos.", _CAMERA),
    _route("PUT", put_person, Role.OPERATOR, "Rename a person, or add photos.", _ID, _CAMERA),
    _route("DELETE", delete_person, Role.OPERATOR, "Delete a person, her pictures and numbers.", _ID, _CAMERA),
)
