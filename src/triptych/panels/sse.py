"""Answers that have no end of their own: raw streams, and server-sent events over them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

KEEP_ALIVE = timedelta(seconds=15)
SILENCE = b": keep-alive\n\n"
GREETING = b"retry: 1000\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event: `data` is sent as JSON, `id` is what a client that comes back names in `Last-Event-ID`."""

    data: object
    event: str | None = None
    id: str | None = None

    def encode(self) -> bytes:
        """Return the event as it goes over the wire."""
        lines = [f"id: {self.id}"] if self.id is not None else []
        lines += [f"event: {self.event}"] if self.event is not None else []
        return "\n".join([*lines, f"data: {msgspec.json.encode(self.data).decode()}", "", ""]).encode()


class LiveStream(Response):
    """An answer of chunks that ends when they do, when the client leaves or its token is no good any more, or when the server goes down."""

    def __init__(self, chunks: AsyncGenerator[bytes], media_type: str, headers: Mapping[str, str] | None = None) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self._chunks = chunks
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and, unless only that was asked for, the chunks."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._chunks):
            if scope["method"] != "HEAD":
                await self._send_until_gone(scope, receive, send)
        await send({"type": "http.response.body", "body": b""})

    async def _send_until_gone(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(scope, send))
        closing = scope["triptych.service"].closing
        racers = (sending, asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(closing.wait()))
        try:
            await asyncio.wait(racers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for racer in racers:
                racer.cancel()
            await asyncio.gather(*racers, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send(self, scope: Scope, send: Send) -> None:
        token, tokens = scope["triptych.caller"].token, scope["triptych.service"].tokens
        async for chunk in self._chunks:
            if token is not None and not tokens.holds(token):
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


def live_stream(chunks: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that sends `chunks` until they end, the client leaves or the server goes down."""
    return LiveStream(_generated(chunks), media_type, headers)


def event_stream(events: AsyncIterator[ServerSentEvent], *, keep_alive: timedelta = KEEP_ALIVE) -> Response:
    """Return `events` as server-sent events, with a comment after each `keep_alive` of silence so that a dead client is noticed."""
    return LiveStream(_encoded(events, keep_alive.total_seconds()), "text/event-stream", {"cache-control": "no-store"})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _generated(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        await _close(chunks)


async def _encoded(events: AsyncIterator[ServerSentEvent], keep_alive_s: float) -> AsyncGenerator[bytes]:
    yield GREETING
    upcoming: asyncio.Future[ServerSentEvent | None] = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait({upcoming}, timeout=keep_alive_s)
            if not upcoming.done():
                yield SILENCE
                continue
            event = upcoming.result()
            if event is None:
                return
            yield event.encode()
            upcoming = asyncio.ensure_future(anext(events, None))
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await _close(events)


async def _close(source: AsyncIterator[object]) -> None:
    if isinstance(source, AsyncGenerator):
        await source.aclose()
