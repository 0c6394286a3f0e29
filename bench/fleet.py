"""Server and workers in processes of their own on a NATS server, for benches that need several workers: `python -m bench.fleet ROLE`."""

import asyncio
import json
import shutil
import signal
import socket
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from triptych.agent.agent import Agent
from triptych.audit import Audit
from triptych.buses.nats import NatsBus
from triptych.clock import SystemClock
from triptych.cores import Cores
from triptych.engine import Engine
from triptych.model import Place
from triptych.outputs import Outputs
from triptych.panels import annotations, native, workers
from triptych.panels.app import App
from triptych.panels.http import Service
from triptych.panels.server import bind, serve
from triptych.posts import post
from triptych.registrar import Registrar
from triptych.settings import Settings
from triptych.stores.sql import SqlStore
from triptych.tokens import Tokens
from triptych.upkeep import Upkeep
from triptych.webhooks import Herald

READY_S = 30.0
END_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A running fleet: the server's port, and the process of each worker by its id."""

    port: int
    workers: dict[str, asyncio.subprocess.Process]


def nats_server() -> str | None:
    """Return the server on PATH or beside this Python, None where there is none."""
    return shutil.which("nats-server") or shutil.which("nats-server", path=sysconfig.get_path("scripts"))


@asynccontextmanager
async def fleet(names: tuple[str, ...]) -> AsyncIterator[Fleet]:
    """Bring up NATS, a server and a worker of each name; end all of them by SIGTERM, or by force after 10 s."""
    with tempfile.TemporaryDirectory(prefix="triptych-bench-", ignore_cleanup_errors=True) as name:
        folder, url = Path(name), f"nats://127.0.0.1:{_free_port()}"
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_process(str(nats_server()), "-js", "-sd", f"{folder}/nats", "-p", url.rpartition(":")[2]))
            await _listens(int(url.rpartition(":")[2]))
            server = await stack.enter_async_context(_role("server", url, folder / "server"))
            told = await _line(server)
            members = {one: await stack.enter_async_context(_role("worker", url, folder / one)) for one in names}
            for member in members.values():
                await _line(member)
            yield Fleet(port=int(told["port"]), workers=members)


async def serve_fleet(url: str, data: Path) -> None:
    """Run engine and panels on the bus at `url` until SIGTERM."""
    settings, clock, stop = Settings(port=0, data_dir=data), SystemClock(), _ended()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqlStore(settings.store_url))
        outputs = await stack.enter_async_context(Outputs(data / "output"))
        bus = await NatsBus.connect(url)
        stack.push_async_callback(bus.close)
        engine = await stack.enter_async_context(Engine(store=store, bus=bus, outputs=outputs, clock=clock))
        upkeep = asyncio.create_task(Upkeep(engine, clock).run())
        stack.callback(upkeep.cancel)
        listener = stack.enter_context(bind(settings))
        tokens = Tokens(store, clock)
        audit = await stack.enter_async_context(Audit(data / "audit.jsonl", store, clock))
        cores = Cores(store, engine, clock, settings.cores)
        herald = Herald(store, clock, partial(post, inputs=settings.inputs.beside_roots))
        registrar = Registrar(
            engine=engine, catalog=store, clock=clock, cores=cores, folder=data, announce=herald.announce, tell=annotations.notice
        )
        service = Service(
            engine=engine,
            catalog=store,
            settings=settings,
            clock=clock,
            tokens=tokens,
            audit=audit,
            cores=cores,
            registrar=registrar,
            herald=herald,
        )
        app = App(service, (workers.PANEL, native.PANEL))
        await serve(app, listener, stop=stop, on_ready=lambda: _tell(port=listener.getsockname()[1]))


async def work(url: str, data: Path) -> None:
    """Run the agent of the worker named as its folder until SIGTERM."""
    stop = _ended()
    bus = await NatsBus.connect(url)
    place = Place(worker_id=data.name, data_dir=str(data))
    async with Agent(bus=bus, place=place, slots={"command": 256}, clock=SystemClock()) as agent:
        _tell(worker=data.name)
        await stop.wait()
        await agent.close(stop_jobs=True)
    await bus.close()


@asynccontextmanager
async def _role(role: str, url: str, data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    async with _process(sys.executable, "-m", "bench.fleet", role, url, str(data)) as process:
        yield process


@asynccontextmanager
async def _process(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        for number in (signal.SIGCONT, signal.SIGTERM):
            process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), END_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _line(process: asyncio.subprocess.Process) -> dict[str, str]:
    if process.stdout is None:
        raise RuntimeError("no pipe")
    told: dict[str, str] = json.loads(await asyncio.wait_for(process.stdout.readline(), READY_S))
    return told


def _tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def _ended() -> asyncio.Event:
    event = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, event.set)
    return event


async def _listens(port: int) -> None:
    async with asyncio.timeout(READY_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


if __name__ == "__main__":
    _, role, bus_url, folder_name = sys.argv
    Path(folder_name).mkdir()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run({"server": serve_fleet, "worker": work}[role](bus_url, Path(folder_name)))
