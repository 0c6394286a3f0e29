"""Which worker may take which job. Pure."""

from triptych.model import Job, Worker, WorkerState


def takes(worker: Worker, job: Job) -> bool:
    """Say whether this worker may run this job, its free slots left aside: ready, not passed over by name, and with every label needed."""
    return worker.state is WorkerState.READY and job.pinned in {None, worker.id} and job.needs.items() <= worker.labels.items()
