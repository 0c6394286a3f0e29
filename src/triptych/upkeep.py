"""What must be done from time to time: leases, and the retention of what has ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from triptych.contracts import Clock
from triptych.engine import Engine
from triptych.errors import TriptychError
from triptych.model import Job, Query, State

log = structlog.get_logger()

PAUSE = timedelta(seconds=2)
SWEEP_EVERY = timedelta(minutes=10)
KEEP: Mapping[str, timedelta] = {"command": timedelta(days=30), "annotate": timedelta(days=30), "camera": timedelta(days=30)}


class Upkeep:
    """Keeps an engine tidy; owned and restarted by whoever wired it."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._next_sweep = clock.monotonic()

    async def run(self) -> None:
        """Do the rounds until cancelled; a round that fails is logged and the next one tries again."""
        while True:
            try:
                await self.run_once()
            except Exception:
                log.exception("upkeep failed")
            await self._clock.sleep(PAUSE)

    async def run_once(self) -> None:
        """Look after leases, and every ten minutes after retention."""
        await self._engine.sweep()
        if self._clock.monotonic() >= self._next_sweep:
            self._next_sweep = self._clock.monotonic() + SWEEP_EVERY
            await self.prune()

    async def prune(self) -> None:
        """Forget ended jobs that are past their time: 30 days, or the `ttl_days` that the ask named (media T1)."""
        now = self._clock.now()
        cursor: str | None = None
        while True:
            page = await self._engine.list(Query(states=frozenset({State.ENDED}), cursor=cursor, limit=500))
            for job in page.jobs:
                if is_past(job, now):
                    await self._forget(job)
            cursor = page.cursor
            if cursor is None:
                return

    async def _forget(self, job: Job) -> None:
        try:
            await self._engine.forget(job.id)
        except TriptychError as fault:
            log.warning("job not forgotten", job_id=job.id, reason=fault.message)


def is_past(job: Job, now: datetime) -> bool:
    """Say whether an ended job is older than its kind, or its own ask, keeps it."""
    ttl_days = job.spec.get("ttl_days")
    keep = timedelta(days=ttl_days) if isinstance(ttl_days, int) else KEEP[job.kind]
    return now - job.created_at > keep
