"""Calls of the Jobs API with 10 000 jobs stored and 4 running (media B6)."""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

from bench import clips
from bench.figure import Figure, at_most
from bench.wire import Wire
from triptych.cli.demo.server import Server
from triptych.ids import make_id
from triptych.model import End, EndReason, Job, State
from triptych.stores.sql import SqlStore

STORED = 10_000
RUNNING = 4
CALLS = 300
LISTS = 5
BATCH = 500
SPANS = 100
OK = 200

Call = Callable[[], Awaitable[tuple[int, bytes]]]


def figures() -> list[Figure]:
    """Measure media B6."""
    return asyncio.run(_figures())


async def _figures() -> list[Figure]:
    path = clips.made()
    with tempfile.TemporaryDirectory(prefix="triptych-bench-", ignore_cleanup_errors=True) as folder:
        names = await _fill(Path(folder))
        async with Server(Path(folder), arguments=("--media-root", str(path.parent))) as server, Wire("127.0.0.1", server.port) as wire:
            body = json.dumps({"inputUri": path.name, "features": ["IN_BLACK", "AUDIO_FORMAT", "SHOT_CHANGE_DETECTION"]}).encode()
            await _begin(wire, body)
            found = iter(names)
            one = await _took(lambda: wire.get(f"/api/ai/jobs/{next(found)}"), CALLS)
            post = await _took(lambda: wire.post("/api/ai/jobs", body), CALLS)
            whole = await _took(lambda: wire.get("/api/ai/jobs"), LISTS)
            _, listed = await wire.get("/api/ai/jobs?status=running")
    note = f"{len(json.loads(listed))} running at the end, {SPANS} spans in each result"
    return [
        Figure(name="GET one, p99", value=_p99_ms(one), unit="ms", target=at_most(25), note=note),
        Figure(name="POST, p99", value=_p99_ms(post), unit="ms", target=at_most(50)),
        Figure(name="full list, slowest", value=max(whole), unit="s", target=at_most(1), note=f"{STORED:,} jobs and those submitted"),
    ]


async def _fill(folder: Path) -> list[str]:
    """Store jobs that ended with a result, as another run of the server would have left them; return their names."""
    now = datetime.now(UTC)
    spans = [{"audioFormat": "stereo", "startTimeOffset": f"{n}.000000s", "endTimeOffset": f"{n + 1}.000000s"} for n in range(SPANS)]
    spec = {"input_uri": "news/item.mxf", "features": ["AUDIO_FORMAT"], "ttl_days": 30}
    jobs = []
    for number in range(STORED):
        at = now - timedelta(minutes=number)
        job = Job(
            id=make_id("hex24", at),
            kind="annotate",
            spec=spec,
            created_at=at,
            updated_at=at,
            ended_at=at,
            state=State.ENDED,
            end=End(reason=EndReason.DONE),
            attempt=1,
            result={"segment": {}, "audioFormatAnnotations": spans},
        )
        jobs.append(job)
    async with SqlStore(f"sqlite:///{folder / 'triptych.db'}") as store:
        for first in range(0, STORED, BATCH):
            await asyncio.gather(*(store.add(job) for job in jobs[first : first + BATCH]))
    return [job.id for job in jobs]


async def _begin(wire: Wire, body: bytes) -> None:
    """Submit enough for every core, and wait until all are at work."""
    for _ in range(3 * RUNNING):
        await wire.post("/api/ai/jobs", body)
    while len(json.loads((await wire.get("/api/ai/jobs?status=running"))[1])) < RUNNING:  # noqa: ASYNC110 - another process begins them
        await asyncio.sleep(0.1)


async def _took(call: Call, calls: int) -> list[float]:
    """Return the seconds of each call. Raises `RuntimeError` when one fails."""
    took = []
    for _ in range(calls):
        begun = time.perf_counter()
        status, answer = await call()
        took.append(time.perf_counter() - begun)
        if status != OK:
            raise RuntimeError(answer.decode())
    return took


def _p99_ms(took_s: list[float]) -> float:
    return 1000 * quantiles(took_s, n=100)[98]
