"""Output: how fast one job's gigabyte is drained, and what that holds in memory meanwhile."""

import asyncio
import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bench import asking, processes
from bench.figure import Baseline, Figure, at_least, at_most
from bench.running import running
from bench.wire import Wire

SIZE_BYTES = 1_000_000_000
READ_BYTES = 1 << 16
LOOK_S = 0.05
SETTLED_S = 4.0
"""By then the media fork server has imported its libraries, which are 40 MB that no job adds."""
MB = 1e6
BOUND_S = 120.0
WRITER = ("head", "-c", str(SIZE_BYTES), "/dev/zero")


@dataclass(slots=True)
class Looks:
    """What the system held in memory of its own, look by look."""

    held_bytes: list[int] = field(default_factory=list)

    def take(self, root: int) -> None:
        """Look once, the job itself left out."""
        self.held_bytes.append(processes.private_bytes([one for one in processes.tree(root) if not one.command.startswith("head ")]))


def figures() -> list[Figure]:
    """Measure workers P9 with nobody reading the output."""
    return asyncio.run(_figures())


async def _figures() -> list[Figure]:
    bare = Baseline("read(2) from the pipe, kept nowhere", SIZE_BYTES / MB / _bare_s())
    async with running() as (server, worker), Wire("127.0.0.1", server.port) as wire:
        await asyncio.sleep(SETTLED_S)
        looks = Looks()
        looks.take(server.pid)
        record = await _drained(wire, worker, server.pid, looks)
    took_s = (_at(record["ended_at"]) - _at(record["started_at"])).total_seconds()
    written = record["output"]["stdout"]
    note = ", ".join(f"{name} {value}" for name, value in written.items())
    extra_mb = (max(looks.held_bytes) - looks.held_bytes[0]) / MB
    return [
        Figure(name="1 GB of one job drained", value=SIZE_BYTES / MB / took_s, unit="MB/s", target=at_least(200), baseline=bare, note=note),
        Figure(
            name="memory held for it",
            value=extra_mb,
            unit="MB",
            target=at_most(16),
            note=f"private memory of all our processes, {len(looks.held_bytes)} looks",
        ),
    ]


async def _drained(wire: Wire, worker: str, root: int, looks: Looks) -> dict[str, Any]:
    job_id = await asking.submit(wire, worker, *WRITER)
    async with asyncio.timeout(BOUND_S):
        while (record := await asking.record(wire, job_id))["state"] != "ended":
            looks.take(root)
            await asyncio.sleep(LOOK_S)
    return record


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _bare_s() -> float:
    begun = time.perf_counter()
    with subprocess.Popen(WRITER, stdout=subprocess.PIPE, bufsize=0) as process:
        if process.stdout is None:
            raise RuntimeError("no pipe")
        while process.stdout.read(READ_BYTES):
            pass
    return time.perf_counter() - begun
