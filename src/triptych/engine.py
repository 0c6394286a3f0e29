"""The one door to jobs: submit, find, probe, pause, resume, stop, place, settle, watch; and to workers: drain, undrain, remove."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import TracebackType
from typing import Self

import msgspec

from triptych import moves
from triptych.background import Background
from triptych.clock import boot_id as this_boot
from triptych.contracts import Bus, Clock, Store
from triptych.dispatcher import Dispatcher, holder
from triptych.errors import Conflict, Invalid, StartFailed, Unavailable
from triptych.ids import Ids, make_id
from triptych.kinds import KINDS
from triptych.ledger import Ledger
from triptych.liaison import Liaison
from triptych.line import PATIENCE, Line, answered
from triptych.messages import JOB_LEASE_S, Ask, Output, Pause, Report, Request, Resume
from triptych.model import Berths, Change, EndReason, Happening, Job, Json, Page, Query, State, Submission, Worker, WorkerState
from triptych.outputs import Frames, Outputs, OutputSlice, wrote_all
from triptych.roster import Roster
from triptych.stopper import ENDED, SETTLE_BOUND, STOP_BOUND, Stopper

BEGUN = frozenset(State) - {State.STARTING}
ALWAYS = frozenset(State)
REQUEST_BOUND = timedelta(seconds=2)
SHUTDOWN_GRACE_S = 1.5
CLOSE_BOUND = timedelta(seconds=SHUTDOWN_GRACE_S) + STOP_BOUND
MOST_QUEUED = 100_000
WORKER_LEASE_S = 10.0


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
        self,
        *,
        store: Store,
        bus: Bus,
        outputs: Outputs,
        clock: Clock,
        ids: Ids = make_id,
        most_queued: int = MOST_QUEUED,
        worker_lease_s: float = WORKER_LEASE_S,
        job_lease_s: float = JOB_LEASE_S,
        patience: timedelta = PATIENCE,
        boot_id: str | None = None,
    ) -> None:
        self.clock = clock
        self._bus = bus
        self._outputs = outputs
        self._ids = ids
        self._most_queued = most_queued
        self._job_lease_s = job_lease_s
        self._background = background = Background()
        self._roster = roster = Roster(timedelta(seconds=worker_lease_s), boot_id or this_boot())
        self._ledger = ledger = Ledger(store, roster, clock, lambda: background.spawn(self.place))
        self._line = Line(bus, roster, patience)
        self._stopper = Stopper(ledger, self._line, clock)
        self._dispatcher = Dispatcher(
            ledger=ledger, roster=roster, line=self._line, stopper=self._stopper, clock=clock, background=background
        )
        self._liaison = Liaison(
            bus=bus,
            ledger=ledger,
            roster=roster,
            dispatcher=self._dispatcher,
            stopper=self._stopper,
            sync=outputs.sync,
            clock=clock,
            background=background,
        )

    async def __aenter__(self) -> Self:
        await self._liaison.load()
        await self._ledger.load()
        await self._bus.consume(self.settle)
        await self._bus.watch(self._liaison.meet)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self._background.close()
        await self._stopper.close()

    async def submit(self, ask: Submission) -> Job:
        """Take an ask: durable before anything runs, started at once where a worker has room.

        With `queue` False the named worker must take it now, and the answer comes when its program has been executed. Raises
        `Invalid`, `NotFound`, `Conflict` or `Unavailable` with nothing started, or `StartFailed` with the job kept as `never_started`.
        """
        job = self._draft(ask)
        if (earlier := await self._ledger.earlier(ask)) is not None:
            return await self._repeat(earlier.id, ask)
        worker = await self._dispatcher.choose(ask, job)
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
            self._dispatcher.send(stored)
            return stored
        return await self._dispatcher.hand_over(stored)

    async def find(self, job_id: str, *, kind: str | None = None) -> Job:
        """Return the job as last committed. Raises `NotFound`, also when it is of another kind."""
        return await self._ledger.find(job_id, kind)

    async def list(self, query: Query) -> Page:
        """Return a page of jobs, newest first. Raises `Invalid` on a cursor that is not ours."""
        return await self._ledger.store.list(query)

    async def wait(self, job_id: str, timeout: timedelta) -> Job:
        """Return the job once it has ended, or as it is after `timeout`."""
        return await self._ledger.until(job_id, ENDED, timeout)

    async def begun(self, job_id: str) -> Job:
        """Return a job once its worker has begun or refused it, at once where none has it, or as it is after a bound."""
        return await self._ledger.until(job_id, BEGUN, SETTLE_BOUND)

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
        return await self._stopper.stop(job_id, by=by, grace_s=grace_s)

    async def pin(self, job_id: str) -> Job:
        """Keep a job's record and output until `unpin`, however old they are."""
        return await self._noted(job_id, "pinned", {"pinned": True})

    async def unpin(self, job_id: str) -> Job:
        """Let retention have a job again."""
        return await self._noted(job_id, "pinned", {"pinned": False})

    async def mark(self, job_id: str, **facts: object) -> Job:
        """Keep what a view must remember of a job, whatever its state, for as long as the job is kept."""
        return await self._noted(job_id, "marked", facts)

    async def forget(self, job_id: str) -> None:
        """Delete an ended job with its log and output. Raises `Conflict` while it is live."""
        job = await self.find(job_id)
        if not await self._ledger.store.forget(job.id):
            raise Conflict("job is not over", code="job_live")
        self._ledger.jobs.drop(job.id)
        await self._outputs.forget(job.id)

    async def shed(self, job_id: str) -> None:
        """Delete what an ended job wrote; its record says when. Raises `Conflict` while it is live."""
        job = _in(await self.find(job_id), State.ENDED)
        await self._outputs.shed(job.id)
        await self._ledger.apply([moves.shed(job, self.clock.now())])

    async def probe(self, worker_id: str | None, ask: Ask, timeout: timedelta) -> Json:
        """Ask a process of a worker (None: the first ready one) without a job. Raises what it refused with, or `Unavailable`."""
        worker = await (self._line.any_ready() if worker_id is None else self._line.reach(worker_id))
        return answered(await self._bus.request(worker.id, ask, timeout))

    def watch(self, *, after: int | None = None, job_id: str | None = None) -> AsyncIterator[Happening]:
        """Yield committed happenings with a number above `after` (None: from now on), without gap or repeat, until the caller leaves."""
        return self._ledger.watch(after, job_id)

    async def log(self, *, after: int, limit: int) -> Sequence[Happening]:
        """Return at most `limit` committed happenings with a number above `after`, in order, without waiting."""
        return await self._ledger.store.log(after, limit)

    async def workers(self) -> Sequence[Worker]:
        """Return the workers that were not removed, by id."""
        return list(self._roster)

    async def worker(self, worker_id: str) -> Worker:
        """Return one worker. Raises `NotFound`, also when it was removed."""
        return self._roster.find(worker_id)

    async def reach(self, worker_id: str) -> Worker:
        """Return one worker; where its link is down, once it is back or 2 s later. Raises `NotFound`."""
        return await self._line.reach(worker_id)

    async def attend(self, worker_id: str) -> None:
        """Wait until a worker that is about to join can be given jobs, at most 2 s."""
        await self._line.attend(worker_id)

    async def drain(self, worker_id: str) -> Worker:
        """Give a worker nothing new until `undrain`, through restarts of both sides. Raises `NotFound`."""
        return await self._liaison.drain(worker_id)

    async def undrain(self, worker_id: str) -> Worker:
        """Let a worker take work again; nothing else brings back one that was removed. Raises `NotFound`."""
        return await self._liaison.undrain(worker_id)

    async def remove(self, worker_id: str) -> Worker:
        """Let a worker not be found any more. Raises `NotFound`, or `Conflict` while a live job is there or waits for it by name."""
        return await self._liaison.remove(worker_id)

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
        """Give jobs in line to workers with room, lowest (priority, age) first, until either runs out."""
        await self._dispatcher.place()

    async def berth(self, kind: str, berths: Berths) -> None:
        """Say which berths a kind has from now on. Its jobs run one in each of these, and none does in one that is not among them."""
        await self._dispatcher.berth(kind, berths)

    def berthed(self, kind: str) -> dict[int, Job]:
        """Return the jobs of a kind that hold a berth, by its number."""
        return self._roster.berthed(kind)

    async def settle(self, reports: Sequence[Report]) -> None:
        """Commit what workers reported: output first, then the changes in order; what is old or repeated is dropped by its guard."""
        outputs = [report for report in reports if isinstance(report.body, Output)]
        if outputs:
            await self._outputs.append(outputs)
            self._ledger.jobs.wake({report.job_id for report in outputs})
        reports = await self._outputs.finish(reports)
        known, now = {report.job_id: self._ledger.jobs.get(report.job_id) for report in reports}, self.clock.now()
        await self._ledger.apply([change for report in reports for change in moves.reported(report, known[report.job_id], now)])
        self._liaison.note(reports, known)

    async def close(self, *, stop_jobs: bool) -> None:
        """Stop what cannot outlive this server, and with `stop_jobs` what could; but not what goes back to the queue at the next start."""
        spared = {kind for kind, entry in KINDS.items() if entry.restart or (entry.outlives and not stop_jobs)}
        held = [job for worker in self._roster for job in self._roster.held(worker.id) if job.kind not in spared]
        stops = [asyncio.create_task(self.stop(job.id, by="shutdown", grace_s=SHUTDOWN_GRACE_S)) for job in held]
        if stops:
            # One that joined a stop with a longer grace is late; its worker ends it.
            _, late = await asyncio.wait(stops, timeout=CLOSE_BOUND.total_seconds())
            for stop in late:
                stop.cancel()
            await asyncio.gather(*stops, return_exceptions=True)

    async def sweep(self) -> None:
        """Lose the workers that are silent, and give up what nobody can be running any more; due every 2 s."""
        await self._liaison.sweep()

    async def renew(self) -> None:
        """Renew the leases that are due and acknowledge what is safe; due every 200 ms. Never waits for a worker."""
        await self._liaison.renew()

    async def tick(self) -> None:
        """Put retries in line and end what waited too long; due every 200 ms."""
        now = self.clock.now()
        changes: list[Change] = []
        for job_id, is_over in self._ledger.waits.due():
            job = self._ledger.jobs.get(job_id)
            if job is not None:
                changes.append(moves.expire(job, now) if is_over else moves.due(job, now))
        await self._ledger.apply(changes)

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
            berth_wish=ask.berth_wish,
            deadline=ask.deadline if ask.queue else now,
            facts={} if self._job_lease_s == JOB_LEASE_S else {"lease_s": self._job_lease_s},
        )

    async def _repeat(self, job_id: str, ask: Submission) -> Job:
        job = await self._ledger.until(job_id, BEGUN, SETTLE_BOUND)
        end = job.end
        if not ask.queue and end is not None and end.reason is EndReason.NEVER_STARTED and end.fault is not None:
            raise StartFailed(end.fault.message, code=end.fault.code)
        return job

    async def _noted(self, job_id: str, note: str, facts: Json) -> Job:
        job = await self.find(job_id)
        change = Change(job_id=job.id, at=self.clock.now(), sources=ALWAYS, facts=facts, note=note)
        return await self._ledger.attempt(change) or await self.find(job_id)

    async def _ask(self, job: Job, request: Request) -> Json:
        return answered(await self._line.ask(holder(job), request, REQUEST_BOUND))

    async def _begun(self, job_id: str) -> Job:
        job = await self._ledger.until(job_id, BEGUN, SETTLE_BOUND)
        if job.state is State.ENDED:
            raise Conflict("job is over", code="job_ended")
        return job


def _in(job: Job, state: State) -> Job:
    if job.state is not state:
        raise Conflict(f"job is {job.state}", code=f"job_{job.state}")
    return job
