"""The agent of one machine: serves the requests of its servers, gives each to the right job process and reports for it."""

import asyncio
import resource
from collections.abc import Coroutine, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, assert_never

import msgspec
import structlog

from triptych import __version__
from triptych.agent.adopt import end_left
from triptych.agent.channel import Page
from triptych.agent.crew import SPOOL_CAP_BYTES, Crew
from triptych.agent.held import Held
from triptych.agent.journal import Journal
from triptych.agent.legacy import Legacy
from triptych.agent.outbox import Outbox
from triptych.agent.process import Process, Said
from triptych.agent.roots import make_ready
from triptych.agent.survey import describe
from triptych.agent.tree import Member, stat
from triptych.agent.verdicts import LEFT, epitaph, lost_end, no_such_kind, start_text, take_stock
from triptych.clock import to_us
from triptych.contracts import Bus, Clock
from triptych.errors import TriptychError, Unavailable
from triptych.kinds import KINDS, KindEntry
from triptych.messages import (
    Answer,
    Ask,
    Ended,
    Key,
    Pause,
    Reconcile,
    Refused,
    Renew,
    Reply,
    Report,
    Request,
    Resume,
    Start,
    Stock,
    Stop,
)
from triptych.model import End, EndReason, Fault, Json, Place, Worker, WorkerState

HEARTBEAT = timedelta(seconds=2)
IDLE_SHIMS = 8
_TRIES = 3
_SHUTDOWN_GRACE_S = 1.5
_SHUTDOWN_STOP_S = 2.5
_SHUTDOWN_BOX_S = 0.5
_NOT_BEGUN = Refused(code="job_not_found", message="job not found")

log = structlog.get_logger()


class Agent:
    """Runs jobs on this machine for whoever speaks over `bus`: an async context from the first announcement to the last report.

    `place` is what its job processes know of it, the default root filled in.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        place: Place,
        slots: Mapping[str, int],
        clock: Clock,
        labels: Mapping[str, str] | None = None,
        facts: Json | None = None,
        idle_shims: int = IDLE_SHIMS,
        spool_cap_bytes: int = SPOOL_CAP_BYTES,
        kinds: Mapping[str, KindEntry] = KINDS,
        boot_id: str | None = None,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self.place = make_ready(place)
        self._slots = slots
        self._kinds = kinds
        self._labels = labels or {}
        self._facts = facts or {}
        self._began = clock.now()
        self._boot_id = boot_id or Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self._journal = Journal(Path(place.data_dir) / "journal.db", self._boot_id, clock)
        self._crew = Crew(
            kinds={kind: kinds[kind] for kind in slots},
            place=self.place,
            bus=bus,
            clock=clock,
            boot_id=self._boot_id,
            idle_shims=idle_shims,
            spool_cap_bytes=spool_cap_bytes,
            heard=self._heard,
            lost=self._lost,
        )
        self._held: dict[str, Held] = {}
        self._legacy = Legacy(self._crew, self._journal, lambda: Outbox(bus, clock, lambda: None, lambda: None), self._heard)
        self._tasks: set[asyncio.Task[None]] = set()
        self._renewed_s = 0.0
        self._adopted = False
        self._closing = False

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close(stop_jobs=False)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self.close(stop_jobs=False)

    async def adopt(self) -> None:
        """Take over what an earlier agent left: its living shims with their jobs, and what the others wrote down.

        What is left of attempts that nobody holds any more is dead when this returns. Done by `start`, unless it was called before.
        """
        if self._adopted:
            return
        self._adopted = True
        _raise_descriptor_limit()
        for held in await self._legacy.take_over(self._boot_id):
            self._held[held.job_id] = held

    async def start(self) -> None:
        """Adopt what is left, start the fork servers, fill the pool, serve and announce.

        Raises `StartFailed` when the kernel refuses to fork.
        """
        await self.adopt()
        await self._crew.start_shims()
        await self._bus.serve(self.place.worker_id, self.handle)
        await self.announce()
        self._crew.start_media()
        self._spawn(self._beat())

    async def announce(self) -> None:
        """Tell the servers that this worker is there, until it closes."""
        if self._closing:
            return
        worker = Worker(
            id=self.place.worker_id,
            state=WorkerState.READY,
            boot_id=self._boot_id,
            started_at=self._began,
            seen_at=self._clock.now(),
            slots=self._slots,
            labels=self._labels,
            facts={"version": __version__, **describe(self.place), "warm": self._crew.warm(), **self._facts},
        )
        await self._bus.announce(worker)

    async def handle(self, request: Request) -> Reply:
        """Do what a server asks."""
        match request:
            case Start():
                return await self._start(request)
            case Stop():
                return await self._stop(request)
            case Pause() | Resume():
                return await self._ask_holder(request, gone=Refused(code="job_ended", message="job is over"))
            case Ask():
                return await self._probe(request)
            case Renew():
                self._renewed_s = self._clock.monotonic().total_seconds()
                self._crew.receipts.take(request.taken)
                return Answer()
            case Reconcile():
                return Answer(data=msgspec.to_builtins(self._stock(request)))
            case _:
                assert_never(request)

    async def run_once(self) -> None:
        """Do what is due at every heartbeat, its announcement first: what fails behind that does not silence this worker."""
        await self.announce()
        self._crew.trim()
        for held in self._held.values():
            if held.pid and not held.noted and (main := stat(held.pid)) is not None:
                self._journal.ran(held.key, Member(held.pid, main.start_ticks))
                held.noted = True
        self._journal.flush()
        self._crew.ping(self._busy(), self._renewed_s)

    async def close(self, *, stop_jobs: bool) -> None:
        """Leave the bus and end within 5 s: commands stay with their shims (workers L8), or with `stop_jobs` every job is stopped first."""
        if self._closing:
            return
        self._closing = True
        if stop_jobs:
            await self._stop_all()
        await self._bus.leave(self.place.worker_id)
        await self._crew.empty(_SHUTDOWN_BOX_S)
        await self._crew.close(() if stop_jobs else self._busy())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._legacy.close()
        self._journal.close()

    def _busy(self) -> list[Process]:
        held = (held.process for held in self._held.values())
        return [process.result() for process in held if process.done() and not process.exception()]

    async def _start(self, start: Start) -> Reply:
        held = self._held.get(start.job_id)
        if held is not None and held.attempt == start.attempt:
            return await asyncio.shield(held.started)
        if held is not None:
            return Refused(code="conflict", message="another attempt of this job runs here")
        if self._closing:
            return Refused(code="worker_draining", message="worker draining")
        if start.kind not in self._slots:
            return no_such_kind(start.kind)
        if not self._journal.tell(start.job_id, start.attempt, spooled=self._kinds[start.kind].outlives):
            return self._recall(start)
        loop = asyncio.get_running_loop()
        held = self._held[start.job_id] = Held(
            job_id=start.job_id,
            attempt=start.attempt,
            kind=start.kind,
            process=loop.create_future(),
            started=loop.create_future(),
        )
        held.started.set_result(await self._hand_over(held, start))
        return held.started.result()

    async def _hand_over(self, held: Held, start: Start) -> Reply:
        """Give a job to a process, to another one if it ended by itself just then."""
        for _ in range(_TRIES):
            try:
                process = await self._crew.take(start.process, start.kind, start.spec)
            except TriptychError as fault:
                return self._not_handed_over(held, start, fault)
            held.process.set_result(process)
            reply = await process.ask(start)
            if reply != LEFT:
                return reply
            held.process = asyncio.get_running_loop().create_future()
        return self._not_handed_over(held, start, Unavailable(LEFT.message, code=LEFT.code))

    def _not_handed_over(self, held: Held, start: Start, fault: TriptychError) -> Reply:
        held.process.set_exception(fault)
        held.process.exception()
        text = start_text(start, fault)
        self._let_go(held, End(reason=EndReason.NEVER_STARTED, fault=Fault(code=fault.code, message=text)))
        return Refused(code=fault.code, message=text)

    def _recall(self, start: Start) -> Reply:
        """Reply to a start that was told before and is over: as then."""
        told = self._journal.find(start.job_id, start.attempt)
        if told is not None and told.refused is not None:
            return Refused(code="start_failed", message=told.refused)
        return Answer(data={"pid": told.pid if told else None})

    async def _stop(self, stop: Stop) -> Reply:
        """End an attempt that is held; one that was never begun never will be (workers L6)."""
        held = self._held.get(stop.job_id)
        if held is not None and stop.attempt in {None, held.attempt}:
            held.state = "stopping"
            return await self._ask_holder(stop, gone=Answer())
        if stop.attempt is not None and self._journal.forbid(stop.job_id, stop.attempt):
            return _NOT_BEGUN
        told = self._journal.find(stop.job_id, stop.attempt)
        return Answer() if told and (told.refused is None or stop.attempt is None) else _NOT_BEGUN

    async def _ask_holder(self, request: Stop | Pause | Resume, *, gone: Reply) -> Reply:
        held = self._held.get(request.job_id)
        if held is None:
            return gone if self._journal.find(request.job_id) else _NOT_BEGUN
        try:
            process = await asyncio.shield(held.process)
        except TriptychError:
            return gone
        return await process.ask(request)

    def _stock(self, asked: Reconcile) -> Stock:
        states = {held.key: held.state for held in self._held.values()}
        return take_stock(asked.jobs, states, self._crew.receipts.ends, self._will_never_begin)

    def _will_never_begin(self, key: Key) -> bool:
        """Say whether an attempt that is not here was never begun; then it never will be."""
        if key in self._legacy.gone:
            return False
        known = self._journal.find(*key)
        return self._journal.forbid(*key) if known is None else known.refused is not None

    async def _probe(self, ask: Ask) -> Reply:
        if ask.kind not in self._slots:
            return no_such_kind(ask.kind)
        for _ in range(_TRIES):
            process = await self._crew.take(ask.process, ask.kind, ask.spec)
            reply = await process.ask(ask)
            self._crew.give_back(process)
            if reply != LEFT:
                return reply
        return LEFT

    def _heard(self, process: Process, message: Said) -> None:
        if isinstance(message, Page):
            self._crew.receipts.turn(process.spool, message.number)
            return
        self._crew.outbox(process).put(message)
        if not isinstance(message, Report):
            return
        if process.spool:
            self._crew.receipts.note(process.spool, message)
        held = self._held.get(message.job_id)
        if held is None or held.attempt != message.attempt:
            return
        held.take(message)
        if isinstance(message.body, Ended):
            self._let_go(held, message.body.end)
            self._crew.give_back(process)

    def _let_go(self, held: Held, end: End) -> None:
        self._held.pop(held.job_id, None)
        self._journal.ended(held.key, held.pid)
        if end.reason is EndReason.NEVER_STARTED:
            self._journal.refused(held.key, end.fault.message if end.fault else "")

    def _lost(self, process: Process) -> None:
        self._crew.forget_name(process)
        if not self._closing:
            self._spawn(self._bury(process))

    async def _bury(self, process: Process) -> None:
        """Report for a process that is gone, when nothing of its tree is left."""
        status = await self._crew.status(process)
        held = [held for held in self._held.values() if held.is_of(process) and (status != 0 or held.seq)]
        await end_left({one.job_id for one in held}, self.place.data_dir)
        for one in held:
            end = lost_end(one.kind, status)
            log.error("job process died", job_id=one.job_id, pid=process.pid, status=status)
            at_us = to_us(self._clock.now())
            self._crew.outbox(process).put(
                Report(job_id=one.job_id, attempt=one.attempt, seq=one.seq + 1, at_us=at_us, body=Ended(end=end))
            )
            self._let_go(one, end)
        await self._crew.forget(process)
        process.settle(lambda request: epitaph(request, status))

    async def _stop_all(self) -> None:
        stops = [
            Stop(job_id=job_id, by="shutdown", grace_s=_SHUTDOWN_GRACE_S, reason=self._kinds[held.kind].stopped)
            for job_id, held in self._held.items()
        ]
        await _all((self.handle(stop) for stop in stops), _SHUTDOWN_STOP_S)

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(HEARTBEAT)
            try:
                await self.run_once()
            except Exception:
                log.exception("heartbeat failed")

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _raise_descriptor_limit() -> None:
    """Let this process and its fork servers hold as many jobs as the kernel allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _all(work: Iterable[Coroutine[object, object, object]], bound_s: float) -> None:
    tasks = [asyncio.create_task(one) for one in work]
    if tasks:
        await asyncio.wait(tasks, timeout=bound_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
