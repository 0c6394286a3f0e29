"""What has been committed: applies guarded changes to the store, remembers the rows, and wakes who waits for them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from triptych.contracts import Clock, Store
from triptych.errors import Conflict, NotFound
from triptych.jobs import Jobs
from triptych.model import LIVE, Berths, Change, Happening, Job, Query, State, Submission, Worker
from triptych.roster import Roster
from triptych.waits import Waits

LOG_PAGE = 500


class Ledger:
    """The store as the engine sees it. `on_room` is called when a job has come to the queue, or has left its worker while others wait."""

    def __init__(self, store: Store, roster: Roster, clock: Clock, on_room: Callable[[], None]) -> None:
        self.store = store
        self.jobs = Jobs()
        self.waits = Waits(clock)
        self._roster = roster
        self._on_room = on_room

    async def load(self) -> None:
        """Read every live job into memory."""
        for job in (await self.store.list(Query(states=LIVE, limit=None))).jobs:
            self._remember(job)

    async def find(self, job_id: str, kind: str | None = None) -> Job:
        """Return the job as last committed. Raises `NotFound`, also when it is of another kind than asked for."""
        job = self.jobs.get(job_id) or await self.store.find(job_id)
        if job is None or kind not in {None, job.kind}:
            raise NotFound("job not found", code="job_not_found")
        return job

    async def earlier(self, ask: Submission) -> Job | None:
        """Return the job that an ask with this idempotency key made before. Raises `Conflict` when that ask was another one."""
        if ask.idempotency_key is None:
            return None
        job = await self.store.find_by_key(ask.kind, ask.idempotency_key)
        if job is not None and job.fingerprint != ask.fingerprint:
            raise Conflict("idempotency key reused", code="key_reused")
        return job

    async def keep(self, job: Job) -> Job:
        """Insert a job, its slot being held from now on if it is starting; or return the one that has its idempotency key."""
        self._roster.note(job)
        try:
            stored = await self.store.add(job)
        except BaseException:
            self._roster.release(job.id)
            raise
        if stored.id != job.id:
            self._roster.release(job.id)
            return stored
        self._remember(stored)
        self.jobs.ring()
        return stored

    async def apply(self, changes: Sequence[Change]) -> Sequence[Job | None]:
        """Apply each change in order and return the rows, None where the guard did not hold."""
        if not changes:
            return ()
        jobs = await self.store.move(changes)
        for job in jobs:
            if job is not None:
                self._remember(job)
        self.jobs.ring()
        return jobs

    async def attempt(self, change: Change) -> Job | None:
        """Apply one change; None when its guard did not hold, so somebody was faster."""
        (job,) = await self.apply([change])
        return job

    async def place(self, worker: Worker, kind: str, at: datetime, berths: Berths | None) -> Job | None:
        """Give the next queued job of this kind that fits to a worker with room; None when there is none."""
        job = await self.store.place(worker, kind, at, berths)
        if job is not None:
            self._remember(job)
            self.jobs.ring()
        return job

    async def until(self, job_id: str, states: AbstractSet[State], timeout: timedelta) -> Job:
        """Return the job once it is in one of `states`, or as it is after `timeout`."""
        job = await self.find(job_id)
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                while job.state not in states:
                    await self.jobs.changed(job_id)
                    job = await self.find(job_id)
        except TimeoutError:
            return await self.find(job_id)
        return job

    async def watch(self, after: int | None, job_id: str | None) -> AsyncIterator[Happening]:
        """Yield happenings with a number above `after` (None: from now on), in order, without gap or repeat, for ever."""
        number = after if after is not None else await self._newest()
        while True:
            bell = self.jobs.bell
            happenings = await self.store.log(number, LOG_PAGE, job_id)
            for happening in happenings:
                yield happening
                number = happening.number
            if not happenings:
                await bell.wait()

    async def _newest(self) -> int:
        newest = await self.store.log(-1, 1)
        return newest[-1].number if newest else 0

    def _remember(self, job: Job) -> None:
        unheld = self.jobs.note(job)
        job = self.jobs.get(job.id) or job
        self._roster.note(job)
        self.waits.note(job)
        if unheld and self.jobs.waiting(job.kind):
            self._on_room()
