"""Listening: where the server may, the socket it takes, TLS, and the run from ready to a quiet end."""

import asyncio
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from triptych.errors import Forbidden, Invalid, Unavailable
from triptych.panels.app import App
from triptych.panels.protocol import READ_TIMEOUT_S, TriptychProtocol, TriptychSocket
from triptych.settings import Settings
from triptych.tokens import Tokens

CONNECTIONS = 512
GRACE_S = 3
KEEP_ALIVE_S = 65
MAX_BACKLOG = 2048
MOST_MESSAGE_BYTES = 64 * 1024
"""Of what a client may say at once over a web socket; pictures go the other way and are compressed already."""


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to whoever wired it, says when it is ready and tells endless answers when it goes."""

    def __init__(self, app: App, on_ready: Callable[[], None], tls: ssl.SSLContext | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=TriptychProtocol,
                ws=TriptychSocket,
                ws_max_size=MOST_MESSAGE_BYTES,
                ws_per_message_deflate=False,
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
        self._tls = tls
        self._on_ready = on_ready
        self._closing = app.service.closing

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen and say so. A client has as long for the handshake of TLS as for a request."""
        bound_s = None if self._tls is None else READ_TIMEOUT_S
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(self._protocol, sock=one, backlog=MAX_BACKLOG, ssl=self._tls, ssl_handshake_timeout=bound_s)
            for one in sockets or ()
        ]
        self.started = True
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End endless answers, then finish what is open."""
        self._closing.set()
        await super().shutdown(sockets)

    def _protocol(self) -> TriptychProtocol:
        return TriptychProtocol(config=self.config, server_state=self.server_state, app_state={})


def check_listen(settings: Settings) -> None:
    """Raise `Forbidden` with code `listen_refused` where others can reach the server and nothing hides what they send (workers 9)."""
    if settings.on_loopback or settings.tls_cert is not None or settings.tls_proxy:
        return
    raise Forbidden(
        f"refusing to listen on {settings.host} without tokens and TLS: set tls_cert and tls_key, or tls_proxy to the address of the proxy "
        "that ends TLS, and make a token with `triptych token create`; only loopback (127.0.0.1, ::1, localhost) needs neither",
        code="listen_refused",
    )


def check_tokens(settings: Settings, tokens: Tokens) -> None:
    """Raise `Forbidden` with code `listen_refused` where others can reach the server and nobody has a token that is good."""
    if settings.is_local or tokens.usable:
        return
    raise Forbidden(
        f"refusing to serve {'a proxy' if settings.on_loopback else settings.host} without a token: make the first one with "
        f"`triptych token create NAME --role admin --data {settings.data_dir}`",
        code="listen_refused",
    )


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return what the server speaks TLS with, None where it does not. Raises `Invalid` when the files do not serve."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    try:
        if settings.tls_key.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            raise Invalid(f"the key {settings.tls_key} is open to every user of this machine; `chmod 600` mends it", field="tls_key")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_password)
        context.set_alpn_protocols(["http/1.1"])
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise Invalid(f"TLS cannot begin with {settings.tls_cert} and {settings.tls_key}: {reason}", field="tls_cert") from fault
    return context


def _no_password() -> str:
    raise Invalid("the key of TLS asks for a password; a server has none to give", field="tls_key")


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
    server = _Server(app, on_ready, tls_context(app.service.settings))
    running = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await running
