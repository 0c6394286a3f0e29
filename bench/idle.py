"""A system at rest: how soon it is ready, and how much memory it holds with no job."""

import asyncio
import sys
import time
from statistics import median

from bench import processes
from bench.figure import Baseline, Figure, at_most
from bench.running import running

ROUNDS = 3
SETTLED_S = 4.0
MB = 1e6


def figures() -> list[Figure]:
    """Measure cold start, idle memory and idle CPU."""
    return asyncio.run(_figures())


async def _figures() -> list[Figure]:
    starts = []
    for _ in range(ROUNDS):
        async with running() as (server, _):
            starts.append(server.ready_after_s)
    async with running() as (server, _):
        await asyncio.sleep(SETTLED_S)
        before = processes.tree(server.pid)
        await asyncio.sleep(SETTLED_S)
        after = processes.tree(server.pid)
        memory_mb = processes.memory_bytes(after) / MB
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
    ]


async def _bare() -> Baseline:
    begun = time.perf_counter()
    python = await asyncio.create_subprocess_exec(sys.executable, "-c", "import starlette, sqlalchemy, uvicorn")
    await python.wait()
    return Baseline("import of starlette, sqlalchemy, uvicorn", time.perf_counter() - begun)
