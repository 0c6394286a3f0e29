"""The floor under every start: processes started in a bare loop, nothing kept, nothing asked."""

import asyncio
import os
import subprocess
import time

TRUE = ["true"]
ROUNDS = 300
IN_FLIGHT = 32


def seconds_per_start() -> float:
    """Return what one `subprocess.Popen` of `true` with its wait takes, on average."""
    begun = time.perf_counter()
    for _ in range(ROUNDS):
        subprocess.Popen(TRUE).wait()
    return (time.perf_counter() - begun) / ROUNDS


async def asyncio_seconds_per_start() -> float:
    """Return what one `asyncio.create_subprocess_exec` of `true` with its wait takes on average, 32 in flight."""
    left = iter(range(ROUNDS))

    async def client() -> None:
        for _ in left:
            process = await asyncio.create_subprocess_exec(*TRUE)
            await process.wait()

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))
    return (time.perf_counter() - begun) / ROUNDS


def cpu_seconds_per_start() -> float:
    """Return the CPU time of one such start, children included."""
    begun = _cpu_s()
    for _ in range(ROUNDS):
        subprocess.Popen(TRUE).wait()
    return (_cpu_s() - begun) / ROUNDS


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
