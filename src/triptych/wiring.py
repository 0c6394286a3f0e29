"""Where the parts meet: the one module that names concrete classes."""

import asyncio
import gc
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from triptych import folder
from triptych.agent.agent import Agent
from triptych.agent.survey import equip
from triptych.audit import Audit, Verdict, verify
from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock
from triptych.cores import Cores
from triptych.dashboard import pages
from triptych.engine import Engine
from triptych.errors import NotFound
from triptych.media.library import Library
from triptych.model import Place
from triptych.outputs import Outputs
from triptych.panels import annotations, camera, cores, google, media, native, standing, workers
from triptych.panels.app import App
from triptych.panels.camera import BRINGS
from triptych.panels.cameras import everyone
from triptych.panels.courier import Courier
from triptych.panels.http import Service
from triptych.panels.openapi import document as describe
from triptych.panels.revival import Revival
from triptych.panels.server import bind, check_tokens, serve, tls_context
from triptych.panels.table import Table
from triptych.policy import place_of
from triptych.poller import Poller
from triptych.posts import post
from triptych.registrar import Registrar
from triptych.retention import Retention
from triptych.settings import Settings
from triptych.stores.sql import SqlStore
from triptych.tokens import Tokens
from triptych.upkeep import Upkeep
from triptych.webhooks import Herald

PANELS = (workers.PANEL, media.PANEL, google.PANEL, cores.PANEL, camera.PANEL, pages.PANEL, native.PANEL)
"""Every panel; the last one speaks for paths that belong to none."""


AUDIT = "audit.jsonl"
MEDIA = "media"
"""The folder of what media jobs leave, such as recordings: `media/<job id>` goes with its job."""
RARE_COLLECTION = 20_000
"""Allocations between two rounds of the collector, which walks every live job each time that it looks at the old ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A running system: where it listens, who its worker is and which folders it uses."""

    url: str
    worker_id: str
    data_dir: Path
    roots: tuple[Path, ...]
    media_roots: tuple[Path, ...]


def document() -> str:
    """Return the OpenAPI document of every route as JSON."""
    return json.dumps(describe(Table(PANELS)), indent=2)


async def up(settings: Settings, *, ready: Callable[[Up], None] | None = None) -> int:
    """Run server, engine and agent in this process; call `ready` once jobs can be taken.

    SIGTERM ends it and leaves commands with their shims for the next start; SIGINT stops every job first (workers L8).

    Raises `Conflict` (data folder in use), `Unavailable` (address in use), `Forbidden` (not loopback) or `Invalid` (settings)
    before anything runs.
    """
    ending = Ending()
    tls_context(settings)
    with folder.own(settings.data_dir), bind(settings) as listener, _signals(ending):
        async with running(settings, listener, ending) as system:
            gc.freeze()
            gc.set_threshold(RARE_COLLECTION, 20, 20)
            if ready is not None:
                ready(system)
            await ending.begun.wait()
    return 0


class Ending:
    """The wish that a system ends, and whether its commands end with it; without a wish they do."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.stop_jobs = True

    def begin(self, *, stop_jobs: bool) -> None:
        """Wish for the end; a later wish may still stop what the first would have left."""
        self.stop_jobs = stop_jobs
        self.begun.set()


@asynccontextmanager
async def access(data_dir: Path, *, make: bool = False) -> AsyncIterator[tuple[Tokens, Audit]]:
    """Open the tokens and the audit chain of a data folder whose server does not run; `make` makes one that is not there.

    Raises `Conflict` when its server runs, `NotFound` when it is none.
    """
    clock = SystemClock()
    if not make:
        _find_store(data_dir)
    settings = Settings(data_dir=data_dir)
    with folder.own(data_dir):
        async with SqlStore(settings.store_url) as store, Audit(data_dir / AUDIT, store, clock) as audit:
            tokens = Tokens(store, clock)
            await tokens.load()
            yield tokens, audit


async def verify_audit(data_dir: Path) -> Verdict:
    """Check the audit chain of a data folder whose server does not run. Raises as `access`."""
    _find_store(data_dir)
    with folder.own(data_dir):
        async with SqlStore(Settings(data_dir=data_dir).store_url) as store:
            return await verify(data_dir / AUDIT, store)


def _find_store(data_dir: Path) -> None:
    if not (data_dir / "triptych.db").exists():
        raise NotFound(f"{data_dir} is no data folder of a server: there is no triptych.db in it", code="data_dir_not_found")


@asynccontextmanager
async def running(settings: Settings, listener: socket.socket, ending: Ending | None = None) -> AsyncIterator[Up]:
    """Bring everything up on a data folder that the caller owns, and take it down in the reverse order."""
    ending = ending or Ending()
    clock = SystemClock()
    place = await equip(place_of(settings, folder.worker_id(settings.data_dir, settings.worker_id)), settings.kill_tiers)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqlStore(settings.store_url))
        tokens = await _tokens(settings, store, clock)
        audit = await stack.enter_async_context(Audit(settings.data_dir / AUDIT, store, clock))
        outputs = await stack.enter_async_context(Outputs(settings.data_dir / "output", beside=settings.data_dir / MEDIA))
        bus = MemoryBus()
        stack.push_async_callback(bus.close)
        engine = await stack.enter_async_context(_engine(settings, store, bus, outputs, clock))
        rooms = Cores(store, engine, clock, settings.cores)
        await rooms.load()
        agent = Agent(bus=bus, place=place, slots=_slots(settings), clock=clock, spool_cap_bytes=settings.spool_max_bytes)
        await stack.enter_async_context(_at_work(agent, ending))
        await engine.attend(place.worker_id)
        herald = Herald(store, clock, partial(post, inputs=settings.inputs.beside_roots))
        await herald.load()
        registrar = Registrar(
            engine=engine,
            catalog=store,
            clock=clock,
            cores=rooms,
            folder=settings.data_dir / MEDIA,
            announce=herald.announce,
            tell=annotations.notice,
        )
        await registrar.load()
        await stack.enter_async_context(_background(Upkeep(engine, clock, timedelta(days=settings.record_days), registrar.drop).run()))
        await stack.enter_async_context(_background(_retention(settings, engine, outputs, clock).run()))
        await stack.enter_async_context(_background(tokens.run()))
        await stack.enter_async_context(_background(audit.run()))
        courier = await stack.enter_async_context(Courier(engine, settings, clock))
        await stack.enter_async_context(_background(_poller(settings, rooms, store, engine, clock).run()))
        await stack.enter_async_context(_background(registrar.run()))
        await stack.enter_async_context(_background(herald.run()))
        service = Service(
            engine=engine,
            catalog=store,
            settings=settings,
            clock=clock,
            tokens=tokens,
            audit=audit,
            cores=rooms,
            registrar=registrar,
            herald=herald,
            expect=courier.expect,
        )
        await stack.enter_async_context(_background(_happening(service)))
        await stack.enter_async_context(_background(Revival(service, BRINGS).run()))
        app = App(service, PANELS)
        await stack.enter_async_context(_background(app.repeats.run()))
        await stack.enter_async_context(_serving(app, listener, engine, ending))
        audit.note("server", "server.start", worker=place.worker_id, host=settings.host)
        try:
            yield _as_up(settings, listener, agent.place)
        finally:
            audit.note("server", "server.stop", worker=place.worker_id)


@asynccontextmanager
async def _at_work(agent: Agent, ending: Ending) -> AsyncIterator[None]:
    async with agent:
        yield
        await agent.close(stop_jobs=ending.stop_jobs)


@asynccontextmanager
async def _serving(app: App, listener: socket.socket, engine: Engine, ending: Ending) -> AsyncIterator[None]:
    """Serve requests; at the end, stop jobs while open requests finish, since some of them wait for a job."""
    stop, listening = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(serve(app, listener, stop=stop, on_ready=listening.set))
    try:
        await listening.wait()
        yield
    finally:
        stop.set()
        await asyncio.gather(task, engine.close(stop_jobs=ending.stop_jobs))


def _engine(settings: Settings, store: SqlStore, bus: MemoryBus, outputs: Outputs, clock: SystemClock) -> Engine:
    return Engine(
        store=store, bus=bus, outputs=outputs, clock=clock, worker_lease_s=settings.worker_lease_s, job_lease_s=settings.job_lease_s
    )


def _as_up(settings: Settings, listener: socket.socket, place: Place) -> Up:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return Up(
        url=f"{'http' if settings.tls_cert is None else 'https'}://{host}:{listener.getsockname()[1]}",
        worker_id=place.worker_id,
        data_dir=settings.data_dir,
        roots=tuple(map(Path, place.roots)),
        media_roots=settings.media_roots,
    )


async def _tokens(settings: Settings, store: SqlStore, clock: SystemClock) -> Tokens:
    tokens = Tokens(store, clock)
    await tokens.load()
    check_tokens(settings, tokens)
    return tokens


def _retention(settings: Settings, engine: Engine, outputs: Outputs, clock: SystemClock) -> Retention:
    return Retention(
        engine,
        outputs,
        clock,
        work=settings.data_dir / "work",
        media=settings.data_dir / MEDIA,
        library=Library(settings.data_dir),
        output_days=settings.output_days,
        output_max_total_bytes=settings.output_max_total_bytes,
    )


def _poller(settings: Settings, rooms: Cores, store: SqlStore, engine: Engine, clock: SystemClock) -> Poller:
    roots = [str(root) for root in settings.media_roots]
    order = partial(standing.order, store, settings)
    return Poller(cores=rooms, catalog=store, engine=engine, clock=clock, roots=roots, order=order)


def _slots(settings: Settings) -> dict[str, int]:
    return {"command": settings.slots, "annotate": settings.cores, "camera": settings.slots}


async def _happening(service: Service) -> None:
    """Read what every camera tells: those that are defined, and any that is asked for later."""
    for camera_id, _ in await everyone(service.catalog):
        service.happenings.expect(camera_id)
    await service.happenings.run(service.engine.pictures, service.clock)


@asynccontextmanager
async def _background(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@contextmanager
def _signals(ending: Ending) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(ending.begin, stop_jobs=number == signal.SIGINT))
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
