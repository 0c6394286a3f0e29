"""Answers kept by Idempotency-Key: a repeat of a request is told what the first one was told, through restarts (media G9)."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from triptych.contracts import Catalog, Clock
from triptych.errors import Conflict, Invalid, TriptychError, Unavailable
from triptych.panels.http import REPEAT_KEY, Parameter, Route, caller, read_body

HEADER = "idempotency-key"
SHELF = "answers"
KEEP = timedelta(hours=24)
PAUSE = timedelta(hours=1)
LEAST_ERROR = 400
KEY = Parameter(name="Idempotency-Key", place="header", type=str, summary="A repeat of the same body within 24 h gets the first answer.")

log = structlog.get_logger()


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One request: what was asked, by its hash, and what was answered; `status` 0 until that is known."""

    fingerprint: str
    at: datetime
    status: int = 0
    body: str = ""
    media_type: str | None = None


class Repeats:
    """Keeps the answers of what was done for `KEEP`. What was refused did nothing: its key stays free."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, request: Request, route: Route) -> Response:
        """Answer a request that has a key; one that is being answered is waited for.

        Raises `Invalid` for what is no key, `Conflict` with code `key_reused` where it came with another body, and what the handler does.
        """
        slot = _slot(request)
        body = await read_body(request, route.keyed_bytes or 0)
        turn = self._turns.setdefault(slot, asyncio.Lock())
        async with turn:
            kept = await self._claim(slot, hashlib.sha256(body).hexdigest())
            if kept.status:
                return Response(kept.body, kept.status, media_type=kept.media_type)
            request.scope[REPEAT_KEY] = f"{slot}:{kept.at.isoformat()}"
            response = await self._first(Request(request.scope, _again(body)), route, slot)
            await self._keep(slot, kept, response)
            return response

    async def run(self) -> None:
        """Forget what is old, for ever; a round that fails is logged and the next one tries again."""
        while True:
            try:
                await self.run_once()
            except TriptychError as fault:
                log.warning("kept answers not forgotten", reason=fault.message)
            await self._clock.sleep(PAUSE)

    async def run_once(self) -> None:
        """Forget what is old."""
        for slot in await self._catalog.keys(SHELF):
            if await self._find(slot) is None:
                await self._catalog.drop(SHELF, slot)

    async def _claim(self, slot: str, fingerprint: str) -> Kept:
        """Return what is known of this request, written down before it is done so that it is done once if this server dies over it."""
        kept = await self._find(slot)
        if kept is None:
            kept = Kept(fingerprint=fingerprint, at=self._clock.now())
            await self._catalog.put(SHELF, slot, msgspec.to_builtins(kept))
        if kept.fingerprint != fingerprint:
            raise Conflict("Idempotency-Key was used with another body", code="key_reused", field="Idempotency-Key")
        return kept

    async def _first(self, request: Request, route: Route, slot: str) -> Response:
        try:
            return await route.handler(request)
        except Unavailable:
            raise
        except TriptychError:
            await self._catalog.drop(SHELF, slot)
            raise

    async def _keep(self, slot: str, kept: Kept, response: Response) -> None:
        if response.status_code >= LEAST_ERROR:
            await self._catalog.drop(SHELF, slot)
            return
        told = msgspec.structs.replace(
            kept, status=response.status_code, body=bytes(response.body).decode(), media_type=response.media_type
        )
        await self._catalog.put(SHELF, slot, msgspec.to_builtins(told))

    async def _find(self, slot: str) -> Kept | None:
        document = await self._catalog.get(SHELF, slot)
        kept = None if document is None else msgspec.convert(document, Kept)
        return None if kept is None or self._clock.now() - kept.at >= KEEP else kept


def _slot(request: Request) -> str:
    """Return where an answer is kept: by who asked, what for, and the key."""
    key = request.headers[HEADER]
    if not _KEY.fullmatch(key):
        raise Invalid("Idempotency-Key must be 1 to 200 visible ASCII characters", code="invalid_key", field="Idempotency-Key")
    parts = (caller(request).who, request.method, request.url.path.rstrip("/"), key)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _again(body: bytes) -> Callable[[], Awaitable[Message]]:
    """Return what gives the body of a request that was read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


_KEY = re.compile(r"[!-~]{1,200}")
