"""What every panel is made of: rows of the one route table, the lenient reader of bodies, and answers."""

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.audit import Audit
from triptych.contracts import Catalog, Clock
from triptych.errors import Invalid, TriptychError
from triptych.model import Job
from triptych.panels.sse import ServerSentEvent, event_stream, live_stream
from triptych.settings import Settings
from triptych.tokens import Role, Token, Tokens

if TYPE_CHECKING:
    from triptych.cores import Cores
    from triptych.engine import Engine
    from triptych.registrar import Registrar
    from triptych.webhooks import Herald

__all__ = [
    "Caller",
    "Handler",
    "NotJson",
    "Panel",
    "Parameter",
    "Role",
    "Route",
    "ServerSentEvent",
    "Service",
    "caller",
    "event_stream",
    "json_answer",
    "live_stream",
    "read_body",
    "read_json",
    "repeat_key",
    "service",
]

Handler = Callable[[Request], Awaitable[Response]]
NO_WORDS: Mapping[str, object] = MappingProxyType({})
MOST_PROBES = 2
SERVICE_KEY = "triptych.service"
CALLER_KEY = "triptych.caller"
REPEAT_KEY = "triptych.repeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a user of this machine (`uid:1000`) or a token (`token:ID`), and as what."""

    who: str
    role: Role
    token: Token | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One query parameter or header that a route knows."""

    name: str
    place: Literal["query", "header"]
    type: object
    summary: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of the route table: `path` in the syntax of Starlette, `request` and `answer` msgspec types, `status` that of a success.

    A POST with `keyed_bytes`, the most that its body may hold, is done once for each Idempotency-Key (media G9).
    """

    method: str
    path: str
    handler: Handler
    role: Role
    summary: str
    request: type | None = None
    answer: object | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    tag: str = ""
    media_type: str = "application/json"
    keyed_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One contract: its routes, and how it says an error, also of guards, unknown routes and internal faults below its paths.

    With `cross_origin` pages of listed origins may read the answers; without it a browser lets them send at most.
    `error` is the msgspec type of an error's body and `error_media_type` what it is sent as, both for the OpenAPI document.
    With `takes_keys` a token may also come as `X-Goog-Api-Key` or `key=` (media V7), with `takes_admin_id` as that (camera 2.7).
    """

    name: str
    routes: tuple[Route, ...]
    refuse: Callable[[TriptychError, Request], Response]
    trailing_slash: Literal["ignore", "redirect"] = "ignore"
    error: type | None = None
    error_media_type: str = "application/json"
    cross_origin: bool = False
    takes_keys: bool = False
    takes_admin_id: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What handlers need. `closing` is set when the server begins to go down; endless answers end then.

    `expect` takes each operation of v1, to do what is left when it is over.
    `editing` is held while a definition is written that must not collide with another one, `probes` by each look at an input without a job.
    """

    engine: "Engine"
    catalog: Catalog
    settings: Settings
    clock: Clock
    tokens: Tokens
    audit: Audit
    cores: "Cores"
    registrar: "Registrar"
    herald: "Herald"
    expect: Callable[[Job], object] | None = None
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)
    probes: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_PROBES))


def service(request: Request) -> Service:
    """Return the service that this request came to."""
    found: Service = request.scope[SERVICE_KEY]
    return found


def caller(request: Request) -> Caller:
    """Return who asks."""
    found: Caller = request.scope[CALLER_KEY]
    return found


def repeat_key(request: Request) -> str | None:
    """Return what names this request, the same in each repeat of it; None where it has no Idempotency-Key."""
    found: str | None = request.scope.get(REPEAT_KEY)
    return found


def json_answer(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `data` as compact JSON."""
    return Response(msgspec.json.encode(data), status, headers, "application/json")


class NotJson(Invalid):
    """A body that more bytes would not make JSON of; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__("body is not valid JSON", code="body_not_json")
        self.reason = reason


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the whole body. Raises `Invalid` with code `too_large` as soon as it is known to exceed `limit_bytes`."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise _too_large(limit_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
    return bytes(body)


def read_json(body: bytes, *, depth: int, words: Mapping[str, object] = NO_WORDS, any_case: bool = False, repair: bool = False) -> object:
    """Return the JSON value of `body`: strict but for what the contracts allow.

    A byte order mark is skipped and the last of equal keys wins. NaN, infinite numbers and more than `depth` levels are refused.
    `words` maps bare words outside quotes (`None`) to JSON values; `any_case` folds the case of keys; `repair` puts U+FFFD for bytes
    that are not UTF-8 and for half surrogates, which are refused otherwise.

    Raises `Invalid` with code `body_truncated`, `body_trailing` or `body_not_json`.
    """
    text = _decode(body, repair=repair).removeprefix("\ufeff").strip(_BLANK)
    if repair and "\\u" in text:
        text = _SURROGATE.sub(_whole, text)
    if _is_deeper(text, depth):
        raise NotJson(f"more than {depth} levels deep")
    if any(word in text for word in words):
        text = _with_words(text, words)
    try:
        value, end = (_FOLDING if any_case else _DECODER).raw_decode(text)
    except json.JSONDecodeError as fault:
        raise (_truncated() if _is_cut(text, fault) else NotJson(f"{fault.msg} at line {fault.lineno} column {fault.colno}")) from None
    except ValueError:
        raise NotJson("NaN, or a number that is infinite or has too many digits") from None
    if end != len(text):
        raise Invalid("data after the JSON object", code="body_trailing")
    if not repair and "\\u" in text and any(found["half"] for found in _SURROGATE.finditer(text)):
        raise NotJson("half of a surrogate pair in a string")
    return value


def _decode(body: bytes, *, repair: bool) -> str:
    try:
        return body.decode(errors="replace" if repair else "strict")
    except UnicodeDecodeError:
        raise Invalid("body is not UTF-8", code="body_not_json") from None


def _is_deeper(text: str, depth: int) -> bool:
    if text.count("{") + text.count("[") <= depth:
        return False
    brackets = _NOT_BRACKET.sub("", _STRING.sub("", text))
    return any(level > depth for level in accumulate(1 if bracket in "{[" else -1 for bracket in brackets))


def _with_words(text: str, words: Mapping[str, object]) -> str:
    spelled = {word: json.dumps(value) for word, value in words.items()}
    pattern = re.compile(rf"{_STRING.pattern}|\b(?:{'|'.join(map(re.escape, words))})\b", re.DOTALL)
    return pattern.sub(lambda found: spelled.get(found[0], found[0]), text)


def _is_cut(text: str, fault: json.JSONDecodeError) -> bool:
    """Say whether more bytes could have made JSON of `text`."""
    rest = text[fault.pos :]
    if not rest or fault.msg.startswith("Unterminated string"):
        return True
    if fault.msg == "Expecting value":
        return any(word.startswith(rest) for word in ("true", "false", "null", "-"))
    if "escape" in fault.msg:
        return _HALF_ESCAPE.search(text[-6:]) is not None
    return _HALF_NUMBER.match(text, fault.pos) is not None


def _whole(found: re.Match[str]) -> str:
    return "\\ufffd" if found["half"] else found[0]


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits)
    return number


def _no_constant(word: str) -> object:
    raise ValueError(word)


def _fold(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {key.casefold(): value for key, value in pairs}


def _too_large(limit_bytes: int) -> Invalid:
    return Invalid(f"body is larger than {limit_bytes} bytes", code="too_large")


def _truncated() -> Invalid:
    return Invalid("unexpected end of JSON input", code="body_truncated")


_BLANK = " \t\r\n"
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NOT_BRACKET = re.compile(r"[^][{}]+")
_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_HALF_NUMBER = re.compile(r"(?<=[0-9])(?:\.|[eE][-+]?)\Z")
_HALF_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,4}\Z")
_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)
_FOLDING = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant, object_pairs_hook=_fold)
