"""Queries: how many a second, of jobs that run and jobs that have ended."""

import asyncio
import json
from statistics import median

from bench.figure import Figure, at_least
from bench.load import Plan, in_its_own_process
from bench.running import running
from bench.wire import Wire
from triptych.cli.demo.server import Server

JOBS = 40
CLIENTS = 32
LOAD_S = 5.0
OK = 200


def figures() -> list[Figure]:
    """Measure workers P2: `/query` over as many live jobs as ended ones."""
    return asyncio.run(_figures())


async def _figures() -> list[Figure]:
    async with running() as (server, worker):
        ids = [await _start(server, worker, *argv) for argv in [("true", ""), ("sleep", "60")] * (JOBS // 2)]
        bodies = [json.dumps({"worker_id": worker, "job_id": job_id}) for job_id in ids]
        plan = Plan(host="127.0.0.1", port=server.port, path="/query", bodies=bodies, clients=CLIENTS, seconds=LOAD_S)
        result = await in_its_own_process(plan)
    if any(status != OK for status, _ in result.answers):
        raise RuntimeError("a query failed")
    note = f"p50 {median(result.took_s) * 1000:.1f} ms at {CLIENTS} clients"
    return [Figure(name="queries", value=len(result.answers) / result.all_s, unit="queries/s", target=at_least(5000), note=note)]


async def _start(server: Server, worker: str, command: str, path: str) -> str:
    async with Wire("127.0.0.1", server.port) as wire:
        _, answer = await wire.post("/start", json.dumps({"worker_id": worker, "command": command, "path": path}).encode())
    return str(json.loads(answer)["job_id"])
