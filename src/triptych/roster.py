"""Who works here: the workers as they last announced themselves, and what each of them holds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from triptych.errors import Conflict, NotFound, Unavailable
from triptych.kinds import KINDS
from triptych.model import HELD_BY_WORKER, Job, Worker, WorkerState


class Roster:
    """The servers' view of its workers. Not the truth about jobs: that is the store's; this only says who may be asked for more."""

    def __init__(self, lease: timedelta) -> None:
        self._lease = lease
        self._workers: dict[str, Worker] = {}
        self._held: dict[str, Job] = {}
        self._taken: Counter[tuple[str, str]] = Counter()
        self._processes: dict[tuple[str, str], str] = {}

    def __iter__(self) -> Iterator[Worker]:
        return iter(sorted(self._workers.values(), key=lambda worker: worker.id))

    def find(self, worker_id: str) -> Worker:
        """Return the worker. Raises `NotFound`."""
        try:
            return self._workers[worker_id]
        except KeyError:
            raise NotFound("worker not found", code="worker_not_found") from None

    def announce(self, worker: Worker) -> bool:
        """Take an announcement; True when the worker was not ready before, so work may be waiting for it."""
        before = self._workers.get(worker.id)
        self._workers[worker.id] = worker
        return before is None or before.state is not WorkerState.READY or before.started_at != worker.started_at

    def lose(self, worker_id: str) -> Worker | None:
        """Mark a worker lost; None when it is unknown or lost already."""
        worker = self._workers.get(worker_id)
        if worker is None or worker.state is WorkerState.LOST:
            return None
        self._workers[worker_id] = replace(worker, state=WorkerState.LOST)
        return self._workers[worker_id]

    def silent(self, now: datetime) -> list[Worker]:
        """Return the workers that have been silent for longer than their lease."""
        return [worker for worker in self if worker.state is not WorkerState.LOST and now - worker.seen_at > self._lease]

    def note(self, job: Job) -> None:
        """Follow a job: held by its worker while it is starting, running, paused, stopping or unreachable there."""
        self.release(job.id)
        if job.worker_id is not None and job.state in HELD_BY_WORKER:
            self._held[job.id] = job
            self._taken[job.worker_id, job.kind] += 1
            self._processes[job.worker_id, _process(job)] = job.id

    def release(self, job_id: str) -> None:
        """Forget that anyone holds this job."""
        job = self._held.pop(job_id, None)
        if job is not None and job.worker_id is not None:
            self._taken[job.worker_id, job.kind] -= 1
            self._processes.pop((job.worker_id, _process(job)), None)

    def held(self, worker_id: str) -> list[Job]:
        """Return the jobs that a worker holds."""
        return [job for job in self._held.values() if job.worker_id == worker_id]

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
        if worker.state is WorkerState.DRAINING:
            raise Conflict("worker draining", code="worker_draining")
        return worker

    def any_ready(self) -> Worker:
        """Return the first ready worker. Raises `Unavailable`."""
        for worker in self:
            if worker.state is WorkerState.READY:
                return worker
        raise Unavailable("worker not connected", code="worker_not_connected")

    def idle(self, worker: Worker, job: Job) -> bool:
        """Say whether the process that this job would run in is not at work for another one."""
        return self._processes.get((worker.id, _process(job))) in {None, job.id}


def _process(job: Job) -> str:
    return KINDS[job.kind].process(job.id, job.spec)
