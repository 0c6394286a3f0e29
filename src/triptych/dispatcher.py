"""Brings jobs to workers: chooses one, hands the job over, and takes back what was not taken."""

import asyncio
from datetime import timedelta
from functools import partial

from triptych import moves
from triptych.background import Background
from triptych.contracts import Clock
from triptych.errors import Conflict, StartFailed, TriptychError, Unavailable
from triptych.kinds import KINDS
from triptych.ledger import Ledger
from triptych.line import Line, not_connected
from triptych.matching import takes
from triptych.messages import JOB_LEASE_S, Refused, Start
from triptych.model import Berths, Job, Submission, Worker
from triptych.retries import may_wait
from triptych.roster import Roster
from triptych.stopper import Stopper

LEAVING = "worker_draining"
"""What a worker that is about to end refuses a start with; another one may take the job."""


class Dispatcher:
    """Gives jobs to workers with room, each worker that was met and is ready."""

    def __init__(self, *, ledger: Ledger, roster: Roster, line: Line, stopper: Stopper, clock: Clock, background: Background) -> None:
        self._ledger = ledger
        self._roster = roster
        self._line = line
        self._stopper = stopper
        self._clock = clock
        self._background = background
        self._placing = asyncio.Lock()
        self._handing: set[str] = set()
        self._berths: dict[str, Berths] = {}

    def hands(self, job_id: str) -> bool:
        """Say whether a start is under way, which alone says then what becomes of the job."""
        return job_id in self._handing

    async def choose(self, ask: Submission, job: Job) -> Worker | None:
        """Return the worker that takes a new job at once, or None when it must wait.

        Raises `NotFound`, `Conflict` (draining, process busy) or `Unavailable` when it can neither run nor wait.
        """
        if ask.worker_id is not None and not ask.queue:
            return await self._named(ask.worker_id, job)
        if ask.worker_id is not None:
            self._roster.admit(ask.worker_id)
        # A berth is given by the store alone, which knows who holds it.
        waits = job.kind in self._berths or self._ledger.jobs.waiting(job.kind)
        worker = None if waits else self._free(job)
        if worker is not None or may_wait(job, self._clock.now()):
            return worker
        if ask.worker_id is not None:
            return await self._named(ask.worker_id, job)
        raise Unavailable("no worker has room now", code="worker_busy")

    async def place(self) -> None:
        """Give jobs in line to workers with room, lowest (priority, age) first, until either runs out."""
        async with self._placing:
            for kind in KINDS:
                await self._fill(kind)

    async def berth(self, kind: str, berths: Berths) -> None:
        """Say which berths a kind has; its jobs run in these only. Once this returns, nothing is placed by what was said before."""
        async with self._placing:
            self._berths[kind] = berths
        self._background.spawn(self.place)

    def send(self, job: Job) -> None:
        """Hand a job over that nobody waits for."""
        self._handing.add(job.id)
        self._background.spawn(partial(self.hand_over, job))

    async def hand_over(self, job: Job) -> Job:
        """Ask the worker that holds a job to start it, and return the job. Raises `StartFailed` or `Unavailable`."""
        self._handing.add(job.id)
        try:
            reply = await self._line.ask(holder(job), _start(job), timedelta(seconds=KINDS[job.kind].start_timeout_s))
        except Unavailable as fault:
            await self._not_handed_over(job, fault)
            raise
        finally:
            self._handing.discard(job.id)
        if isinstance(reply, Refused):
            await self._refused(job, reply)
        return await self._ledger.find(job.id)

    async def _fill(self, kind: str) -> None:
        """Let the worker with the fewest live jobs take its pick, again and again."""
        passed: set[str] = set()
        while self._ledger.jobs.waiting(kind) and (berths := self._berths_for(kind)) != {}:
            able = [worker for worker in self._roster if worker.id not in passed and self._roster.fits(worker, kind)]
            able = [worker for worker in able if self._ledger.jobs.waits_for(worker, kind)]
            if not able:
                return
            worker = min(able, key=self._roster.load_of)
            job = await self._ledger.place(worker, kind, self._clock.now(), berths)
            if job is None:
                passed.add(worker.id)
            else:
                self.send(job)

    def _berths_for(self, kind: str) -> Berths | None:
        """Return where jobs in line could be placed, as far as is known here; None for a kind without berths."""
        berths = self._berths.get(kind)
        if berths is None:
            return None
        held = self._roster.berthed(kind)
        wanted = {wish: berths.get(wish, ()) for wish in self._ledger.jobs.wishes(kind)}
        return {wish: numbers for wish, numbers in wanted.items() if not held.keys() >= set(numbers)}

    async def _named(self, worker_id: str, job: Job) -> Worker:
        await self._line.reach(worker_id)
        worker = self._roster.check(worker_id, job.kind)
        if not self._roster.idle(worker, job):
            raise Conflict("another job of this process is live", code="process_busy")
        return worker

    def _free(self, job: Job) -> Worker | None:
        free = [worker for worker in self._roster if takes(worker, job) and self._roster.fits(worker, job.kind)]
        return min((worker for worker in free if self._roster.idle(worker, job)), key=self._roster.load_of, default=None)

    async def _refused(self, job: Job, reply: Refused) -> None:
        now = self._clock.now()
        if reply.code == LEAVING and may_wait(job, now):
            self._roster.unlink(holder(job))
            await self._ledger.apply([moves.requeue(job, now)])
        else:
            await self._ledger.apply([moves.refuse(job, reply.message, now, code=reply.code)])
        raise StartFailed(reply.message, code=reply.code)

    async def _not_handed_over(self, job: Job, fault: TriptychError) -> None:
        now = self._clock.now()
        if fault.code == "worker_not_connected":
            back = [moves.requeue(job, now)] if may_wait(job, now) else []
            await self._ledger.apply([*back, moves.refuse(job, fault.message, now)])
            return
        rows = await self._ledger.apply([moves.lose_touch(job, now), *moves.intend_stop(job, moves.REVOKED, now)])
        if any(rows):
            self._background.spawn(partial(self._stopper.stop, job.id, by=moves.REVOKED))


def _start(job: Job) -> Start:
    process = KINDS[job.kind].process(job.id, job.spec)
    return Start(job_id=job.id, kind=job.kind, attempt=job.attempt, process=process, spec=dict(job.spec), lease_s=lease_s(job))


def holder(job: Job) -> str:
    """Return the worker that holds a job. Raises `Unavailable` when none does."""
    if job.worker_id is None:
        raise not_connected()
    return job.worker_id


def lease_s(job: Job) -> float:
    """Return how long a job goes on without a word of its server, in seconds; it keeps what it was submitted with."""
    told = job.facts.get("lease_s")
    return float(told) if isinstance(told, int | float) else JOB_LEASE_S
