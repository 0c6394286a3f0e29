"""Ends jobs: one stop for everybody who asks for it, kept until it is carried out."""

import asyncio
from datetime import timedelta

import msgspec
import structlog

from triptych import moves
from triptych.contracts import Clock
from triptych.errors import StopNotConfirmed, Unavailable
from triptych.kinds import KINDS
from triptych.ledger import Ledger
from triptych.line import PATIENCE, Line, answered
from triptych.messages import Reconcile, Refused, Stock, Stop
from triptych.model import Job, State

log = structlog.get_logger()

ENDED = frozenset({State.ENDED})
GRACE = timedelta(seconds=5)
STOP_BOUND = timedelta(seconds=5)
SETTLE_BOUND = timedelta(seconds=5)


class Stopper:
    """The stops of one server. A caller that leaves cancels none of them."""

    def __init__(self, ledger: Ledger, line: Line, clock: Clock) -> None:
        self._ledger = ledger
        self._line = line
        self._clock = clock
        self._stops: dict[str, asyncio.Task[Job]] = {}

    async def stop(self, job_id: str, *, by: str, grace_s: float | None = None) -> Job:
        """End a job and return it. Raises as `Engine.stop` says."""
        job = await self._ledger.find(job_id)
        if job.state is State.ENDED:
            return job
        task = self._stops.get(job_id)
        if task is None:
            task = asyncio.create_task(self._stop(job, by, grace_s))
            task.add_done_callback(lambda done: (self._stops.pop(job_id, None), done.cancelled() or done.exception()))
            self._stops[job_id] = task
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Give up the stops that are not answered yet; they are kept in the store."""
        tasks = list(self._stops.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stop(self, job: Job, by: str, grace_s: float | None) -> Job:
        while job.state is not State.ENDED:
            if job.worker_id is None:
                job = await self._ledger.attempt(moves.drop(job, by, self._clock.now())) or await self._ledger.find(job.id)
            elif await self._intend(job, by):
                return await self._carry_out(job, job.worker_id, by, grace(job, grace_s))
            else:
                job = await self._ledger.find(job.id)
        return job

    async def _intend(self, job: Job, by: str) -> bool:
        """Record the wish; False when the job is not any more as it was found."""
        if job.stopped_by is not None:
            return True
        try:
            return any(await self._ledger.apply(moves.intend_stop(job, by, self._clock.now())))
        except Unavailable as fault:
            # A stop works on a full disk too (workers.md, failure texts); the worker's report is kept until there is room.
            log.warning("stop not recorded", job_id=job.id, reason=fault.message)
            return True

    async def _carry_out(self, job: Job, worker_id: str, by: str, bound: timedelta) -> Job:
        ask = Stop(job_id=job.id, by=by, attempt=job.attempt, grace_s=bound.total_seconds(), reason=KINDS[job.kind].stopped)
        try:
            reply = await self._line.ask(worker_id, ask, bound + STOP_BOUND + PATIENCE)
        except Unavailable:
            # The request may be lost with the link: who meets the worker again carries the stop out.
            self._line.doubt(worker_id)
            raise
        if isinstance(reply, Refused) and reply.code != "job_not_found":
            raise StopNotConfirmed(reply.message, code=reply.code)
        if not isinstance(reply, Refused):
            job = await self._ledger.until(job.id, ENDED, SETTLE_BOUND)
        return job if job.state is State.ENDED else await self._settle(job, worker_id)

    async def _settle(self, job: Job, worker_id: str) -> Job:
        """Ask what became of a job that was stopped and of which no end was told: it may never have begun (workers L6)."""
        reply = await self._line.ask(worker_id, Reconcile(jobs=((job.id, job.attempt),)), PATIENCE)
        job = await self._ledger.find(job.id)
        stock = msgspec.convert(answered(reply), Stock)
        await self._ledger.apply(moves.reconciled(job, stock, self._clock.now(), may_queue=False))
        return await self._ledger.until(job.id, ENDED, SETTLE_BOUND)


def grace(job: Job, grace_s: float | None = None) -> timedelta:
    """Return how long a job is given between SIGTERM and SIGKILL: as asked, or as it was submitted with."""
    asked = grace_s if grace_s is not None else job.spec.get("grace_s")
    return timedelta(seconds=asked) if isinstance(asked, int | float) else GRACE
