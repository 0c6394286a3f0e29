"""Starts: how soon one is running, how many a second are kept for good, and what each costs."""

import asyncio
import json
import os
import sqlite3
from statistics import median, quantiles

from bench import floor, processes
from bench.figure import Baseline, Figure, at_least, at_most
from bench.load import Plan, Result, in_its_own_process
from bench.running import running
from bench.wire import Wire
from triptych.cli.demo.server import Server

IDLE_STARTS = 200
IDLE_PAUSE_S = 0.02
CLIENTS = 32
LOAD_S = 10.0
KILLED_AFTER_S = 8.0
CREATED = 201
MS = 1000.0


def figures() -> list[Figure]:
    """Measure workers P3, P1 and P10: idle latency, throughput with a kill at the end, and CPU by process."""
    return asyncio.run(_figures())


async def _figures() -> list[Figure]:
    floor_s = floor.seconds_per_start()
    asyncio_s = await floor.asyncio_seconds_per_start()
    return [*await _idle(floor_s), *await _load(floor_s, asyncio_s)]


async def _idle(floor_s: float) -> list[Figure]:
    async with running() as (server, worker):
        took_ms = [took * MS for took in await _one_by_one(server, _body(worker))]
    baseline = Baseline("Popen and wait", floor_s * MS)
    return [
        Figure(name="idle submit to running, p50", value=median(took_ms), unit="ms", target=at_most(5), baseline=baseline),
        Figure(name="idle submit to running, p99", value=quantiles(took_ms, n=100)[98], unit="ms", target=at_most(25), baseline=baseline),
    ]


async def _one_by_one(server: Server, body: bytes) -> list[float]:
    took_s = []
    async with Wire("127.0.0.1", server.port) as wire:
        for _ in range(IDLE_STARTS):
            sent = asyncio.get_running_loop().time()
            status, answer = await wire.post("/start", body)
            took_s.append(asyncio.get_running_loop().time() - sent)
            _must(status, answer.decode())
            await asyncio.sleep(IDLE_PAUSE_S)
    return took_s


async def _load(floor_s: float, asyncio_s: float) -> list[Figure]:
    async with running() as (server, worker):
        before = processes.tree(server.pid)
        load = asyncio.create_task(in_its_own_process(_plan(server, worker)))
        await asyncio.sleep(KILLED_AFTER_S)
        after = processes.tree(server.pid)
        server.kill()
        result = await load
        ids = {json.loads(body)["job_id"] for status, body in result.answers if _must(status, body)}
        lost = ids - _kept(server)
    return [_rate(result, floor_s, asyncio_s), _loss(ids, lost), *_costs(before, after, len(ids))]


def _plan(server: Server, worker: str) -> Plan:
    body = _body(worker).decode()
    return Plan(host="127.0.0.1", port=server.port, path="/start", bodies=[body], clients=CLIENTS, seconds=LOAD_S)


def _rate(result: Result, floor_s: float, asyncio_s: float) -> Figure:
    rate = len(result.answers) / result.all_s
    return Figure(
        name=f"durable starts, {CLIENTS} clients",
        value=rate,
        unit="starts/s",
        target=at_least(800),
        baseline=Baseline("bare Popen loop", 1 / floor_s),
        note=f"asyncio loop, {floor.IN_FLIGHT} in flight: {1 / asyncio_s:.4g}, ratio {rate * asyncio_s:.2g}",
    )


def _loss(ids: set[str], lost: set[str]) -> Figure:
    note = f"of {len(ids)} acknowledged before the server was killed by force"
    return Figure(name="starts lost", value=len(lost), unit="jobs", target=at_most(0), note=note)


def _costs(before: list[processes.Process], after: list[processes.Process], starts: int) -> list[Figure]:
    """Return what a start costs by process: the server's own, the fork server's own, and all that descends from it."""
    roles = {"server and agent": after[:1], "fork servers": _children(after, after[0].pid), "shims and jobs": []}
    used = {role: sum(process.own_s for process in members) for role, members in roles.items()}
    total = processes.cpu_s(after) - processes.cpu_s(before)
    began = {process.pid: process.own_s for process in before}
    for role, members in roles.items():
        used[role] -= sum(began.get(process.pid, 0.0) for process in members)
    used["shims and jobs"] = total - used["server and agent"] - used["fork servers"]
    floor_ms = floor.cpu_seconds_per_start() * MS
    parts = [Figure(name=f"CPU of a start: {role}", value=cpu_s / starts * MS, unit="ms") for role, cpu_s in used.items()]
    note = f"{os.cpu_count()} cores of its own hold {(os.cpu_count() or 1) * starts / total:.0f} starts/s"
    whole = Figure(
        name="CPU of a start: all", value=total / starts * MS, unit="ms", baseline=Baseline("Popen and wait", floor_ms), note=note
    )
    return [*parts, whole]


def _children(members: list[processes.Process], parent: int) -> list[processes.Process]:
    return [process for process in members if process.parent == parent]


def _kept(server: Server) -> set[str]:
    with sqlite3.connect(server.data / "triptych.db") as store:
        return {row[0] for row in store.execute("SELECT id FROM jobs")}


def _body(worker: str) -> bytes:
    return json.dumps({"worker_id": worker, "command": "true", "path": ""}).encode()


def _must(status: int, answer: str) -> bool:
    if status != CREATED:
        raise RuntimeError(f"/start answered {status} {answer}")
    return True
