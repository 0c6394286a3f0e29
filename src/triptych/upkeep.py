"""What must be done from time to time: leases, retries, waits, and the retention of what has ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from triptych.contracts import Clock
from triptych.engine import Engine
from triptych.errors import TriptychError
from triptych.kinds import KINDS
from triptych.model import Job, Query

log = structlog.get_logger()

TICK = timedelta(milliseconds=200)
ROUND = timedelta(seconds=2)
SWEEP_EVERY = timedelta(minutes=10)
KEEP = timedelta(days=30)
KINDS_BY_ASK: Mapping[str, timedelta] = {"annotate": timedelta(days=1)}
"""Kinds whose ask says for how many days from its creation a job is kept, each with the least that it may say."""
PAGE = 200


class Upkeep:
    """Keeps an engine tidy; owned and restarted by whoever wired it. Records are kept for `keep` after their end.

    `forgotten` is told of the jobs that are gone.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        keep: timedelta = KEEP,
        forgotten: Callable[[Sequence[str]], Awaitable[None]] | None = None,
    ) -> None:
        self._keep = keep
        self._forgotten = forgotten
        self._engine = engine
        self._clock = clock

    async def run(self) -> None:
        """Do the rounds until cancelled, none of them waiting for another; one that fails is logged and the next one tries again."""
        async with asyncio.TaskGroup() as rounds:
            rounds.create_task(self._repeat(self._engine.renew, TICK))
            rounds.create_task(self._repeat(self._engine.tick, TICK))
            rounds.create_task(self._repeat(self._engine.sweep, ROUND))
            rounds.create_task(self._repeat(self.prune, SWEEP_EVERY))

    async def run_once(self) -> None:
        """Do one round of everything."""
        await self._engine.renew()
        await self._engine.tick()
        await self._engine.sweep()
        await self.prune()

    async def prune(self) -> None:
        """Forget ended jobs that are past their time: `keep`, or the `ttl_days` that the ask named (media T1); pinned ones never."""
        now = self._clock.now()
        for kind in KINDS:
            least = KINDS_BY_ASK.get(kind)
            query = Query(kind=kind, ended_before=now - self._keep, limit=PAGE)
            if least is not None:
                query = replace(query, ended_before=now, until=now - least)
            while (cursor := await self._prune(query, now)) is not None:
                query = replace(query, cursor=cursor)

    async def _prune(self, query: Query, now: datetime) -> str | None:
        page = await self._engine.list(query)
        await self._forget([job for job in page.jobs if is_past(job, now, self._keep)])
        return page.cursor

    async def _forget(self, jobs: Sequence[Job]) -> None:
        """Forget a page of jobs at once, so that they share their commits."""
        done = await asyncio.gather(*(self._engine.forget(job.id) for job in jobs), return_exceptions=True)
        for job, fault in zip(jobs, done, strict=True):
            if isinstance(fault, TriptychError):
                log.warning("job not forgotten", job_id=job.id, reason=fault.message)
            elif isinstance(fault, BaseException):
                raise fault
        if self._forgotten is not None:
            await self._forgotten([job.id for job, fault in zip(jobs, done, strict=True) if fault is None])

    async def _repeat(self, work: Callable[[], Awaitable[None]], pause: timedelta) -> None:
        while True:
            try:
                await work()
            except TriptychError as fault:
                log.warning("upkeep put off", reason=fault.message)
            except Exception:
                log.exception("upkeep failed")
            await self._clock.sleep(pause)


def is_past(job: Job, now: datetime, keep: timedelta = KEEP) -> bool:
    """Say whether an ended job is older than its own ask allows, counted from its creation, or than `keep`, counted from its end."""
    if job.facts.get("pinned"):
        return False
    ttl_days = job.spec.get("ttl_days")
    if isinstance(ttl_days, int):
        return now - job.created_at > timedelta(days=ttl_days)
    return job.ended_at is not None and now - job.ended_at > keep
