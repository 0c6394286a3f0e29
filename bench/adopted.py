"""Jobs that outlive: how long a server that was killed by force takes to have a thousand live jobs again."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import asking
from bench.figure import Figure, at_most
from bench.wire import Wire
from triptych.cli.demo.server import Server

LIVE = 1000
CLIENTS = 32
BOUND_S = 120.0
WORKER = "w-adopted"
SLOTS = "TRIPTYCH_SLOTS"


def figures() -> list[Figure]:
    """Measure workers P8: kill -9 of server and worker with 1,000 live jobs, then a start on the same folder."""
    before = os.environ.get(SLOTS)
    os.environ[SLOTS] = str(2 * LIVE)
    try:
        return asyncio.run(_figures())
    finally:
        os.environ.pop(SLOTS) if before is None else os.environ.update({SLOTS: before})


async def _figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="triptych-bench-", ignore_cleanup_errors=True) as folder:
        async with Server(Path(folder), arguments=["--worker-id", WORKER]) as server:
            pids = await _start_all(server)
            server.kill()
        async with Server(Path(folder), arguments=["--worker-id", WORKER]) as again:
            begun = time.perf_counter()
            same = await _same(again, pids)
            took_s = again.ready_after_s + time.perf_counter() - begun
            await _stop_all(again, list(pids))
    note = f"ready to serve after {again.ready_after_s:.2f} s; {same} of {LIVE} kept their pid"
    return [
        Figure(name="1,000 live jobs re-adopted", value=took_s, unit="s", target=at_most(5), note=note),
        Figure(name="live jobs lost", value=LIVE - same, unit="jobs", target=at_most(0)),
    ]


async def _start_all(server: Server) -> dict[str, int]:
    """Start the jobs and return the pid of each."""
    left = iter(range(LIVE))
    pids: dict[str, int] = {}

    async def client() -> None:
        async with Wire("127.0.0.1", server.port) as wire:
            for _ in left:
                job_id = await asking.start(wire, WORKER, "sleep", "600")
                pids[job_id] = (await _past(wire, job_id, "starting"))["pid"]

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return pids


async def _same(server: Server, pids: dict[str, int]) -> int:
    """Wait until every job is told as running or ended, and return how many run with the pid they had."""
    left = iter(pids.items())
    same = 0

    async def client() -> None:
        nonlocal same
        async with Wire("127.0.0.1", server.port) as wire, asyncio.timeout(BOUND_S):
            for job_id, pid in left:
                record = await _past(wire, job_id, "unreachable")
                same += (record["state"], record["pid"]) == ("running", pid)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return same


async def _past(wire: Wire, job_id: str, state: str) -> dict[str, Any]:
    """Return the record of a job once it is not in `state` any more."""
    record = await asking.record(wire, job_id)
    while record["state"] == state:
        await asyncio.sleep(0.01)
        record = await asking.record(wire, job_id)
    return record


async def _stop_all(server: Server, jobs: list[str]) -> None:
    left = iter(jobs)

    async def client() -> None:
        async with Wire("127.0.0.1", server.port) as wire:
            for job_id in left:
                await asking.stop(wire, WORKER, job_id)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
