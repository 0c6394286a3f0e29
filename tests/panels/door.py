"""A server on a free port with a panel of its own, spoken to by raw sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import cast

from triptych.audit import Audit
from triptych.clock import SystemClock
from triptych.cores import Cores
from triptych.engine import Engine
from triptych.panels.annotations import notice
from triptych.panels.app import App
from triptych.panels.http import Panel, Service
from triptych.panels.server import bind, serve
from triptych.posts import post
from triptych.registrar import Registrar
from triptych.settings import Settings
from triptych.stores.memory import MemoryStore
from triptych.tokens import Tokens
from triptych.webhooks import Herald


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP answer, as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Send pieces, each in a packet of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.01)  # no signal tells that the other end has read a packet

    async def reply(self, *, head: bool = False) -> Reply:
        """Read one answer."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        headers = dict(line.lower().split(": ", 1) if line.lower().startswith("date") else _pair(line) for line in lines)
        size = 0 if head else int(headers.get("content-length", "0"))
        return Reply(status=int(first.split()[1]), headers=headers, body=await self.reader.readexactly(size))

    async def chunk(self) -> bytes:
        """Read one chunk of an answer that has no length, empty at its end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def is_closed(self) -> bool:
        """Wait for the end of the connection; bytes before it are an error."""
        return await self.reader.read(1) == b""


def _pair(line: str) -> tuple[str, str]:
    name, value = line.split(": ", 1)
    return name.lower(), value


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A running server."""

    port: int
    app: App
    stop: asyncio.Event
    running: asyncio.Task[None]

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Line(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Send one request on a connection of its own and read the answer."""
        async with self.line() as line:
            await line.send(request(method, path, body, **headers))
            return await line.reply(head=method == "HEAD")


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return a request as bytes; `_` in a header's name is a dash, and `host` may be given as any text."""
    fields = {"host": "127.0.0.1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body:
        fields["content-length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def opened(panels: tuple[Panel, ...], settings: Settings, engine: Engine | None = None) -> AsyncIterator[Door]:
    """Serve for a while; without an engine for panels that ask none."""
    catalog, clock = MemoryStore(), SystemClock()
    tokens, audit = Tokens(catalog, clock), Audit(settings.data_dir / "audit.jsonl", catalog, clock)
    cores = Cores(catalog, cast("Engine", engine), clock, settings.cores)
    if engine is not None:
        await cores.load()
    herald = Herald(catalog, clock, partial(post, inputs=settings.inputs.beside_roots))
    registrar = Registrar(
        engine=cast("Engine", engine),
        catalog=catalog,
        clock=clock,
        cores=cores,
        folder=settings.data_dir / "media",
        announce=herald.announce,
        tell=notice,
    )
    service = Service(
        engine=cast("Engine", engine),
        catalog=catalog,
        settings=settings,
        clock=clock,
        tokens=tokens,
        audit=audit,
        cores=cores,
        registrar=registrar,
        herald=herald,
    )
    app, stop, ready = App(service, panels), asyncio.Event(), asyncio.Event()
    listener = bind(settings)
    running = asyncio.create_task(serve(app, listener, stop=stop, on_ready=ready.set))
    port = listener.getsockname()[1]
    await ready.wait()
    try:
        async with audit:
            yield Door(port=port, app=app, stop=stop, running=running)
    finally:
        stop.set()
        await running


Open = Callable[..., Awaitable[Door]]
