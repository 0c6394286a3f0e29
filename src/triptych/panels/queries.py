"""Typed requests of the native API: a body or a query string becomes a msgspec type, or `Invalid` names the part that does not fit."""

import re
from collections.abc import Mapping
from typing import Annotated, TypeVar, get_type_hints

import msgspec
from msgspec.inspect import EnumType, FloatType, IntType, LiteralType, Metadata, Type, UnionType, VarTupleType, type_info
from starlette.requests import Request

from triptych.errors import Invalid
from triptych.panels.http import Parameter, read_body, read_json

BODY_CAP_BYTES = 4 * 1024 * 1024
BODY_DEPTH = 32

Shape = TypeVar("Shape", bound=msgspec.Struct)


async def read_request(request: Request, shape: type[Shape]) -> Shape:
    """Return the body as `shape`; an empty one is an empty object. Raises `Invalid`."""
    body = await read_body(request, BODY_CAP_BYTES)
    value = _with_integers(read_json(body, depth=BODY_DEPTH)) if body else {}
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as fault:
        message, place = _blame(fault)
        field = _entry(value, shape, place)
        raise Invalid(_said(message, field), field=field) from None


def read_query(request: Request, shape: type[Shape]) -> Shape:
    """Return the query string as `shape`; only numbers are read from text. Raises `Invalid` with code `invalid_parameter`."""
    given = request.query_params.multi_items()
    values = dict(given)
    if len(values) < len(given):
        raise Invalid("a parameter is given twice", code="invalid_parameter")
    hints = get_type_hints(shape, include_extras=True)
    return shape(**{name: _value(name, text, hints) for name, text in values.items()})


def parameters(shape: type[msgspec.Struct]) -> tuple[Parameter, ...]:
    """Return the fields of a query's type as parameters of a route."""
    hints = get_type_hints(shape, include_extras=True)
    return tuple(
        Parameter(name=field.name, place="query", type=_with_default(hints[field.name], field.default), summary=SUMMARIES[field.name])
        for field in msgspec.structs.fields(shape)
    )


def _with_default(hint: object, default: object) -> object:
    return Annotated[hint, msgspec.Meta(extra_json_schema={"default": default})] if isinstance(default, int | float | str) else hint


def _with_integers(value: object) -> object:
    """Return `value` with 7.0 as 7, since JSON Schema calls both an integer."""
    if isinstance(value, dict):
        return {key: _with_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_integers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _value(name: str, text: str, hints: Mapping[str, object]) -> object:
    if name not in hints:
        raise Invalid(f"unknown parameter {name}", code="invalid_parameter", field=name)
    kinds = _kinds(hints[name])
    given = text.split(",") if any(isinstance(kind, VarTupleType) for kind in kinds) else text
    try:
        return msgspec.convert(given, hints[name], strict=not any(map(_is_number, kinds)))
    except msgspec.ValidationError as fault:
        message, part = _blame(fault)
        if message.startswith("Invalid enum value"):
            message = f"{name} must be one of {', '.join(str(choice) for kind in kinds for choice in _choices(kind))}"
        raise Invalid(_said(message, name), code="invalid_parameter", field=name + (part or "")) from None


def _choices(kind: Type) -> tuple[object, ...]:
    match kind:
        case Metadata():
            return _choices(kind.type)
        case VarTupleType():
            return _choices(kind.item_type)
        case LiteralType():
            return kind.values
        case EnumType():
            return tuple(member.value for member in kind.cls)
        case _:
            return ()


def _kinds(hint: object) -> tuple[Type, ...]:
    kind = type_info(hint)
    return kind.types if isinstance(kind, UnionType) else (kind,)


def _is_number(kind: Type) -> bool:
    if isinstance(kind, LiteralType):
        return isinstance(kind.values[0], int)
    return isinstance(kind.type if isinstance(kind, Metadata) else kind, IntType | FloatType)


def _blame(fault: msgspec.ValidationError) -> tuple[str, str | None]:
    """Return what msgspec found wrong and the part of the request where it did."""
    text, _, place = str(fault).partition(" - at ")
    path = _PLACE.sub("", place.strip("`")) + (_SOME_ENTRY if place.startswith("`key`") else "")
    missing = _MISSING.search(text)
    field = ".".join(filter(None, (path, missing[1] if missing else ""))) or None
    return text.replace("Object ", "request "), field


def _said(message: str, field: str | None) -> str:
    """Return what is wrong as a sentence that names the part."""
    return f"{field}: e{message[1:]}" if field and message.startswith("Expected") else message


def _entry(value: object, shape: type[msgspec.Struct], field: str | None) -> str | None:
    """Return `field` with the key of the entry at fault, which msgspec leaves out, where it is one of a map of the body: `env.A`."""
    name, dots, _ = (field or "").partition(_SOME_ENTRY)
    entries = value.get(name) if dots and isinstance(value, dict) else None
    if not isinstance(entries, dict):
        return field
    hint = get_type_hints(shape, include_extras=True)[name]
    return next((f"{name}.{key}" for key, item in entries.items() if not _fits({key: item}, hint)), field)


def _fits(value: object, hint: object) -> bool:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return True


_SOME_ENTRY = "[...]"
_PLACE = re.compile(r"^(?:key` in `)?\$\.?")
_MISSING = re.compile(r"(?:required|unknown) field `(.*)`")

SUMMARIES = {
    "after": "Begin behind the event of this number; the header Last-Event-ID says the same.",
    "attempt": "Which attempt; the newest one if not given.",
    "cursor": "Where the page before ended.",
    "end_reason": "Only jobs that ended for this reason.",
    "follow": "1: go on until the output is whole.",
    "from_seq": "Begin with the byte of this number, both streams counted together from 1; the header Last-Event-ID names the byte before.",
    "label": "Only jobs that were submitted with this label, as NAME=VALUE.",
    "kind": "Only jobs of this kind.",
    "limit": "At most so many.",
    "offset": "The first byte to read, counted from 0 per stream and attempt.",
    "origin": "Only jobs that came this way.",
    "since": "Only jobs created at this time or later.",
    "state": "Only jobs in one of these states, separated by commas.",
    "stream": "Which stream.",
    "text": "Only jobs with this text in their id or in what they run, whatever its case.",
    "until": "Only jobs created before this time.",
    "wait_s": "Wait so many seconds for the job to end.",
    "worker": "Only jobs of this worker.",
}
"""What each query parameter means, for the reference."""
