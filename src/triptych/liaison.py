"""Between server and workers: meets them, reconciles what both know, renews their leases, and gives up who stays silent."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import msgspec
import structlog

from triptych import moves
from triptych.background import Background
from triptych.contracts import Bus, Clock
from triptych.dispatcher import Dispatcher, lease_s
from triptych.errors import Conflict, TriptychError
from triptych.kinds import KINDS
from triptych.ledger import Ledger
from triptych.line import answered
from triptych.messages import Key, Reconcile, Refused, Renew, Report, Stock, Stop
from triptych.model import HELD_BY_WORKER, Job, State, Worker, WorkerState
from triptych.receipts import Receipts, Sync
from triptych.retries import attempts, may_wait
from triptych.roster import Roster
from triptych.stopper import GRACE, STOP_BOUND, Stopper, grace

log = structlog.get_logger()

RENEW_EVERY = timedelta(seconds=1.8)
RENEW_BOUND = timedelta(seconds=2)
RECONCILE_BOUND = timedelta(seconds=15)
VERDICT_MARGIN = timedelta(seconds=15)


class Liaison:
    """Knows of each worker whether it was met; nobody is given anything new before that."""

    def __init__(
        self,
        *,
        bus: Bus,
        ledger: Ledger,
        roster: Roster,
        dispatcher: Dispatcher,
        stopper: Stopper,
        sync: Sync,
        clock: Clock,
        background: Background,
    ) -> None:
        self._bus = bus
        self._ledger = ledger
        self._roster = roster
        self._dispatcher = dispatcher
        self._stopper = stopper
        self._sync = sync
        self._clock = clock
        self._background = background
        self._receipts = Receipts()
        self._meeting: set[str] = set()
        self._renewing: set[str] = set()
        self._is_syncing = False

    async def load(self) -> None:
        """Take the workers that the store knows; each is lost until it announces itself."""
        self._roster.load(await self._ledger.store.workers(), self._clock.monotonic())

    async def meet(self, worker_id: str, worker: Worker | None) -> None:
        """Take an announcement, or None when a worker leaves."""
        if worker is None:
            await self.lose(worker_id)
        elif self._roster.announce(worker, self._clock.monotonic()) and worker_id not in self._meeting:
            self._meeting.add(worker_id)
            self._background.spawn(partial(self._join, worker_id))

    async def lose(self, worker_id: str) -> None:
        """Say that nothing is known of a worker and its jobs for now."""
        if self._roster.is_lost(worker_id):
            return
        self._roster.unlink(worker_id)
        worker = replace(self._roster.find(worker_id), silence=self._roster.silence(worker_id))
        now = self._clock.now()
        await self._ledger.apply([moves.lose_touch(job, now) for job in self._roster.held(worker_id)])
        await self._ledger.store.enroll(worker)
        self._roster.lose(worker_id)
        self._ledger.jobs.ring()

    async def sweep(self) -> None:
        """Lose the workers that are silent, and give up the jobs whose lease has ended with their worker silent (workers L4)."""
        now = self._clock.monotonic()
        for worker in self._roster.silent(now):
            log.warning("worker lost", worker_id=worker.id, jobs=len(self._roster.held(worker.id)))
            await self.lose(worker.id)
        given_up = [job for worker in self._roster for job in self._given_up(worker, now)]
        await self._ledger.apply([change for job in given_up for change in moves.lost(job, self._clock.now())])

    def note(self, reports: Sequence[Report], held: dict[str, Job | None]) -> None:
        """Take note of reports that are committed; `held` are their jobs as they were before."""
        for report in reports:
            job = held.get(report.job_id)
            if job is None or KINDS[job.kind].outlives:
                for worker_id in self._reporters(job, report.attempt):
                    self._receipts.note(worker_id, (report.job_id, report.attempt), report.seq)

    async def renew(self) -> None:
        """Begin every lease anew that is due, and acknowledge what is committed and on disk; a renewal that fails is tried again."""
        if self._receipts.owes and not self._is_syncing:
            self._is_syncing = True
            self._background.spawn(self._settle_receipts)
        now = self._clock.monotonic()
        for worker in self._roster.connected():
            if worker.id in self._renewing:
                continue
            taken = self._receipts.take(worker.id)
            if taken or now - self._roster.renewed(worker.id) >= RENEW_EVERY:
                self._renewing.add(worker.id)
                self._roster.renew(worker.id, now)
                self._background.spawn(partial(self._renew, worker.id, taken))

    async def drain(self, worker_id: str) -> Worker:
        """Give a worker nothing new until `undrain`. Raises `NotFound`."""
        worker = self._roster.find(worker_id)
        state = worker.state if worker.state is WorkerState.LOST else WorkerState.DRAINING
        return await self._decide(replace(worker, state=state, draining=True))

    async def undrain(self, worker_id: str) -> Worker:
        """Let a worker take work again, also one that was removed. Raises `NotFound`."""
        worker = self._roster.known(worker_id)
        state = WorkerState.READY if worker.state in {WorkerState.READY, WorkerState.DRAINING} else WorkerState.LOST
        worker = await self._decide(replace(worker, state=state, draining=False))
        self._background.spawn(self._dispatcher.place)
        return worker

    async def remove(self, worker_id: str) -> Worker:
        """Forget a worker. Raises `NotFound`, or `Conflict` while it has live jobs or some that wait for it."""
        worker = self._roster.find(worker_id)
        if self._roster.held(worker_id) or self._ledger.jobs.names(worker_id):
            raise Conflict("worker has live jobs", code="worker_has_jobs")
        worker = await self._decide(replace(worker, state=WorkerState.REMOVED))
        self._receipts.drop([worker_id])
        return worker

    async def _decide(self, worker: Worker) -> Worker:
        before = self._roster.change(worker)
        try:
            await self._ledger.store.enroll(worker)
        except TriptychError:
            self._roster.change(before)
            raise
        self._ledger.jobs.ring()
        return worker

    async def _join(self, worker_id: str) -> None:
        """Meet a worker that is there (again), then let it take work; when that fails its next announcement is the next try."""
        try:
            while not await self._admit(self._roster.coming(worker_id)):
                log.info("worker began anew while it was met", worker_id=worker_id)
        finally:
            self._meeting.discard(worker_id)
        self._ledger.jobs.ring()
        self._background.spawn(self._dispatcher.place)

    async def _admit(self, worker: Worker) -> bool:
        await self._reconcile(worker)
        await self._ledger.store.enroll(self._roster.coming(worker.id))
        return self._roster.seat(worker)

    async def _reconcile(self, worker: Worker) -> None:
        held = [job for job in self._roster.held(worker.id) if not self._dispatcher.hands(job.id)]
        rebooted = self._roster.find(worker.id).boot_id != worker.boot_id
        ask = Reconcile(jobs=tuple((job.id, job.attempt) for job in held))
        stock = msgspec.convert(answered(await self._bus.request(worker.id, ask, RECONCILE_BOUND)), Stock)
        now = self._clock.now()
        await self._ledger.apply(
            [change for job in held for change in moves.reconciled(job, stock, now, may_queue=may_wait(job, now), rebooted=rebooted)]
        )
        await asyncio.gather(*(self._end(worker.id, key) for key in stock.strangers))
        for job in held:
            if job.stopped_by is not None and job.id in stock.live:
                self._background.spawn(partial(self._stopper.stop, job.id, by=job.stopped_by))

    async def _end(self, worker_id: str, key: Key) -> None:
        """End what runs at a worker that should not: its job is over, unknown, or somewhere else by now."""
        job_id, attempt = key
        job = self._ledger.jobs.get(job_id) or await self._ledger.store.find(job_id)
        if job is not None and (job.worker_id, job.attempt) == (worker_id, attempt) and job.state in HELD_BY_WORKER:
            return
        log.warning("stranger ended", worker_id=worker_id, job_id=job_id, attempt=attempt)
        bound = timedelta() if job is None else min(grace(job), GRACE)
        stop = Stop(job_id=job_id, by=moves.REVOKED, attempt=attempt, grace_s=bound.total_seconds())
        reply = await self._bus.request(worker_id, stop, bound + STOP_BOUND)
        if not isinstance(reply, Refused) or reply.code != "job_not_found":
            answered(reply)

    def _given_up(self, worker: Worker, now: timedelta) -> list[Job]:
        if worker.state is not WorkerState.LOST:
            return []
        silent = now - self._roster.silence(worker.id).since
        unreachable = (job for job in self._roster.held(worker.id) if job.state is State.UNREACHABLE)
        return [job for job in unreachable if silent > timedelta(seconds=lease_s(job)) + grace(job) + VERDICT_MARGIN]

    def _reporters(self, job: Job | None, attempt: int) -> list[str]:
        """Return who may have sent a report: the holder of that attempt, or whoever is there when nobody knows any more."""
        if job is not None and job.attempt == attempt and job.worker_id is not None:
            return [job.worker_id]
        told = [str(one["worker_id"]) for one in (attempts(job) if job is not None else ()) if one["attempt"] == attempt]
        return told or [worker.id for worker in self._roster.connected()]

    async def _settle_receipts(self) -> None:
        try:
            await self._receipts.settle(self._sync)
        finally:
            self._is_syncing = False

    async def _renew(self, worker_id: str, taken: dict[Key, int]) -> None:
        renew = Renew(taken=tuple((job_id, attempt, seq) for (job_id, attempt), seq in taken.items()))
        try:
            answered(await self._bus.request(worker_id, renew, RENEW_BOUND))
        except TriptychError as fault:
            self._receipts.put_back(worker_id, taken)
            if fault.code == "worker_not_connected":
                self._roster.unlink(worker_id)
            log.debug("lease not renewed", worker_id=worker_id, reason=fault.message)
        finally:
            self._renewing.discard(worker_id)
