"""Ours as its peers are measured: a job is started by `/start`, and its end waited for."""

import asyncio
import time

from bench import asking
from bench.running import running
from bench.wire import Wire

IN_FLIGHT = 32
WAIT = "?wait_s=30"


def rate(jobs: int) -> float:
    """Return how many jobs a second were started and had ended, 32 in flight."""
    return asyncio.run(_rate(jobs))


async def _rate(jobs: int) -> float:
    async with running() as (server, worker):
        left = iter(range(jobs))

        async def client() -> None:
            async with Wire("127.0.0.1", server.port) as wire:
                for _ in left:
                    job_id = await asking.start(wire, worker, "true")
                    await asking.record(wire, job_id + WAIT)

        begun = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))
        return jobs / (time.perf_counter() - begun)
