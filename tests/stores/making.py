"""Jobs, workers and changes as the tests of the stores need them."""

from datetime import UTC, datetime, timedelta

from triptych.model import LIVE, Change, End, EndReason, Job, State, Worker, WorkerState, sources

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_job(job_id: str = "job-1", **fields: object) -> Job:
    return Job(**{"id": job_id, "kind": "command", "spec": {"argv": ["true"]}, "created_at": START} | fields)


def a_worker(worker_id: str = "w1", **fields: object) -> Worker:
    return Worker(
        **{
            "id": worker_id,
            "state": WorkerState.READY,
            "boot_id": "boot",
            "started_at": START,
            "seen_at": START,
            "slots": {"command": 4},
        }
        | fields
    )


def to(target: State, job_id: str = "job-1", **fields: object) -> Change:
    """Return a change to `target` from every state that may move there; an end is `exited` unless told otherwise."""
    end = End(reason=EndReason.EXITED, exit_code=0) if target is State.ENDED else None
    return Change(**{"job_id": job_id, "at": later(1), "sources": sources(target), "target": target, "end": end} | fields)


def told(job_id: str = "job-1", **fields: object) -> Change:
    """Return a change that keeps the state of a live job."""
    return Change(**{"job_id": job_id, "at": later(1), "sources": LIVE} | fields)
