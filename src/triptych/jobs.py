"""The engine's memory of jobs: every live one and the newest ended ones, as last committed. Only committed rows enter it."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Iterable

from triptych.matching import Wish, wish
from triptych.model import Job, State, Worker

ENDED_KEPT = 20_000
ENDED_BYTES = 64 * 1024 * 1024
"""What the asks and results of ended jobs may hold in memory together: a single ask may hold 1 MiB."""


class Jobs:
    """Answers the questions that are asked too often for the store, and wakes who waits for a change."""

    def __init__(self, ended_kept: int = ENDED_KEPT, ended_bytes: int = ENDED_BYTES) -> None:
        self._ended_kept = ended_kept
        self._ended_bytes = ended_bytes
        self._weight_bytes = 0
        self._live: dict[str, Job] = {}
        self._ended: OrderedDict[str, Job] = OrderedDict()
        self._in_line: Counter[Wish] = Counter()
        self._queued = 0
        self._waiters: dict[str, asyncio.Event] = {}
        self.bell = asyncio.Event()

    def get(self, job_id: str) -> Job | None:
        """Return the job as last committed, or None when it is not in memory."""
        return self._live.get(job_id) or self._ended.get(job_id)

    def note(self, job: Job) -> bool:
        """Take a committed row, unless a newer one is known; True when no worker holds the job by now."""
        before = self.get(job.id)
        if before is not None and before.revision > job.revision:
            return False
        self._count(before, -1)
        self._count(job, 1)
        if job.state is State.ENDED:
            self._live.pop(job.id, None)
            self.drop(job.id)
            self._ended[job.id] = job
            self._weight_bytes += _weigh(job)
            self._trim()
        else:
            self._live[job.id] = job
        self.wake({job.id})
        return job.state is State.ENDED or job.worker_id is None

    def drop(self, job_id: str) -> None:
        """Forget an ended job."""
        job = self._ended.pop(job_id, None)
        if job is not None:
            self._weight_bytes -= _weigh(job)

    def waiting(self, kind: str) -> bool:
        """Say whether a job of this kind waits for a worker."""
        return any(wanted.kind == kind for wanted in self._in_line)

    def waits_for(self, worker: Worker, kind: str) -> bool:
        """Say whether a job of this kind waits that this worker may take."""
        return any(wanted.kind == kind and wanted.suits(worker) for wanted in self._in_line)

    def wishes(self, kind: str) -> frozenset[str]:
        """Return the berths that jobs of this kind wait for, by name."""
        return frozenset(wanted.berth for wanted in self._in_line if wanted.kind == kind)

    @property
    def queued(self) -> int:
        """How many jobs wait, of every kind."""
        return self._queued

    def names(self, worker_id: str) -> bool:
        """Say whether a live job is for this worker and no other, wherever it stands."""
        return any(job.pinned == worker_id for job in self._live.values())

    def census(self) -> Counter[tuple[str, State]]:
        """Return how many live jobs there are by kind and state."""
        return Counter((job.kind, job.state) for job in self._live.values())

    def is_live(self, job_id: str) -> bool:
        """Say whether the job has not ended."""
        return job_id in self._live

    async def changed(self, job_id: str) -> None:
        """Wait for the next committed change of a job."""
        await self._waiters.setdefault(job_id, asyncio.Event()).wait()

    def wake(self, job_ids: Iterable[str]) -> None:
        """Wake everybody who waits for a change of these jobs."""
        for job_id in job_ids:
            waiter = self._waiters.pop(job_id, None)
            if waiter is not None:
                waiter.set()

    def ring(self) -> None:
        """Wake everybody who watches the log."""
        bell, self.bell = self.bell, asyncio.Event()
        bell.set()

    def _count(self, job: Job | None, change: int) -> None:
        if job is None or job.state is not State.QUEUED:
            return
        self._queued += change
        if job.not_before is None:
            wanted = wish(job)
            self._in_line[wanted] += change
            if not self._in_line[wanted]:
                del self._in_line[wanted]

    def _trim(self) -> None:
        while len(self._ended) > self._ended_kept or self._weight_bytes > self._ended_bytes:
            self.drop(next(iter(self._ended)))


def _weigh(job: Job) -> int:
    """Return about how many bytes the texts of a job's ask and result take; all else of it is small."""
    return _length(job.spec) + _length(job.result)


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_length, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_length, value))
    return 0
