"""Listening: where the server may, the socket it takes, and the run from ready to a quiet end."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from triptych.errors import Forbidden, Unavailable
from triptych.panels.app import App
from triptych.panels.protocol import TriptychProtocol
from triptych.settings import Settings

CONNECTIONS = 512
GRACE_S = 3
KEEP_ALIVE_S = 65
MAX_BACKLOG = 2048


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to whoever wired it, says when it is ready and tells endless answers when it goes."""

    def __init__(self, app: App, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=TriptychProtocol,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._on_ready = on_ready
        self._closing = app.service.closing

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen and say so."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End endless answers, then finish what is open."""
        self._closing.set()
        await super().shutdown(sockets)


def check_listen(settings: Settings) -> None:
    """Raise `Forbidden` with code `listen_refused` where the server may not listen without tokens and TLS: anywhere but on loopback."""
    if not _is_loopback(settings.host):
        text = f"refusing to listen on {settings.host}: without tokens and TLS only loopback (127.0.0.1, ::1, localhost) may be used"
        raise Forbidden(text, code="listen_refused")


def bind(settings: Settings) -> socket.socket:
    """Return the socket to listen on; port 0 takes a free one. Raises as `check_listen`, or `Unavailable` with `port_unavailable`."""
    check_listen(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=MAX_BACKLOG)
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise Unavailable(f"cannot listen on {settings.host} port {settings.port}: {reason.lower()}", code="port_unavailable") from fault


async def serve(app: App, listener: socket.socket, *, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
    """Serve `app` until `stop` is set, then finish open requests: within 5 s, endless answers at once. Signals are the caller's."""
    server = _Server(app, on_ready)
    running = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await running


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
