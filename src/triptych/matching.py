"""Which worker may take which job. Pure."""

from dataclasses import dataclass

from triptych.model import Job, Worker, WorkerState


@dataclass(frozen=True, slots=True)
class Wish:
    """What a job wants of its worker: most of those that wait want the same."""

    kind: str
    pinned: str | None
    needs: frozenset[tuple[str, str]]
    berth: str = ""

    def suits(self, worker: Worker) -> bool:
        """Say whether this worker may run it, slots and berths left aside: ready, not passed over by name, and with every label needed."""
        return worker.state is WorkerState.READY and self.pinned in {None, worker.id} and self.needs <= worker.labels.items()


def wish(job: Job) -> Wish:
    """Return what a job wants."""
    return Wish(job.kind, job.pinned, frozenset(job.needs.items()), job.berth_wish)


def takes(worker: Worker, job: Job) -> bool:
    """Say whether this worker may run this job, its free slots left aside."""
    return wish(job).suits(worker)
