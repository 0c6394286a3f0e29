"""A system at rest: how soon it is ready, and how much memory it holds with no job."""

import asyncio
import sys
import time
from statistics import median

from bench import asking, processes
from bench.figure import Baseline, Figure, at_most
from bench.running import running
from bench.wire import Wire

ROUNDS = 3
SETTLED_S = 4.0
LIVE = 100
MB = 1e6


def figures() -> list[Figure]:
    """Measure workers P7: cold start, idle memory and CPU, and what a live job adds."""
    return asyncio.run(_figures())


async def _figures() -> list[Figure]:
    starts = []
    for _ in range(ROUNDS):
        async with running() as (server, _):
            starts.append(server.ready_after_s)
    async with running() as (server, worker):
        await asyncio.sleep(SETTLED_S)
        before = processes.tree(server.pid)
        await asyncio.sleep(SETTLED_S)
        after = processes.tree(server.pid)
        memory_mb = processes.memory_bytes(after) / MB
        async with Wire("127.0.0.1", server.port) as wire:
            live = await _live_job(wire, worker, server.pid)
    busy_percent = (processes.cpu_s(after) - processes.cpu_s(before)) / SETTLED_S * 100
    return [
        Figure(name="cold start to ready", value=median(starts), unit="s", target=at_most(2), baseline=await _bare()),
        Figure(
            name="idle memory",
            value=memory_mb,
            unit="MB",
            target=at_most(200),
            note=f"PSS of {len(after)} processes, media fork server included",
        ),
        Figure(name="idle CPU", value=busy_percent, unit="% of a core", target=at_most(1)),
        live,
    ]


async def _live_job(wire: Wire, worker: str, root: int) -> Figure:
    """Return what each of 100 sleeping jobs adds to the private memory of ours, the jobs' own left out."""
    before = _private_mb(root)
    for _ in range(LIVE):
        await asking.start(wire, worker, "sleep", "600")
    await asyncio.sleep(SETTLED_S)
    each = {part: (held - before[part]) / LIVE for part, held in _private_mb(root).items()}
    job_mb = each.pop("the job itself")
    told = [f"{part} {mb:.2f}" for part, mb in each.items()]
    note = f"{', '.join(told)}; the job itself {job_mb:.2f} beside that; in a shim: {_shim_holds(root)}"
    return Figure(name="private memory of a live job", value=sum(each.values()), unit="MB", target=at_most(2), note=note)


def _shim_holds(root: int) -> str:
    members = processes.tree(root)
    shim = next(one.parent for one in members if one.command.startswith("sleep "))
    return ", ".join(f"{name} {held / MB:.2f}" for name, held in processes.private_mappings(shim).most_common(3))


def _private_mb(root: int) -> dict[str, float]:
    """Return the private memory of the tree by part."""
    members = processes.tree(root)
    jobs = [one for one in members if one.command.startswith("sleep ")]
    helpers = [one for one in members if one not in jobs and one.pid != root]
    parts = {"server and agent": members[:1], "fork servers and shims": helpers, "the job itself": jobs}
    return {part: processes.private_bytes(found) / MB for part, found in parts.items()}


async def _bare() -> Baseline:
    begun = time.perf_counter()
    python = await asyncio.create_subprocess_exec(sys.executable, "-c", "import starlette, sqlalchemy, uvicorn")
    await python.wait()
    return Baseline("import of starlette, sqlalchemy, uvicorn", time.perf_counter() - begun)
