"""The HTTP door as one ASGI application: guards, the route table, and every fault said in the words of the panel it happened in."""

import gzip
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from triptych.engine import Engine
from triptych.errors import Forbidden, Invalid, NotFound, TriptychError
from triptych.panels.desk import BoundDesk, Desk, Nothing, Rate
from triptych.panels.guards import Guards
from triptych.panels.http import CALLER_KEY, SERVICE_KEY, Caller, Panel, Route, Service
from triptych.panels.repeats import HEADER, Repeats
from triptych.panels.table import Match, Table

log = structlog.get_logger()

GZIP_ABOVE_BYTES = 1024
ACCEPTS_GZIP = re.compile(r"(?<![\w-])gzip\b(?!-)(?! *; *q=0(?:\.0*)? *(?:,|$))")
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
MOST_PATH = 200
DENIALS = frozenset(
    {
        *("host_not_allowed", "cross_site", "not_authenticated", "not_authorised", "too_many_starts"),
        *("command_not_allowed", "path_outside", "path_dash", "path_not_file"),
    }
)
"""The refusals that the audit chain tells."""
NO_STORE = (b"cache-control", b"no-store")
PREFLIGHT = {
    "access-control-allow-headers": "authorization, content-type, idempotency-key, last-event-id",
    "access-control-max-age": "600",
}
"""What a page of a listed origin may send besides plain forms, for ten minutes without asking again."""

NOT_FOR_BOUND = ("catalog", "cores", "registrar", "herald")
"""The parts that a caller bound to some commands does not get: they are of media jobs and cameras."""


class App:
    """Answers requests from the route table of `panels`; the last panel speaks for paths that belong to none."""

    def __init__(self, service: Service, panels: Sequence[Panel]) -> None:
        self.service = service
        self.table = Table(panels)
        self.repeats = Repeats(service.catalog, service.clock)
        self.traffic: Counter[tuple[str, str, str, int]] = Counter()
        self._guards = Guards(service.settings, service.tokens)
        self._rate = None if service.settings.is_local else Rate(service.settings.starts_per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; there is nothing behind a web socket yet."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _live(receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        scope[SERVICE_KEY] = self.service
        match = self.table.find(scope)
        scope["path_params"] = match.parameters
        route = match.route(scope["method"])
        request = Request(scope, receive, send)
        try:
            response = await self._answer(request, match, route)
            self._count(match, route, response.status_code)
            if match.panel.cross_origin:
                _let_read(response, self._guards.origin(scope))
            await _finish(request, response)(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("stream broke", path=scope["path"], job_id=match.parameters.get("id"))

    async def _answer(self, request: Request, match: Match, route: Route | None) -> Response:
        try:
            if match.panel.cross_origin and self._guards.preflight(request.scope):
                return Response(status_code=204, headers={**PREFLIGHT, "access-control-allow-methods": match.allow})
            caller = self._guards.check(request.scope, takes_keys=match.panel.takes_keys, takes_admin_id=match.panel.takes_admin_id)
            request.scope[CALLER_KEY] = caller
            if route is None:
                return _unrouted(request, match)
            self._admit(request, caller, route)
            if route.keyed_bytes is not None and HEADER in request.headers:
                return await self.repeats.answer(request, route)
            return await route.handler(request)
        except TriptychError as fault:
            if fault.code in DENIALS:
                self._deny(request, fault)
            return match.panel.refuse(fault, request)
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("request failed", path=request.scope["path"], panel=match.panel.name, job_id=match.parameters.get("id"))
            return match.panel.refuse(TriptychError("internal error"), request)

    def _admit(self, request: Request, caller: Caller, route: Route) -> None:
        """Let the caller do what its role covers, by an engine that holds it to what its token is bound to."""
        if not caller.role.covers(route.role):
            raise Forbidden("not authorised", code="not_authorised")
        whole = self.service
        if caller.token is not None and caller.token.is_bound:
            desk: Desk = BoundDesk(whole.engine, caller, whole.audit, self._rate, caller.token)
            whole = replace(whole, **dict.fromkeys(NOT_FOR_BOUND, Nothing()))  # type: ignore[arg-type]  # it refuses in place of each
        else:
            desk = Desk(whole.engine, caller, whole.audit, self._rate)
        request.scope[SERVICE_KEY] = replace(whole, engine=cast("Engine", desk))

    def _deny(self, request: Request, fault: TriptychError) -> None:
        caller: Caller | None = request.scope.get(CALLER_KEY)
        peer = request.client.host if request.client else None
        who = caller.who if caller else "nobody"
        self.service.audit.deny(who, code=fault.code, method=request.method, path=request.url.path[:MOST_PATH], peer=peer)

    def _count(self, match: Match, route: Route | None, status: int) -> None:
        path = route.path if route is not None else "other"
        self.traffic[match.panel.name, route.method if route is not None else "other", path, status] += 1


def _unrouted(request: Request, match: Match) -> Response:
    if match.plain_path is not None:
        return Response(status_code=307, headers={"location": str(request.url.replace(scheme="", netloc="", path=match.plain_path))})
    if not match.routes:
        raise NotFound("no such route", code="route_not_found")
    if request.method == "OPTIONS":
        return Response(status_code=200, headers={"allow": match.allow})
    refusal = match.panel.refuse(Invalid("method not allowed", code="method_not_allowed"), request)
    refusal.status_code = 405
    refusal.headers["allow"] = match.allow
    return refusal


def _let_read(response: Response, origin: str | None) -> None:
    """Let a page of a listed origin read an answer, refusals too; no cookie is ever needed."""
    if origin is not None:
        response.raw_headers += [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"origin")]


def _finish(request: Request, response: Response) -> Response:
    headers = response.raw_headers
    headers.append(NO_SNIFFING)
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append(NO_STORE)
    body = getattr(response, "body", b"")
    if len(body) > GZIP_ABOVE_BYTES and (response.media_type or "").endswith("json"):
        headers.append((b"vary", b"accept-encoding"))
        if ACCEPTS_GZIP.search(request.headers.get("accept-encoding", "")):
            response.body = gzip.compress(body, compresslevel=4)
            response.headers["content-encoding"] = "gzip"
            response.headers["content-length"] = str(len(response.body))
    return response


async def _live(receive: Receive, send: Send) -> None:
    """Follow the lifespan protocol; whoever wired the service opens and closes it."""
    while True:
        message: Message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
