"""The job processes of a worker: forked on request or found alive, each with what it said that the bus has not taken yet."""

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import structlog

from triptych.agent.adopt import Met, kill, until_swept
from triptych.agent.channel import Enrol
from triptych.agent.forks import Born, Forks
from triptych.agent.outbox import Outbox
from triptych.agent.pool import Pool
from triptych.agent.process import Heard, Lost, Process
from triptych.agent.receipts import Receipts
from triptych.agent.tiers import choose
from triptych.agent.tree import stat
from triptych.agent.wire import TOKEN_BYTES
from triptych.contracts import Bus, Clock
from triptych.errors import TriptychError
from triptych.kinds import KindEntry
from triptych.model import Json, Place

SHIM = "shim"
MEDIA = "media"
SPOOL_CAP_BYTES = 2 * 1024 * 1024 * 1024
_MODULES: Mapping[str, tuple[str, ...]] = {SHIM: (), MEDIA: ("av", "numpy", "cv2")}
_ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {SHIM: {}, MEDIA: {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}}
_REHEARSALS: Mapping[str, str] = {SHIM: "triptych.kinds.rehearsal:rehearse", MEDIA: ""}
_LINGER_S = 6.0
_LEAVE_S = 2.0
_SILENT_BEATS = 5

log = structlog.get_logger()


class Crew:
    """Processes of these kinds. `heard` and `lost` are called as those of a `Process`; `spools` is where its shims keep theirs."""

    def __init__(
        self,
        *,
        kinds: Mapping[str, KindEntry],
        place: Place,
        bus: Bus,
        clock: Clock,
        boot_id: str,
        idle_shims: int,
        spool_cap_bytes: int,
        heard: Heard,
        lost: Lost,
    ) -> None:
        self.receipts = Receipts()
        self.data_dir = place.data_dir
        self.spools = f"{place.data_dir}/spool"
        self._tiers = place.kill_tiers
        self._kinds = kinds
        self._bus = bus
        self._clock = clock
        self._boot_id = boot_id
        self._cap_bytes = spool_cap_bytes
        self._heard = heard
        self._lost = lost
        self._forks = _fork_servers(kinds.values(), place, clock)
        usual = self._birth({})
        idle = {"": 0, usual: idle_shims}
        self._pools = {birth: Pool(partial(self._fork, "command", "", birth), count) for birth, count in idle.items()}
        self._named: dict[str, asyncio.Task[Process]] = {}
        self._outboxes: dict[Process, Outbox] = {}
        self._tasks: set[asyncio.Task[int | None]] = set()

    def __iter__(self) -> Iterator[Process]:
        return iter(list(self._outboxes))

    async def start_shims(self) -> None:
        """Start the fork server of the shims and fill the pool. Raises `StartFailed` when the kernel refuses to fork."""
        if SHIM in self._forks:
            self._forks[SHIM].start()
            await asyncio.gather(*(pool.fill() for pool in self._pools.values()))

    def start_media(self) -> None:
        """Start the fork server that decodes."""
        if MEDIA in self._forks:
            self._forks[MEDIA].start()

    def warm(self) -> Json:
        """Return by name whether each fork server forks at once."""
        return {name: forks.ready for name, forks in self._forks.items()}

    def outbox(self, process: Process) -> Outbox:
        """Return what a process said that the bus has not taken yet."""
        return self._outboxes[process]

    async def take(self, name: str, kind: str, spec: Json) -> Process:
        """Return the living process for a job: a shim that its tier can use, or the one of this name.

        Raises `StartFailed` or `Unavailable`.
        """
        pool = self._pools[self._birth(spec)] if self._kinds[kind].fork_server == SHIM else None
        while True:
            process = await pool.take() if pool is not None else await self._open(name, kind)
            if not process.closed:
                return process

    def give_back(self, process: Process) -> None:
        """Take back a process whose job has ended. A shim of an earlier agent goes."""
        if process.name:
            return
        if process.adopted:
            process.close()
        else:
            self._pools[process.tier].put(process)

    def adopt(self, folder: str, met: Met) -> Process:
        """Return the process of a shim that was found alive. Nothing is heard of it before `listen`."""
        left = asyncio.create_task(_left(met))
        self._tasks.add(left)
        process = Process("", Born(pid=met.member.pid, line=met.line, left=left), self._heard, self._lost)
        process.spool, process.member, process.adopted = folder, met.member, True
        self._outboxes[process] = Outbox(self._bus, self._clock, process.hush, process.listen)
        return process

    def trim(self) -> None:
        """Let go of idle shims that nobody needed for a while."""
        for pool in self._pools.values():
            pool.trim()

    def ping(self, busy: Iterable[Process], renewed_s: float) -> None:
        """Tell busy shims that agent and server are there; kill one that was silent for five beats of this agent, 10 s (workers K13)."""
        for process in busy:
            if process.member is not None and process.ping(renewed_s) >= _SILENT_BEATS:
                log.error("shim is silent and is killed", pid=process.pid)
                kill(process.member)

    async def status(self, process: Process) -> int | None:
        """Return how a process ended whose line is closed, once nothing of it is left; one that outlives its line is killed."""
        done, _ = await asyncio.wait({process.left}, timeout=_LINGER_S)
        if not done:
            self._kill(process)
        return await process.left

    def forget_name(self, process: Process) -> None:
        """Let the next job of this name have another process."""
        if process.name:
            self._named.pop(process.name, None)

    async def forget(self, process: Process) -> None:
        """Wait until all that a process said is on the bus, and keep nothing of it."""
        await self._outboxes[process].empty()
        del self._outboxes[process]
        self.receipts.close(process.spool)

    async def empty(self, bound_s: float) -> None:
        """Wait until all that was said is on the bus, for at most `bound_s`."""
        waits = {asyncio.create_task(outbox.empty()) for outbox in self._outboxes.values()}
        if waits:
            _, late = await asyncio.wait(waits, timeout=bound_s)
            for wait in late:
                wait.cancel()

    async def close(self, busy: Iterable[Process]) -> None:
        """Close every line. The `busy` shims stay with their jobs; all others have a moment to finish what they write."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
        staying = {process for process in busy if process.spool}
        for process in self:
            process.close()
        await self._see_off({process for process in self._outboxes if process not in staying})
        alone = (forks.close(wait=not (name == SHIM and staying)) for name, forks in self._forks.items())
        await asyncio.gather(*alone)
        for task in (*self._named.values(), *self._tasks):
            task.cancel()
        await asyncio.gather(*self._named.values(), *self._tasks, return_exceptions=True)
        for outbox in self._outboxes.values():
            outbox.close()

    async def _see_off(self, going: set[Process]) -> None:
        if going:
            _, late = await asyncio.wait({process.left for process in going}, timeout=_LEAVE_S)
            for process in going:
                if process.left in late:
                    self._kill(process)

    def _kill(self, process: Process) -> None:
        if process.member is not None:
            kill(process.member)
        for forks in self._forks.values():
            forks.kill(process.pid)

    async def _open(self, name: str, kind: str) -> Process:
        opening = self._named.get(name)
        if opening is None:
            opening = self._named[name] = asyncio.create_task(self._fork(kind, name, ""))
        try:
            return await asyncio.shield(opening)
        except TriptychError:
            self._named.pop(name, None)
            raise

    def _birth(self, spec: Json) -> str:
        """Return how the shim of a command has to be born: `pidns`, or "" for the tiers by which any shim can hold a job."""
        tier = choose(self._tiers, needs_setuid=bool(spec.get("needs_setuid")))
        return tier if tier == "pidns" else ""

    async def _fork(self, kind: str, name: str, birth: str) -> Process:
        entry = self._kinds[kind]
        born = await self._forks[entry.fork_server].fork(entry.run, birth)
        process = Process(name, born, self._heard, self._lost, birth)
        self._outboxes[process] = Outbox(self._bus, self._clock, process.hush, process.listen)
        if entry.fork_server == SHIM:
            self._enrol(process)
        process.listen()
        return process

    def _enrol(self, process: Process) -> None:
        born = stat(process.pid)
        if born is not None:
            identity = Enrol(
                folder=f"{self.spools}/{os.urandom(8).hex()}",
                pid=process.pid,
                start_ticks=born.start_ticks,
                boot_id=self._boot_id,
                token=os.urandom(TOKEN_BYTES),
                cap_bytes=self._cap_bytes,
            )
            self.receipts.open(identity.folder)
            process.enrol(identity)


def _fork_servers(kinds: Iterable[KindEntry], place: Place, clock: Clock) -> dict[str, Forks]:
    """Return the fork servers that these kinds need, each warm with the modules of its kinds."""
    modules: dict[str, list[str]] = {}
    for entry in kinds:
        modules.setdefault(entry.fork_server, []).append(entry.run.partition(":")[0])
    return {
        name: Forks(
            place, clock, modules=(*_MODULES[name], *own), env=_ENVIRONMENTS[name], retires=name == SHIM, rehearsal=_REHEARSALS[name]
        )
        for name, own in modules.items()
    }


async def _left(met: Met) -> int | None:
    """Wait until a shim of an earlier agent is gone; how it ended is not this process's to know."""
    await until_swept(met.member)
    return None
