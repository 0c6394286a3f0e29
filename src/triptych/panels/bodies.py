"""Bodies of the media panel: one JSON value, whatever the Content-Type says (media G1)."""

from collections.abc import Mapping

import msgspec
from starlette.requests import Request

from triptych.errors import Invalid
from triptych.panels.faults import Fault, Refused, Row
from triptych.panels.http import read_body, read_json

BODY_CAP_BYTES = 8 * 1024 * 1024
BODY_DEPTH = 64


class Nothing(msgspec.Struct, frozen=True):
    """An empty object, which is the answer to what leaves nothing to tell."""


async def read_value(request: Request, limit_bytes: int = BODY_CAP_BYTES) -> object:
    """Return the JSON value of the body. Raises `Invalid`."""
    return parse_value(await read_body(request, limit_bytes))


def parse_value(body: bytes) -> object:
    """Return the JSON value of a body. Raises `Invalid`."""
    try:
        return read_json(body, depth=BODY_DEPTH)
    except Invalid as fault:
        reason = "syntax error or too deep" if fault.message == "body is not valid JSON" else fault.message
        raise Invalid(f"body is not valid JSON: {reason}", code=fault.code) from None


async def read_object(request: Request) -> Mapping[str, object]:
    """Return the JSON object of the body. Raises `Invalid`."""
    value = await read_value(request)
    if not isinstance(value, dict):
        raise Refused([Fault("", "body must be a JSON object", Row.BODY)])
    return value
