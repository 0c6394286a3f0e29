"""The store by itself: what one guarded change costs, and how many are durable in a second. `python -m bench.store` prints only this."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

from bench.figure import Figure, at_least, at_most
from triptych.model import Change as Move
from triptych.model import End, EndReason, Job, State, sources
from triptych.stores.sql import SqlStore

CLIENTS = 32
LIVES = 4000
VERBS = 3
"""A life is three verbs: added as starting, found running, ended."""

NEEDED_PER_S = 2400


def figures() -> list[Figure]:
    """Measure a SQLite store in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        made_s = asyncio.run(_opened(url))
        opened_s = asyncio.run(_opened(url))
        wall_s, cpu_s = asyncio.run(_measured(url, _lives))
        idle_s, _ = asyncio.run(_measured(url, _one_by_one))
    verbs = LIVES * VERBS
    return [
        Figure(name="durable changes", value=verbs / wall_s, unit="/s", target=at_least(NEEDED_PER_S), note=f"{CLIENTS} clients"),
        Figure(name="CPU of a change and its log row", value=cpu_s / verbs * 1e6, unit="us"),
        Figure(name="one change, idle", value=idle_s / VERBS / (LIVES / 20) * 1e3, unit="ms"),
        Figure(name="open a new store", value=made_s * 1e3, unit="ms", target=at_most(100)),
        Figure(name="open a store that is up to date", value=opened_s * 1e3, unit="ms", target=at_most(100)),
    ]


async def _opened(url: str) -> float:
    begun = time.perf_counter()
    async with SqlStore(url):
        return time.perf_counter() - begun


async def _measured(url: str, work: Callable[[SqlStore], Awaitable[None]]) -> tuple[float, float]:
    """Return how long `work` took, in seconds of the wall clock and of this process."""
    async with SqlStore(url) as store:
        begun, used = time.perf_counter(), time.process_time()
        await work(store)
        return time.perf_counter() - begun, time.process_time() - used


async def _lives(store: SqlStore) -> None:
    left = iter(range(LIVES))

    async def client() -> None:
        for _ in left:
            await _life(store)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def _one_by_one(store: SqlStore) -> None:
    for _ in range(LIVES // 20):
        await _life(store)


async def _life(store: SqlStore) -> None:
    job_id, now = str(uuid4()), datetime.now(UTC)
    spec = {"argv": ["true"], "cwd": "root", "env": {"PATH": ""}, "timeout_s": None}
    await store.add(Job(id=job_id, kind="command", spec=spec, created_at=now, state=State.STARTING, attempt=1, worker_id="w1"))
    await store.move([_move(job_id, State.RUNNING, now, 1)])
    await store.move([_move(job_id, State.ENDED, now, 2, End(reason=EndReason.EXITED, exit_code=0))])


def _move(job_id: str, target: State, at: datetime, seq: int, end: End | None = None) -> Move:
    facts = {"kill_tier": "subreaper", "usage": {"cpu_s": 0.001, "memory_bytes": 1 << 20}}
    return Move(job_id=job_id, at=at, sources=sources(target), target=target, attempt=1, seq=seq, pid=4711, end=end, facts=facts)


if __name__ == "__main__":
    for figure in figures():
        print(f"{figure.name:36} {figure.value:10.4g} {figure.unit:4} {figure.target or ''}")
