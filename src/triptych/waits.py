"""When something is due for the jobs that wait: the next attempt, or the end of their patience."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush

from triptych.contracts import Clock
from triptych.model import Job, State
from triptych.retries import expiry

AGAIN = timedelta(seconds=2)
"""How soon a job is due again that could not be changed."""


@dataclass(slots=True)
class _Wait:
    attempt: int
    due: timedelta | None
    end: timedelta | None


class Waits:
    """Times of waiting jobs on the clock since boot: reckoned once per wait, so that a set clock moves none of them (workers F11)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waits: dict[str, _Wait] = {}
        self._heap: list[tuple[timedelta, str]] = []

    def note(self, job: Job) -> None:
        """Follow a job while it waits in the queue, held or not."""
        if job.worker_id is not None or job.state not in {State.QUEUED, State.PAUSED}:
            self._waits.pop(job.id, None)
            return
        before = self._waits.get(job.id)
        if before is None or before.attempt != job.attempt:
            before = _Wait(job.attempt, self._arm(job.id, job.not_before), self._arm(job.id, expiry(job)))
            if before.due is None and before.end is None:
                return
            self._waits[job.id] = before
        if job.not_before is None:
            before.due = None

    def due(self) -> list[tuple[str, bool]]:
        """Return the jobs for which something is due now, each with whether its patience has ended; again later if nothing changes."""
        now = self._clock.monotonic()
        found: dict[str, bool] = {}
        while self._heap and self._heap[0][0] <= now:
            _, job_id = heappop(self._heap)
            wait = self._waits.get(job_id)
            if wait is None or job_id in found:
                continue
            is_over = wait.due is None and wait.end is not None and wait.end <= now
            if is_over or (wait.due is not None and wait.due <= now):
                found[job_id] = is_over
        for job_id in found:
            heappush(self._heap, (now + AGAIN, job_id))
        return list(found.items())

    def _arm(self, job_id: str, at: datetime | None) -> timedelta | None:
        if at is None:
            return None
        due = self._clock.monotonic() + max(at - self._clock.now(), timedelta())
        heappush(self._heap, (due, job_id))
        return due
