"""How the native API says what is wrong: RFC 9457 problem details with a stable `code`, and which status each fault has."""

from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Conflict, Forbidden, Invalid, NotFound, NotYet, StartFailed, StopNotConfirmed, TriptychError, Unavailable
from triptych.panels.http import json_answer

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "1"

BY_CODE = {
    "not_authenticated": HTTPStatus.UNAUTHORIZED,
    "command_not_allowed": HTTPStatus.FORBIDDEN,
    "path_outside": HTTPStatus.FORBIDDEN,
    "path_dash": HTTPStatus.FORBIDDEN,
    "path_not_file": HTTPStatus.FORBIDDEN,
    "too_many_starts": HTTPStatus.TOO_MANY_REQUESTS,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body_truncated": HTTPStatus.BAD_REQUEST,
    "body_trailing": HTTPStatus.BAD_REQUEST,
    "body_not_json": HTTPStatus.BAD_REQUEST,
    "invalid_parameter": HTTPStatus.BAD_REQUEST,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
}
MORE = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"retry-after": RETRY_AFTER_S},
    HTTPStatus.TOO_MANY_REQUESTS: {"retry-after": RETRY_AFTER_S},
    HTTPStatus.UNAUTHORIZED: {"www-authenticate": "Bearer"},
}
"""What a status is told with."""
BY_CLASS: dict[type[TriptychError], HTTPStatus] = {
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    StartFailed: HTTPStatus.SERVICE_UNAVAILABLE,
    StopNotConfirmed: HTTPStatus.SERVICE_UNAVAILABLE,
    NotYet: HTTPStatus.NOT_IMPLEMENTED,
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong. `field` names the part of the request."""

    title: str
    status: int
    detail: str
    code: str
    type: str = msgspec.field(default_factory=lambda: "about:blank")
    field: str | None = None


def status_of(fault: TriptychError) -> HTTPStatus:
    """Return the status that a fault is answered with."""
    return BY_CODE.get(fault.code) or BY_CLASS.get(type(fault), HTTPStatus.INTERNAL_SERVER_ERROR)


def refuse(fault: TriptychError, _request: Request) -> Response:
    """Return the fault as problem details."""
    status = status_of(fault)
    problem = Problem(title=status.phrase, status=status, detail=fault.message, code=fault.code, field=fault.field)
    return json_answer(problem, status, {"content-type": MEDIA_TYPE, **MORE.get(status, {})})
