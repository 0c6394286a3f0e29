"""The one door to jobs: submit, find, probe, pause, resume, stop, place, settle, watch."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self

import msgspec
import structlog

from triptych import moves
from triptych.contracts import Bus, Clock, Store
from triptych.errors import Conflict, Invalid, StartFailed, StopNotConfirmed, TriptychError, Unavailable
from triptych.ids import Ids, make_id
from triptych.kinds import KINDS
from triptych.ledger import Ledger
from triptych.matching import takes
from triptych.messages import Answer, Ask, Key, Output, Pause, Refused, Reply, Report, Request, Resume, Start, Stop
from triptych.model import EndReason, Happening, Job, Json, Page, Query, State, Submission, Worker, WorkerState
from triptych.outputs import Frames, Outputs, OutputSlice, wrote_all
from triptych.roster import Roster

log = structlog.get_logger()

ENDED = frozenset({State.ENDED})
BEGUN = frozenset(State) - {State.STARTING}
GRACE = timedelta(seconds=5)
STOP_BOUND = timedelta(seconds=5)
SETTLE_BOUND = timedelta(seconds=5)
REQUEST_BOUND = timedelta(seconds=2)
SHUTDOWN_GRACE_S = 1.5
MOST_QUEUED = 100_000
WORKER_LEASE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether jobs can be taken, and by whom."""

    ready: bool
    workers: int
    facts: Json


class Engine:
    """Turns verbs into guarded changes of the store and requests to workers, and reports of workers into guarded changes again.

    Every verb raises `Unavailable` with code `store_unavailable` when its change could not be made durable: nothing happened then.
    """

    def __init__(
        self, *, store: Store, bus: Bus, outputs: Outputs, clock: Clock, ids: Ids = make_id, most_queued: int = MOST_QUEUED
    ) -> None:
        self.clock = clock
        self._bus = bus
        self._outputs = outputs
        self._ids = ids
        self._most_queued = most_queued
        self._roster = Roster(WORKER_LEASE)
        self._ledger = Ledger(store, self._roster, lambda: self._spawn(self.place))
        self._placing = asyncio.Lock()
        self._stops: dict[str, asyncio.Task[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._ledger.load()
        await self._bus.consume(self.settle)
        await self._bus.watch(self._meet)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        tasks = [*self._tasks, *self._stops.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def submit(self, ask: Submission) -> Job:
        """Take an ask: durable before anything runs, started at once where a worker has room.

        With `queue` False the named worker must take it now, and the answer comes when its program has been executed. Raises
        `Invalid`, `NotFound`, `Conflict` or `Unavailable` with nothing started, or `StartFailed` with the job kept as `never_started`.
        """
        job = self._draft(ask)
        if (earlier := await self._ledger.earlier(ask)) is not None:
            return await self._repeat(earlier.id, ask)
        worker = self._choose(ask, job)
        if worker is None and self._ledger.jobs.queued >= self._most_queued:
            raise Unavailable("queue full", code="queue_full")
        if worker is not None:
            job = replace(job, state=State.STARTING, attempt=1, worker_id=worker.id)
        stored = await self._ledger.keep(job)
        if stored.id != job.id:
            return await self._repeat(stored.id, ask)
        if worker is None:
            return stored
        if ask.queue:
            self._spawn(partial(self._hand_over, stored))
            return stored
        return await self._hand_over(stored, queue=False)

    async def find(self, job_id: str, *, kind: str | None = None) -> Job:
        """Return the job as last committed. Raises `NotFound`, also when it is of another kind."""
        return await self._ledger.find(job_id, kind)

    async def list(self, query: Query) -> Page:
        """Return a page of jobs, newest first. Raises `Invalid` on a cursor that is not ours."""
        return await self._ledger.store.list(query)

    async def wait(self, job_id: str, timeout: timedelta) -> Job:
        """Return the job once it has ended, or as it is after `timeout`."""
        return await self._ledger.until(job_id, ENDED, timeout)

    async def pause(self, job_id: str, *, by: str) -> Job:
        """Hold a job where it stands; a queued one stays out of the running. Raises `Conflict` when it is ending or over."""
        job = await self._begun(job_id)
        if job.state is State.PAUSED:
            return job
        if job.state is State.QUEUED:
            held = await self._ledger.attempt(moves.hold(job, self.clock.now()))
            return held or await self.pause(job_id, by=by)
        await self._ask(_in(job, State.RUNNING), Pause(job_id=job.id))
        return await self._ledger.until(job_id, {State.PAUSED, State.ENDED}, SETTLE_BOUND)

    async def resume(self, job_id: str, *, by: str) -> Job:
        """Let a paused job go on. Raises `Conflict` when it is ending or over."""
        job = await self._begun(job_id)
        if job.state in {State.RUNNING, State.QUEUED}:
            return job
        if _in(job, State.PAUSED).worker_id is None:
            released = await self._ledger.attempt(moves.release(job, self.clock.now()))
            return released or await self.resume(job_id, by=by)
        await self._ask(job, Resume(job_id=job.id))
        return await self._ledger.until(job_id, {State.RUNNING, State.ENDED}, SETTLE_BOUND)

    async def stop(self, job_id: str, *, by: str, grace_s: float | None = None) -> Job:
        """End a job; the answer comes when its tree is verified empty. Stopping an ended job changes nothing; parallel stops share one.

        Raises `StopNotConfirmed` when the tree is not empty `grace_s` + 5 s later (killing goes on) or `Unavailable` when its worker
        cannot be asked now (the stop is kept).
        """
        job = await self.find(job_id)
        if job.state is State.ENDED:
            return job
        task = self._stops.get(job_id)
        if task is None:
            task = asyncio.create_task(self._stop(job, by, _grace(job, grace_s)))
            task.add_done_callback(lambda done: (self._stops.pop(job_id, None), done.cancelled() or done.exception()))
            self._stops[job_id] = task
        return await asyncio.shield(task)

    async def forget(self, job_id: str) -> None:
        """Delete an ended job with its log and output. Raises `Conflict` while it is live."""
        job = await self.find(job_id)
        if not await self._ledger.store.forget(job.id):
            raise Conflict("job is not over", code="job_live")
        self._ledger.jobs.drop(job.id)
        await self._outputs.forget(job.id)

    async def probe(self, worker_id: str | None, ask: Ask, timeout: timedelta) -> Json:
        """Ask a process of a worker (None: the first ready one) without a job. Raises what it refused with, or `Unavailable`."""
        worker = self._roster.any_ready() if worker_id is None else self._roster.find(worker_id)
        return _answer(await self._bus.request(worker.id, ask, timeout))

    def watch(self, *, after: int | None = None, job_id: str | None = None) -> AsyncIterator[Happening]:
        """Yield committed happenings with a number above `after` (None: from now on), without gap or repeat, until the caller leaves."""
        return self._ledger.watch(after, job_id)

    async def workers(self) -> Sequence[Worker]:
        """Return the workers, by id."""
        return list(self._roster)

    async def worker(self, worker_id: str) -> Worker:
        """Return one worker. Raises `NotFound`."""
        return self._roster.find(worker_id)

    def pictures(self, topic: str) -> AsyncIterator[bytes]:
        """Yield the newest picture of a live view each time there is one."""
        return self._bus.pictures(topic)

    async def output(self, job_id: str, stream: str, *, offset: int, limit: int, attempt: int | None) -> OutputSlice:
        """Return at most `limit` bytes that the job wrote from `offset` on, and whether that is all there will ever be."""
        job = await self.find(job_id)
        return await self._outputs.read(job.id, attempt or job.attempt, stream, offset, limit, ended=wrote_all(job, attempt))

    async def frames(self, job_id: str, *, after: int, limit: int, attempt: int | None) -> Frames:
        """Return what both streams got behind their first `after` bytes together, in order, until it is `limit` bytes or more."""
        job = await self.find(job_id)
        return await self._outputs.frames(job.id, attempt or job.attempt, after, limit, ended=wrote_all(job, attempt))

    async def changed(self, job_id: str) -> None:
        """Wait until something of a job changes, its row or its output; at once when it is over."""
        if self._ledger.jobs.is_live(job_id):
            await self._ledger.jobs.changed(job_id)

    async def health(self) -> Health:
        """Say whether jobs can be taken now."""
        ready = [worker for worker in self._roster if worker.state is WorkerState.READY]
        return Health(ready=bool(ready), workers=len(ready), facts={worker.id: worker.facts for worker in self._roster})

    def census(self) -> Counter[tuple[str, State]]:
        """Return how many live jobs there are by kind and state."""
        return self._ledger.jobs.census()

    async def place(self) -> None:
        """Give queued jobs to workers with room, lowest (priority, age) first, until either runs out."""
        async with self._placing:
            for worker in self._roster:
                for kind in KINDS:
                    await self._fill(worker, kind)

    async def settle(self, reports: Sequence[Report]) -> None:
        """Commit what workers reported: output first, then the changes in order; what is old or repeated is dropped by its guard."""
        outputs = [report for report in reports if isinstance(report.body, Output)]
        if outputs:
            await self._outputs.append(outputs)
            self._ledger.jobs.wake({report.job_id for report in outputs})
        reports = await self._outputs.finish(reports)
        await self._ledger.apply([change for report in reports for change in moves.reported(report)])

    async def close(self, *, stop_jobs: bool) -> None:
        """Stop what cannot outlive this server, and with `stop_jobs` what could; but not what goes back to the queue at the next start."""
        spared = {kind for kind, entry in KINDS.items() if entry.restart or (entry.outlives and not stop_jobs)}
        held = [job for worker in self._roster for job in self._roster.held(worker.id) if job.kind not in spared]
        await asyncio.gather(*(self.stop(job.id, by="shutdown", grace_s=SHUTDOWN_GRACE_S) for job in held), return_exceptions=True)

    async def recover(self, worker_id: str, spawned: AbstractSet[Key], accounted: AbstractSet[Key]) -> None:
        """Settle the jobs that a worker held when it died, but the `accounted` ones; the `spawned` were ever executed."""
        now = self.clock.now()
        held = [job for job in self._roster.held(worker_id) if (job.id, job.attempt) not in accounted]
        await self._ledger.apply([change for job in held for change in moves.lost(job, now, spawned=(job.id, job.attempt) in spawned)])

    async def sweep(self) -> None:
        """Mark workers lost that have been silent for longer than their lease, and their jobs unreachable."""
        for worker in self._roster.silent(self.clock.now()):
            await self._lose(worker.id)

    async def _fill(self, worker: Worker, kind: str) -> None:
        while self._ledger.jobs.waiting(kind) and self._roster.fits(worker, kind):
            job = await self._ledger.place(worker, kind, self.clock.now())
            if job is None:
                return
            self._spawn(partial(self._hand_over, job))

    def _draft(self, ask: Submission) -> Job:
        entry = KINDS.get(ask.kind)
        if entry is None:
            raise Invalid(f"kind must be one of {', '.join(KINDS)}", field="kind")
        try:
            msgspec.convert(ask.spec, entry.spec)
        except msgspec.ValidationError as fault:
            raise Invalid(f"spec does not fit its kind: {fault}", field="spec") from fault
        now = self.clock.now()
        return Job(
            id=self._ids(entry.id_shape, now),
            kind=ask.kind,
            spec=ask.spec,
            created_at=now,
            updated_at=now,
            origin=ask.origin,
            idempotency_key=ask.idempotency_key,
            fingerprint=ask.fingerprint,
            needs=ask.needs,
            pinned=ask.worker_id,
            priority=ask.priority,
            deadline=ask.deadline,
        )

    def _choose(self, ask: Submission, job: Job) -> Worker | None:
        if ask.worker_id is not None and not ask.queue:
            worker = self._roster.check(ask.worker_id, ask.kind)
            if not self._roster.idle(worker, job):
                raise Conflict("another job of this process is live", code="process_busy")
            return worker
        if ask.worker_id is not None:
            self._roster.admit(ask.worker_id)
        if self._ledger.jobs.waiting(ask.kind):
            return None
        return next((worker for worker in self._roster if self._takes_now(worker, job)), None)

    def _takes_now(self, worker: Worker, job: Job) -> bool:
        return takes(worker, job) and self._roster.fits(worker, job.kind) and self._roster.idle(worker, job)

    async def _repeat(self, job_id: str, ask: Submission) -> Job:
        job = await self._ledger.until(job_id, BEGUN, SETTLE_BOUND)
        end = job.end
        if not ask.queue and end is not None and end.reason is EndReason.NEVER_STARTED and end.fault is not None:
            raise StartFailed(end.fault.message, code=end.fault.code)
        return job

    async def _hand_over(self, job: Job, *, queue: bool = True) -> Job:
        entry = KINDS[job.kind]
        start = Start(job_id=job.id, kind=job.kind, attempt=job.attempt, process=entry.process(job.id, job.spec), spec=dict(job.spec))
        try:
            reply = await self._bus.request(_holder(job), start, timedelta(seconds=entry.start_timeout_s))
        except Unavailable as fault:
            await self._not_handed_over(job, fault, queue=queue)
            raise
        if isinstance(reply, Refused):
            await self._ledger.apply([moves.refuse(job, reply.message, self.clock.now())])
            raise StartFailed(reply.message, code=reply.code)
        return await self.find(job.id)

    async def _not_handed_over(self, job: Job, fault: Unavailable, *, queue: bool) -> None:
        now = self.clock.now()
        if fault.code == "worker_not_connected":
            await self._ledger.apply([moves.requeue(job, now) if queue else moves.refuse(job, fault.message, now)])
        else:
            await self._ledger.apply([moves.lose_touch(job, now)])
            self._spawn(partial(self.stop, job.id, by="engine"))

    async def _meet(self, worker_id: str, worker: Worker | None) -> None:
        if worker is None:
            await self._lose(worker_id)
        elif self._roster.announce(worker):
            await self._ledger.store.enroll(worker)
            self._ledger.jobs.ring()
            self._spawn(self.place)

    async def _lose(self, worker_id: str) -> None:
        worker = self._roster.lose(worker_id)
        if worker is not None:
            await self._ledger.store.enroll(worker)
            now = self.clock.now()
            await self._ledger.apply([moves.lose_touch(job, now) for job in self._roster.held(worker_id)])

    async def _stop(self, job: Job, by: str, grace: timedelta) -> Job:
        if job.worker_id is None:
            dropped = await self._ledger.attempt(moves.drop(job, by, self.clock.now()))
            return dropped or await self._stop(await self.find(job.id), by, grace)
        await self._intend_stop(job, by)
        ask = Stop(job_id=job.id, by=by, grace_s=grace.total_seconds(), reason=KINDS[job.kind].stopped)
        reply = await self._bus.request(job.worker_id, ask, grace + STOP_BOUND + REQUEST_BOUND)
        if isinstance(reply, Refused):
            await self._unstopped(job.id, reply)
        return await self.wait(job.id, SETTLE_BOUND)

    async def _intend_stop(self, job: Job, by: str) -> None:
        try:
            await self._ledger.apply([moves.intend_stop(job, by, self.clock.now())])
        except Unavailable as fault:
            # A stop works on a full disk too (workers.md, failure texts); the worker's report is kept until there is room.
            log.warning("stop not recorded", job_id=job.id, reason=fault.message)

    async def _unstopped(self, job_id: str, reply: Refused) -> None:
        if reply.code != "job_not_found":
            raise StopNotConfirmed(reply.message, code=reply.code)
        job = await self.find(job_id)
        if job.state is not State.ENDED:
            await self._ledger.apply(moves.lost(job, self.clock.now(), spawned=True))

    async def _ask(self, job: Job, request: Request) -> Json:
        return _answer(await self._bus.request(_holder(job), request, REQUEST_BOUND))

    async def _begun(self, job_id: str) -> Job:
        job = await self._ledger.until(job_id, BEGUN, SETTLE_BOUND)
        if job.state is State.ENDED:
            raise Conflict("job is over", code="job_ended")
        return job

    def _spawn(self, work: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _guarded(work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except TriptychError as fault:
        log.info("background verb refused", code=fault.code, reason=fault.message)
    except Exception:
        log.exception("background verb failed")


def _holder(job: Job) -> str:
    if job.worker_id is None:
        raise Unavailable("worker not connected", code="worker_not_connected")
    return job.worker_id


def _answer(reply: Reply) -> Json:
    if isinstance(reply, Answer):
        return reply.data
    raise TriptychError(reply.message, code=reply.code)


def _in(job: Job, state: State) -> Job:
    if job.state is not state:
        raise Conflict(f"job is {job.state}", code=f"job_{job.state}")
    return job


def _grace(job: Job, grace_s: float | None) -> timedelta:
    asked = grace_s if grace_s is not None else job.spec.get("grace_s")
    return timedelta(seconds=asked) if isinstance(asked, int | float) else GRACE
