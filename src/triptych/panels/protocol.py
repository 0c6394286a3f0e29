"""The server's end of one connection: bounds what a client may hold open, reads `DEL` as DELETE, and knows whose socket it is."""

import asyncio
from typing import Any

import httptools
from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from triptych.panels.guards import Peer

HEAD_CAP_BYTES = 16 * 1024
READ_TIMEOUT_S = 30.0
MOST_CONNECTIONS = 1024
"""Past so many a new connection is cut; requests beyond 512 are answered 503 by uvicorn, which also counts idle connections."""
WORD = b"DEL "
WORD_STARTS = (b"DEL", b"DE", b"D")


class TriptychProtocol(HttpToolsProtocol):
    """Uvicorn's fast protocol with the rules of workers.md 9 and camera W6.

    Between two requests the literal token `DEL` becomes `DELETE` before the parser, which refuses it, sees it. A request's head is at most
    16 KiB, must be whole within 30 s, and a body may not pause for longer.
    """

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._between = True
        self._in_head = False
        self._upgraded = False
        self._head_bytes = 0
        self._held = b""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself declares it
        """Begin, and give every request of this connection its peer."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        self.app_state = {**self.app_state, "peer": Peer(_full(self.server), self.client)}
        self._allow(READ_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, with nothing left to fire."""
        self._allow(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        was_in_head = self._in_head
        if self._held:
            data, self._held = self._held + data, b""
        if WORD in data or data.endswith(WORD_STARTS):
            self._feed_in_pieces(data)
        else:
            super().data_received(data)
        if self._upgraded or self.transport.is_closing():
            self._allow(None)
        else:
            self._bound(len(data) if was_in_head else 0)

    def on_message_begin(self) -> None:
        """Take note that a request has begun."""
        self._between, self._in_head, self._head_bytes = False, True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Refuse a head that is too long, else go on."""
        self._head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if self._head_bytes > HEAD_CAP_BYTES:
            raise httptools.HttpParserError
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Take note that a request is whole."""
        self._between = True
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._upgraded = True
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or one whose head is too long, and hang up."""
        if self._head_bytes > HEAD_CAP_BYTES:
            self._hang_up(431, f"request head is larger than {HEAD_CAP_BYTES} bytes")
        else:
            self._hang_up(400, msg)

    def _feed_in_pieces(self, data: bytes) -> None:
        tail = next((start for start in WORD_STARTS if data.endswith(start)), b"")
        first, *others = data[: len(data) - len(tail)].split(WORD)
        self._feed(first)
        for piece in others:
            self._feed((b"DELETE " if self._between else WORD) + piece)
        if self._between:
            self._held = tail
        else:
            self._feed(tail)

    def _feed(self, piece: bytes) -> None:
        if piece and not (self._upgraded or self.transport.is_closing()):
            super().data_received(piece)

    def _bound(self, more_head_bytes: int) -> None:
        if self._in_head:
            self._head_bytes += more_head_bytes
        if self._in_head and self._head_bytes > HEAD_CAP_BYTES:
            self.send_400_response("")
        elif self._between and not self._held:
            self._allow(None)
        elif self._deadline is None or not self._in_head:
            self._allow(READ_TIMEOUT_S)

    def _allow(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self._in_head:
            self._hang_up(408, "request not received in time")
        self.transport.close()

    def _hang_up(self, status: int, text: str) -> None:
        lines = (b"content-type: text/plain; charset=utf-8", b"content-length: %d" % len(text), b"connection: close", b"", text.encode())
        self.transport.write(STATUS_LINE[status] + b"\r\n".join(lines))
        self.transport.close()


class TriptychSocket(WebSocketsSansIOProtocol):
    """Uvicorn's web socket, which otherwise logs each refused handshake as one that was forgotten."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send, and take note that a refusal is whole."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True


def _full(address: tuple[str, int | None] | None) -> tuple[str, int] | None:
    return None if address is None or address[1] is None else (address[0], address[1])
