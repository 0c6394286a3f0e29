"""Jobs, happenings and workers as the rows of their tables, and back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from triptych.clock import from_us, to_us
from triptych.model import End, EndReason, Fault, Happening, Job, Silence, State, Worker, WorkerState
from triptych.stores.jsontext import canonical, decode, encode

Row = Sequence[Any]
"""A row as a driver gives it, in the order of the table's columns."""


def job_to_row(job: Job) -> tuple[object, ...]:
    """Return the job in the order of the columns of `JOBS`. Raises `Invalid` when a part of it is not JSON."""
    return (
        job.id,
        job.kind,
        encode(job.spec),
        to_us(job.created_at),
        job.origin,
        job.parent,
        job.idempotency_key,
        job.fingerprint,
        canonical(job.needs) if job.needs else "{}",
        job.pinned,
        job.priority,
        _us(job.deadline),
        *changing_to_row(job),
    )


def changing_to_row(job: Job) -> tuple[object, ...]:
    """Return what changes of a job, in the order of `CHANGING`. Raises `Invalid` when a part of it is not JSON."""
    return (
        job.state.value,
        *_end_to_row(job.end),
        job.attempt,
        job.worker_id,
        job.pid,
        job.stopped_by,
        _us(job.started_at),
        _us(job.updated_at),
        _us(job.ended_at),
        encode(job.progress) if job.progress else "{}",
        None if job.result is None else encode(job.result),
        encode(job.facts) if job.facts else "{}",
        job.last_seq,
        job.revision,
        _us(job.not_before),
        job.berth_wish,
        job.berth,
    )


def row_to_job(row: Row) -> Job:
    """Return the job of a row of `JOBS`."""
    return Job(
        id=row[0],
        kind=row[1],
        spec=decode(row[2]),
        created_at=from_us(row[3]),
        origin=row[4],
        parent=row[5],
        idempotency_key=row[6],
        fingerprint=row[7],
        needs=_texts.decode(row[8]),
        pinned=row[9],
        priority=row[10],
        deadline=_at(row[11]),
        state=State(row[12]),
        end=None if row[13] is None else _row_to_end(row[13:19]),
        attempt=row[19],
        worker_id=row[20],
        pid=row[21],
        stopped_by=row[22],
        started_at=_at(row[23]),
        updated_at=_at(row[24]),
        ended_at=_at(row[25]),
        progress=_numbers.decode(row[26]),
        result=None if row[27] is None else decode(row[27]),
        facts=decode(row[28]),
        last_seq=row[29],
        revision=row[30],
        not_before=_at(row[31]),
        berth_wish=row[32],
        berth=row[33],
    )


def row_to_happening(row: Row) -> Happening:
    """Return the happening of a row of `LOG`."""
    number, job_id, kind, attempt, at_us, note, state, data = row
    return Happening(
        number=number, job_id=job_id, kind=kind, attempt=attempt, at=from_us(at_us), note=note, state=State(state), data=decode(data)
    )


def worker_to_row(worker: Worker) -> tuple[object, ...]:
    """Return the worker in the order of the columns of `WORKERS`. Raises `Invalid` when its facts are not JSON."""
    return (
        worker.id,
        worker.state.value,
        worker.boot_id,
        to_us(worker.started_at),
        to_us(worker.seen_at),
        encode(worker.slots),
        encode(worker.labels),
        encode(worker.facts),
        worker.draining,
        None if worker.silence is None else worker.silence.boot_id,
        None if worker.silence is None else worker.silence.since // _US,
    )


def row_to_worker(row: Row) -> Worker:
    """Return the worker of a row of `WORKERS`."""
    worker_id, state, boot_id, started_at_us, seen_at_us, slots, labels, facts, draining, silent_boot_id, silent_us = row
    return Worker(
        id=worker_id,
        state=WorkerState(state),
        boot_id=boot_id,
        started_at=from_us(started_at_us),
        seen_at=from_us(seen_at_us),
        slots=_counts.decode(slots),
        labels=_texts.decode(labels),
        facts=decode(facts),
        draining=bool(draining),
        silence=None if silent_boot_id is None else Silence(boot_id=silent_boot_id, since=silent_us * _US),
    )


def _end_to_row(end: End | None) -> tuple[object, ...]:
    if end is None:
        return (None,) * 6
    fault = (None, None) if end.fault is None else (end.fault.code, end.fault.message)
    return (end.reason.value, end.exit_code, end.signal, end.core_dumped, *fault)


def _row_to_end(row: Row) -> End:
    reason, exit_code, signal, core_dumped, code, message = row
    fault = None if code is None else Fault(code=code, message=message)
    return End(reason=EndReason(reason), exit_code=exit_code, signal=signal, core_dumped=bool(core_dumped), fault=fault)


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)


def _at(moment_us: int | None) -> datetime | None:
    return None if moment_us is None else from_us(moment_us)


_US = timedelta(microseconds=1)
_texts = msgspec.json.Decoder(dict[str, str])
_numbers = msgspec.json.Decoder(dict[str, float])
_counts = msgspec.json.Decoder(dict[str, int])
