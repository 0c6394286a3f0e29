"""The photos that a request brings: as a form with files, or as JSON with base64 (camera 6)."""

import base64
import binascii
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from triptych.camera.persons.rules import MIB, MOST_PHOTOS, MOST_TOGETHER_BYTES, check_name
from triptych.errors import Invalid
from triptych.panels.http import read_body, read_json

MULTIPART = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"
MOST_FORM_BYTES = 64 * 1024
MOST_FIELDS = 8
DEEPEST = 64
FORM_BYTES = MOST_TOGETHER_BYTES + MIB
JSON_BYTES = MOST_TOGETHER_BYTES // 3 * 4 + MIB
"""Base64 makes four bytes of three."""
TOO_LARGE = f"face_images: at most {MOST_TOGETHER_BYTES // MIB} MiB may be sent together."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One photo as it came; `data` None is base64 that cannot be read."""

    name: str
    data: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a request says of a person: a name, photos, or both."""

    name: str | None
    photos: tuple[Sent, ...]


class _Encoded(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    base_sf: str


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    face_name: str | None = None
    photos: tuple[_Encoded, ...] = ()


async def read_photos(request: Request) -> Brought:
    """Return the name and the photos of a body. Raises `Invalid`, naming the field."""
    brought = await _read(request)
    if brought.name is not None:
        check_name(brought.name)
    if len(brought.photos) > MOST_PHOTOS:
        raise _too_many()
    if sum(len(photo.data or b"") for photo in brought.photos) > MOST_TOGETHER_BYTES:
        raise Invalid(TOO_LARGE, code="too_large", field="face_images")
    return brought


async def _read(request: Request) -> Brought:
    match request.headers.get("content-type", "").partition(";")[0].strip().lower():
        case "multipart/form-data":
            return await _read_multipart(request)
        case "application/x-www-form-urlencoded":
            fields = dict(parse_qsl((await read_body(request, MOST_FORM_BYTES)).decode(errors="replace")))
            return Brought(name=fields.get("face_name"), photos=())
        case _:
            return _read_document(await read_body(request, JSON_BYTES))


async def _read_multipart(request: Request) -> Brought:
    parser = MultiPartParser(request.headers, _bounded(request), max_files=MOST_PHOTOS, max_fields=MOST_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as fault:
        raise _refusal(fault) from None
    except (KeyError, UnicodeDecodeError):
        raise Invalid("The body must be a form with face_name and face_images.", field="body") from None
    try:
        return await _read_form(form)
    finally:
        await form.close()


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the body; the parser closes its files when this refuses more of it."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > FORM_BYTES:
            raise MultiPartException(TOO_LARGE)
        yield chunk


async def _read_form(form: FormData) -> Brought:
    name = form.get("face_name")
    files = [field for field in form.getlist("face_images") if field != ""]
    if not all(isinstance(field, UploadFile) for field in files) or isinstance(name, UploadFile):
        raise Invalid("face_images must be files and face_name text.", field="face_images")
    photos = [Sent(name=file.filename or "", data=await file.read()) for file in files if isinstance(file, UploadFile)]
    return Brought(name=name, photos=tuple(photo for photo in photos if photo.name or photo.data))


def _read_document(body: bytes) -> Brought:
    try:
        document = msgspec.convert(read_json(body, depth=DEEPEST), _Document)
    except msgspec.ValidationError:
        raise Invalid('The body must be {"face_name": text, "photos": [{"name": text, "base_sf": base64}]}.', field="photos") from None
    if len(document.photos) > MOST_PHOTOS:
        raise _too_many()
    return Brought(name=document.face_name, photos=tuple(Sent(name=one.name, data=_decoded(one.base_sf)) for one in document.photos))


def _decoded(text: str) -> bytes | None:
    """Return the bytes of base64, with or without line breaks or the head of a data URL; None when it is none."""
    plain = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(plain.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _refusal(fault: MultiPartException) -> Invalid:
    if fault.message == TOO_LARGE:
        return Invalid(TOO_LARGE, code="too_large", field="face_images")
    return _too_many() if fault.message.startswith("Too many files") else Invalid("The form cannot be read.", field="body")


def _too_many() -> Invalid:
    return Invalid(f"face_images must be 1 to {MOST_PHOTOS} photos.", field="face_images")
