"""The agent of one machine: serves the requests of its servers, gives each to the right job process and reports for it."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, assert_never

import msgspec
import structlog

from triptych import __version__
from triptych.agent.forks import Forks
from triptych.agent.journal import Journal
from triptych.agent.outbox import Outbox
from triptych.agent.pool import Pool
from triptych.agent.process import Process
from triptych.agent.roots import make_ready
from triptych.agent.survey import describe
from triptych.agent.tiers import choose
from triptych.agent.tiers.cgroup import empty
from triptych.agent.tree import Member, kill_marked, stat
from triptych.agent.verdicts import LEFT, epitaph, lost_end, no_such_kind, start_text
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
    Running,
    Shown,
    Start,
    Stock,
    Stop,
)
from triptych.model import End, EndReason, Fault, Json, Place, Worker, WorkerState

HEARTBEAT = timedelta(seconds=2)
IDLE_SHIMS = 8
_MODULES: Mapping[str, tuple[str, ...]] = {"shim": (), "media": ("av", "numpy", "cv2")}
_ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {"shim": {}, "media": {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}}
_TRIES = 3
_SWEEP_S = 5.0
_LINGER_S = 6.0
_SHUTDOWN_GRACE_S = 1.5
_SHUTDOWN_STOP_S = 2.5
_SHUTDOWN_BOX_S = 0.5
_SHUTDOWN_LEAVE_S = 2.0

log = structlog.get_logger()


@dataclass(eq=False, slots=True, kw_only=True)
class Held:
    """One attempt that this worker has: `process` runs it, `started` is the reply to its start, `seq` the number of its last report."""

    start: Start
    process: "asyncio.Future[Process]"
    started: "asyncio.Future[Reply]"
    seq: int = 0
    pid: int | None = None
    noted: bool = False

    @property
    def key(self) -> Key:
        """Return the job's id and the attempt."""
        return self.start.job_id, self.start.attempt

    def is_of(self, process: Process) -> bool:
        """Whether this process was given the job."""
        return self.process.done() and not self.process.exception() and self.process.result() is process


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
        kinds: Mapping[str, KindEntry] = KINDS,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self.place = make_ready(place)
        self._slots = slots
        self._kinds = kinds
        self._labels = labels or {}
        self._facts = facts or {}
        self._began = clock.now()
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self._journal = Journal(Path(place.data_dir) / "journal.db", self._boot_id, clock)
        self._forks = _fork_servers([kinds[kind] for kind in slots], self.place, clock)
        self._pools = {
            tier: Pool(partial(self._fork, "command", "", tier), idle) for tier, idle in _idle_shims(self.place, idle_shims).items()
        }
        self._named: dict[str, asyncio.Task[Process]] = {}
        self._outboxes: dict[Process, Outbox] = {}
        self._held: dict[str, Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
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

    async def inventory(self) -> AbstractSet[Key]:
        """Return every (job, attempt) that may have been executed here, once nothing lives of those that an earlier agent left open.

        To be called before `start`. An attempt that is not in it was never executed.
        """
        left = self._journal.open_here()
        await self._empty_leaves(job_id for job_id, _ in left)
        await self._kill_all(job_id for job_id, _ in left)
        for key in left:
            self._journal.ended(key, None)
        return self._journal.spawned()

    async def start(self) -> None:
        """Start the fork servers, fill the pool, serve and announce. Raises `StartFailed` when the kernel refuses to fork."""
        if "shim" in self._forks:
            self._forks["shim"].start()
            await asyncio.gather(*(pool.fill() for pool in self._pools.values()))
        await self._bus.serve(self.place.worker_id, self.handle)
        await self.announce()
        if "media" in self._forks:
            self._forks["media"].start()
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
            facts={"version": __version__, **describe(self.place), "warm": self._warm(), **self._facts},
        )
        await self._bus.announce(worker)

    async def handle(self, request: Request) -> Reply:
        """Do what a server asks."""
        match request:
            case Start():
                return await self._start(request)
            case Stop():
                return await self._ask_holder(request, gone=Answer())
            case Pause() | Resume():
                return await self._ask_holder(request, gone=Refused(code="job_ended", message="job is over"))
            case Ask():
                return await self._probe(request)
            case Renew():
                return Answer()
            case Reconcile():
                return Answer(data=msgspec.to_builtins(self._stock(request)))
            case _:
                assert_never(request)

    async def run_once(self) -> None:
        """Do what is due at every heartbeat."""
        for pool in self._pools.values():
            pool.trim()
        for held in self._held.values():
            if held.pid and not held.noted and (main := stat(held.pid)) is not None:
                self._journal.ran(held.key, Member(held.pid, main.start_ticks))
                held.noted = True
        self._journal.flush()
        await self.announce()

    async def close(self, *, stop_jobs: bool) -> None:
        """Leave the bus and end every process within 5 s; with `stop_jobs` stop each job first, so that its end is told."""
        if self._closing:
            return
        self._closing = True
        if stop_jobs:
            await self._stop_all()
        await self._bus.leave(self.place.worker_id)
        await _all((outbox.empty() for outbox in self._outboxes.values()), _SHUTDOWN_BOX_S)
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
        await self._leave_processes()
        await asyncio.gather(*(forks.close() for forks in self._forks.values()))
        for task in (*self._tasks, *self._named.values()):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._named.values(), return_exceptions=True)
        for outbox in self._outboxes.values():
            outbox.close()
        self._journal.close()

    async def _start(self, start: Start) -> Reply:
        held = self._held.get(start.job_id)
        if held is not None and held.start.attempt == start.attempt:
            return await asyncio.shield(held.started)
        if held is not None:
            return Refused(code="conflict", message="another attempt of this job runs here")
        if self._closing:
            return Refused(code="worker_draining", message="worker draining")
        if start.kind not in self._slots:
            return no_such_kind(start.kind)
        if not self._journal.tell(start.job_id, start.attempt):
            return self._recall(start)
        loop = asyncio.get_running_loop()
        held = self._held[start.job_id] = Held(start=start, process=loop.create_future(), started=loop.create_future())
        held.started.set_result(await self._hand_over(held))
        return held.started.result()

    async def _hand_over(self, held: Held) -> Reply:
        """Give a job to a process, to another one if it ended by itself just then."""
        for _ in range(_TRIES):
            try:
                process = await self._process(held.start.process, held.start.kind, held.start.spec)
            except TriptychError as fault:
                return self._not_handed_over(held, fault)
            held.process.set_result(process)
            reply = await process.ask(held.start)
            if reply != LEFT:
                return reply
            held.process = asyncio.get_running_loop().create_future()
        return self._not_handed_over(held, Unavailable(LEFT.message, code=LEFT.code))

    def _not_handed_over(self, held: Held, fault: TriptychError) -> Reply:
        held.process.set_exception(fault)
        held.process.exception()
        text = start_text(held.start, fault)
        self._let_go(held, End(reason=EndReason.NEVER_STARTED, fault=Fault(code=fault.code, message=text)))
        return Refused(code=fault.code, message=text)

    def _recall(self, start: Start) -> Reply:
        """Reply to a start that was told before and is over: as then."""
        told = self._journal.find(start.job_id, start.attempt)
        if told is not None and told.refused is not None:
            return Refused(code="start_failed", message=told.refused)
        return Answer(data={"pid": told.pid if told else None})

    async def _ask_holder(self, request: Stop | Pause | Resume, *, gone: Reply) -> Reply:
        held = self._held.get(request.job_id)
        if held is None:
            told = self._journal.find(request.job_id)
            return gone if told else Refused(code="job_not_found", message="job not found")
        try:
            process = await asyncio.shield(held.process)
        except TriptychError:
            return gone
        return await process.ask(request)

    def _stock(self, asked: Reconcile) -> Stock:
        """Say what became of attempts; those that an earlier agent began are dead by now."""
        held = {one.key: one for one in self._held.values()}
        told = [(job_id, self._journal.find(job_id, attempt)) for job_id, attempt in asked.jobs if (job_id, attempt) not in held]
        return Stock(
            live={job_id: "running" for job_id, attempt in asked.jobs if (job_id, attempt) in held},
            gone=tuple(job_id for job_id, known in told if known is not None),
            never=tuple(job_id for job_id, known in told if known is None),
            strangers=tuple(held.keys() - set(asked.jobs)),
        )

    async def _probe(self, ask: Ask) -> Reply:
        if ask.kind not in self._slots:
            return no_such_kind(ask.kind)
        for _ in range(_TRIES):
            process = await self._process(ask.process, ask.kind, ask.spec)
            reply = await process.ask(ask)
            self._give_back(process)
            if reply != LEFT:
                return reply
        return LEFT

    async def _process(self, name: str, kind: str, spec: Json) -> Process:
        """Return the living process for a job: one of the pool of its tier, or the one of this name."""
        pool = self._pools[_birth(self.place, spec)] if self._kinds[kind].fork_server == "shim" else None
        while True:
            process = await pool.take() if pool else await self._open(name, kind)
            if not process.closed:
                return process

    async def _open(self, name: str, kind: str) -> Process:
        opening = self._named.get(name)
        if opening is None:
            opening = self._named[name] = asyncio.create_task(self._fork(kind, name, ""))
        try:
            return await asyncio.shield(opening)
        except TriptychError:
            self._named.pop(name, None)
            raise

    async def _fork(self, kind: str, name: str, tier: str) -> Process:
        entry = self._kinds[kind]
        born = await self._forks[entry.fork_server].fork(entry.run, tier)
        process = Process(name, born, self._heard, self._lost, tier)
        self._outboxes[process] = Outbox(self._bus, self._clock, process.hush, process.listen)
        return process

    def _give_back(self, process: Process) -> None:
        if not process.name:
            self._pools[process.tier].put(process)

    def _heard(self, process: Process, message: Report | Shown) -> None:
        held = self._held.get(message.job_id) if isinstance(message, Report) else None
        self._outboxes[process].put(message)
        if held is None or not isinstance(message, Report) or held.start.attempt != message.attempt:
            return
        held.seq = message.seq
        if isinstance(message.body, Running):
            held.pid = message.body.pid
        elif isinstance(message.body, Ended):
            self._let_go(held, message.body.end)
            self._give_back(process)

    def _let_go(self, held: Held, end: End) -> None:
        self._held.pop(held.start.job_id, None)
        self._journal.ended(held.key, held.pid)
        if end.reason is EndReason.NEVER_STARTED:
            self._journal.refused(held.key, end.fault.message if end.fault else "")

    def _lost(self, process: Process) -> None:
        if process.name:
            self._named.pop(process.name, None)
        if not self._closing:
            self._spawn(self._bury(process))

    def _warm(self) -> Json:
        return {name: forks.ready for name, forks in self._forks.items()}

    async def _bury(self, process: Process) -> None:
        """Report for a process that is gone, when nothing of its tree is left."""
        status = await self._status(process)
        held = [held for held in self._held.values() if held.is_of(process) and (status or held.seq)]
        await self._empty_leaves(one.start.job_id for one in held)
        await self._kill_all(one.start.job_id for one in held)
        outbox = self._outboxes[process]
        for one in held:
            end = lost_end(one.start.kind, status)
            log.error("job process died", job_id=one.start.job_id, pid=process.pid, status=status)
            report = Report(
                job_id=one.start.job_id, attempt=one.start.attempt, seq=one.seq + 1, at_us=to_us(self._clock.now()), body=Ended(end=end)
            )
            outbox.put(report)
            self._let_go(one, end)
        await outbox.empty()
        del self._outboxes[process]
        process.settle(lambda request: epitaph(request, status))

    async def _status(self, process: Process) -> int | None:
        """Return how a process ended; one that outlives its line is killed."""
        done, _ = await asyncio.wait({process.left}, timeout=_LINGER_S)
        if not done:
            for forks in self._forks.values():
                forks.kill(process.pid)
        return await process.left

    async def _kill_all(self, job_ids: Iterable[str]) -> None:
        """Kill whatever runs for these jobs, however long it takes."""
        wanted = frozenset(job_ids)
        while wanted and (alive := await asyncio.to_thread(kill_marked, wanted, _SWEEP_S)):
            log.error("processes withstand SIGKILL", job_ids=sorted(wanted), alive=alive)

    async def _empty_leaves(self, job_ids: Iterable[str]) -> None:
        """Empty the cgroups that shims killed by force left (workers K8)."""
        wanted = frozenset(job_ids) if self.place.cgroup else frozenset()
        while wanted and (alive := await asyncio.to_thread(empty, self.place.cgroup, wanted, _SWEEP_S)):
            log.error("cgroups withstand their end", job_ids=sorted(wanted), populated=alive)

    async def _stop_all(self) -> None:
        stops = [
            Stop(job_id=job_id, by="shutdown", grace_s=_SHUTDOWN_GRACE_S, reason=self._kinds[held.start.kind].stopped)
            for job_id, held in self._held.items()
        ]
        await _all((self.handle(stop) for stop in stops), _SHUTDOWN_STOP_S)

    async def _leave_processes(self) -> None:
        """Close every line and give the processes a moment to finish what they write."""
        processes = list(self._outboxes)
        for process in processes:
            process.close()
        if processes:
            _, staying = await asyncio.wait({process.left for process in processes}, timeout=_SHUTDOWN_LEAVE_S)
            for process in processes:
                for forks in self._forks.values() if process.left in staying else ():
                    forks.kill(process.pid)

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


def _birth(place: Place, spec: Json) -> str:
    """Return how the shim of a command has to be born: `pidns`, or "" for the tiers that any shim can hold a job by."""
    tier = choose(place.kill_tiers, needs_setuid=bool(spec.get("needs_setuid")))
    return tier if tier == "pidns" else ""


def _idle_shims(place: Place, count: int) -> dict[str, int]:
    """Return how many idle shims to keep by birth: all of the kind that most jobs need."""
    return {birth: count if birth == _birth(place, {}) else 0 for birth in {"", _birth(place, {})}}


def _fork_servers(kinds: Iterable[KindEntry], place: Place, clock: Clock) -> dict[str, Forks]:
    """Return the fork servers that these kinds need, each warm with the modules of its kinds."""
    modules: dict[str, list[str]] = {}
    for entry in kinds:
        modules.setdefault(entry.fork_server, []).append(entry.run.partition(":")[0])
    return {name: Forks(place, clock, modules=(*_MODULES[name], *own), env=_ENVIRONMENTS[name]) for name, own in modules.items()}


async def _all(work: Iterable[Coroutine[object, object, object]], bound_s: float) -> None:
    tasks = [asyncio.create_task(one) for one in work]
    if tasks:
        await asyncio.wait(tasks, timeout=bound_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
