"""Who works here: the workers as they last announced themselves, what each of them holds, and whether its link is up."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from triptych.errors import Conflict, NotFound, Unavailable
from triptych.kinds import KINDS
from triptych.model import HELD_BY_WORKER, Job, Silence, Worker, WorkerState


@dataclass(slots=True)
class Seat:
    """One worker's place. `coming` is what it announced while its link was down; `is_lost` says that its jobs were told so."""

    worker: Worker
    heard: timedelta
    renewed: timedelta
    coming: Worker | None = None
    is_lost: bool = False


class Roster:
    """The server's view of its workers. Not the truth about jobs: that is the store's; this only says who may be asked for more.

    Silence is measured on the clock since boot; `boot_id` names the boot that it counts from.
    """

    def __init__(self, lease: timedelta, boot_id: str = "") -> None:
        self._lease = lease
        self._boot_id = boot_id
        self._seats: dict[str, Seat] = {}
        self._held: dict[str, Job] = {}
        self._held_by: defaultdict[str, dict[str, Job]] = defaultdict(dict)
        self._taken: Counter[tuple[str, str]] = Counter()
        self._processes: dict[tuple[str, str], str] = {}
        self._bell = asyncio.Event()

    def __iter__(self) -> Iterator[Worker]:
        present = (seat.worker for seat in self._seats.values() if seat.worker.state is not WorkerState.REMOVED)
        return iter(sorted(present, key=lambda worker: worker.id))

    def load(self, workers: Iterable[Worker], at: timedelta) -> None:
        """Take the workers that the store knows: none is connected, and a silence of this boot goes on."""
        for worker in workers:
            silence = worker.silence
            since = silence.since if silence is not None and silence.boot_id == self._boot_id else at
            state = worker.state if worker.state is WorkerState.REMOVED else WorkerState.LOST
            self._seats[worker.id] = Seat(replace(worker, state=state), since, since)

    def find(self, worker_id: str) -> Worker:
        """Return the worker. Raises `NotFound`, also when it was removed."""
        return self._seat(worker_id).worker

    def announce(self, worker: Worker, at: timedelta) -> bool:
        """Take an announcement; True when the worker must be met before it is given anything: its link was down or it began anew."""
        seat = self._seats.get(worker.id)
        if seat is None:
            seat = self._seats[worker.id] = Seat(replace(worker, state=WorkerState.LOST), at, at)
        if seat.worker.state is WorkerState.REMOVED:
            return False
        seat.heard = at
        seat.coming = worker
        if seat.worker.state is WorkerState.LOST or seat.worker.started_at != worker.started_at:
            self.unlink(worker.id)
            return True
        self._set(seat, _seated(worker, draining=seat.worker.draining))
        return False

    def coming(self, worker_id: str) -> Worker:
        """Return the worker as it will be seated. Raises `NotFound`, or `Unavailable` when it never announced itself."""
        seat = self._seat(worker_id)
        if seat.coming is None:
            raise Unavailable("worker not connected", code="worker_not_connected")
        return _seated(seat.coming, draining=seat.worker.draining)

    def seat(self, worker: Worker) -> bool:
        """Let a worker that was met take work; False when it began anew meanwhile. Raises `NotFound` when it was removed."""
        seat = self._seat(worker.id)
        if seat.coming is None or seat.coming.started_at != worker.started_at:
            return False
        self._set(seat, _seated(seat.coming, draining=seat.worker.draining))
        seat.is_lost = False
        return True

    def unlink(self, worker_id: str) -> None:
        """Note that a worker's link is down, until it is seated again."""
        seat = self._seats.get(worker_id)
        if seat is not None and seat.worker.state is not WorkerState.REMOVED:
            self._set(seat, replace(seat.worker, state=WorkerState.LOST))

    def lose(self, worker_id: str) -> None:
        """Note that a worker's jobs were told that it is lost."""
        self._seats[worker_id].is_lost = True

    def is_lost(self, worker_id: str) -> bool:
        """Say whether its jobs know that the worker is lost, or that nobody knows it."""
        seat = self._seats.get(worker_id)
        return seat is None or seat.is_lost or seat.worker.state is WorkerState.REMOVED

    def silent(self, at: timedelta) -> list[Worker]:
        """Return the workers that have been silent for longer than their lease and are not lost yet."""
        return [worker for worker in self if not self._seats[worker.id].is_lost and at - self._seats[worker.id].heard > self._lease]

    def silence(self, worker_id: str) -> Silence:
        """Return since when a worker has been neither heard of nor renewed."""
        seat = self._seats[worker_id]
        return Silence(boot_id=self._boot_id, since=max(seat.heard, seat.renewed))

    def connected(self) -> list[Worker]:
        """Return the workers whose link is up."""
        return [worker for worker in self if worker.state is not WorkerState.LOST]

    def renewed(self, worker_id: str) -> timedelta:
        """Return when this worker's lease was last renewed."""
        return self._seats[worker_id].renewed

    def renew(self, worker_id: str, at: timedelta) -> None:
        """Note that a worker's lease is about to be renewed."""
        self._seats[worker_id].renewed = at

    def change(self, worker: Worker) -> Worker:
        """Take what an operator decided about a worker, and return it as it was before."""
        seat = self._seats[worker.id]
        before = seat.worker
        self._set(seat, worker)
        return before

    def known(self, worker_id: str) -> Worker:
        """Return the worker, also one that was removed. Raises `NotFound` when there never was one."""
        seat = self._seats.get(worker_id)
        if seat is None:
            raise NotFound("worker not found", code="worker_not_found")
        return seat.worker

    async def changed(self) -> None:
        """Wait until the state of some worker changes."""
        await self._bell.wait()

    def note(self, job: Job) -> None:
        """Follow a job: held by its worker while it is starting, running, paused, stopping or unreachable there."""
        self.release(job.id)
        if job.worker_id is not None and job.state in HELD_BY_WORKER:
            self._held[job.id] = self._held_by[job.worker_id][job.id] = job
            self._taken[job.worker_id, job.kind] += 1
            self._processes[job.worker_id, _process(job)] = job.id

    def release(self, job_id: str) -> None:
        """Forget that anyone holds this job."""
        job = self._held.pop(job_id, None)
        if job is not None and job.worker_id is not None:
            del self._held_by[job.worker_id][job_id]
            self._taken[job.worker_id, job.kind] -= 1
            self._processes.pop((job.worker_id, _process(job)), None)

    def held(self, worker_id: str) -> list[Job]:
        """Return the jobs that a worker holds."""
        return list(self._held_by[worker_id].values())

    def berthed(self, kind: str) -> dict[int, Job]:
        """Return the jobs of a kind that hold a berth, by its number."""
        return {job.berth: job for job in self._held.values() if job.kind == kind and job.berth is not None}

    def load_of(self, worker: Worker) -> tuple[int, str]:
        """Return what ready workers are ordered by: how many live jobs they have, then their id."""
        return len(self._held_by[worker.id]), worker.id

    def fits(self, worker: Worker, kind: str) -> bool:
        """Say whether a ready worker has a free slot of this kind."""
        return worker.state is WorkerState.READY and self._taken[worker.id, kind] < worker.slots.get(kind, 0)

    def check(self, worker_id: str, kind: str) -> Worker:
        """Return the worker if it can take one more job of this kind now.

        Raises `NotFound`, `Unavailable` (not connected, busy) or `Conflict` (draining), in the order of workers W4.
        """
        worker = self.find(worker_id)
        if worker.state is WorkerState.LOST:
            raise Unavailable("worker not connected", code="worker_not_connected")
        if worker.state is WorkerState.DRAINING:
            raise Conflict("worker draining", code="worker_draining")
        if not self.fits(worker, kind):
            raise Unavailable("worker busy", code="worker_busy")
        return worker

    def admit(self, worker_id: str) -> Worker:
        """Return the worker if jobs may queue for it. Raises `NotFound`, or `Conflict` when it is draining."""
        worker = self.find(worker_id)
        if worker.state is WorkerState.DRAINING or worker.draining:
            raise Conflict("worker draining", code="worker_draining")
        return worker

    def idle(self, worker: Worker, job: Job) -> bool:
        """Say whether the process that this job would run in is not at work for another one."""
        return self._processes.get((worker.id, _process(job))) in {None, job.id}

    def _seat(self, worker_id: str) -> Seat:
        seat = self._seats.get(worker_id)
        if seat is None or seat.worker.state is WorkerState.REMOVED:
            raise NotFound("worker not found", code="worker_not_found")
        return seat

    def _set(self, seat: Seat, worker: Worker) -> None:
        if seat.worker.state is not worker.state:
            bell, self._bell = self._bell, asyncio.Event()
            bell.set()
        seat.worker = worker


def _seated(worker: Worker, *, draining: bool) -> Worker:
    state = WorkerState.DRAINING if draining else worker.state
    return replace(worker, state=state, draining=draining, silence=None)


def _process(job: Job) -> str:
    return KINDS[job.kind].process(job.id, job.spec)
