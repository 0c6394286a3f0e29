"""Ends: how soon a stop is answered, and how soon after its end a job is told as done."""

import asyncio
import subprocess
import time
from pathlib import Path
from statistics import median, quantiles

from bench import asking
from bench.figure import Baseline, Figure, at_most
from bench.running import running
from bench.wire import Wire

ROUNDS = 100
MS = 1000.0
NS = 1e9
LAST_DEED = """sleep 0.02
exec date +%s%N > {folder}/$TRIPTYCH_JOB_ID
"""


def figures() -> list[Figure]:
    """Measure workers P4 and P5 on a system that does nothing else."""
    return asyncio.run(_figures())


async def _figures() -> list[Figure]:
    async with running() as (server, worker), Wire("127.0.0.1", server.port) as wire:
        stops_ms = [await _stop_s(wire, worker) * MS for _ in range(ROUNDS)]
        ended = server.data / "ended"
        ended.mkdir()
        (server.data / "root" / "last.sh").write_text(LAST_DEED.format(folder=ended))
        ends_ms = [await _done_after_s(wire, worker, ended) * MS for _ in range(ROUNDS)]
    baseline = Baseline("SIGTERM and wait of a Popen", median(_bare_stop_s() for _ in range(ROUNDS)) * MS)
    return [
        Figure(name="stop, answer included, p50", value=median(stops_ms), unit="ms", target=at_most(20), baseline=baseline),
        Figure(name="stop, answer included, p95", value=_p95(stops_ms), unit="ms", baseline=baseline),
        Figure(
            name="process end to done:true, p95",
            value=_p95(ends_ms),
            unit="ms",
            target=at_most(50),
            note=f"p50 {median(ends_ms):.1f}; the job wrote its end time itself, asked without pause",
        ),
    ]


async def _stop_s(wire: Wire, worker: str) -> float:
    job_id = await asking.start(wire, worker, "sleep", "60")
    begun = time.perf_counter()
    await asking.stop(wire, worker, job_id)
    return time.perf_counter() - begun


async def _done_after_s(wire: Wire, worker: str, ended: Path) -> float:
    """Return the time from what the job wrote as its last deed to the first answer that says done."""
    job_id = await asking.start(wire, worker, "sh", "last.sh")
    while not await asking.is_done(wire, worker, job_id):
        pass
    return (time.time_ns() - int((ended / job_id).read_text())) / NS


def _bare_stop_s() -> float:
    process = subprocess.Popen(["sleep", "60"])
    begun = time.perf_counter()
    process.terminate()
    process.wait()
    return time.perf_counter() - begun


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[18]
