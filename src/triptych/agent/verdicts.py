"""What an agent says for a job process that cannot speak for itself. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import assert_never

import msgspec

from triptych.errors import StartFailed, TriptychError
from triptych.messages import (
    Answer,
    Ask,
    Body,
    Ended,
    Finding,
    Key,
    Order,
    Output,
    Pause,
    Paused,
    Progress,
    Refused,
    Reply,
    Report,
    Resume,
    Resumed,
    Running,
    Start,
    Stock,
    Stop,
)
from triptych.model import End, EndReason, Fault

LEFT = Refused(code="process_left", message="the process ended by itself")
"""The reply that sends a request to another process."""


def no_such_kind(kind: str) -> Reply:
    """Refuse a job that this worker has no slots for."""
    return Refused(code="invalid", message=f"this worker runs no {kind} jobs")


def start_text(start: Start, fault: TriptychError) -> str:
    """Return why a start failed for which no process could be forked."""
    if isinstance(fault, StartFailed) and start.kind == "command":
        return f"fork/exec {start.spec['argv'][0]}: {fault.message}"
    return fault.message


def lost_end(kind: str, status: int | None) -> End:
    """Return the end of a job whose process ended without telling it; `status` is an exit code, minus a signal, or unknown."""
    if kind == "annotate":
        return End(reason=EndReason.FAILED, fault=Fault(code="internal", message=f"the job process died ({_how(status)})"))
    return End(reason=EndReason.WORKER_LOST, fault=Fault(code="worker_lost", message="worker lost"))


def take_stock(asked: Iterable[Key], states: Mapping[Key, str], is_told: Callable[[Key], bool], is_never: Callable[[Key], bool]) -> Stock:
    """Say what became of attempts. `states` are those that live; whose end is on its way is told; the others are gone or never were."""
    wanted = list(asked)
    absent = [key for key in wanted if key not in states]
    told = {key for key in absent if is_told(key)}
    never = {key for key in absent if key not in told and is_never(key)}
    gone = set(absent) - told - never
    return Stock(
        live={key[0]: states[key] for key in wanted if key in states},
        told=tuple(job_id for job_id, _ in sorted(told)),
        gone=tuple(job_id for job_id, _ in sorted(gone)),
        never=tuple(job_id for job_id, _ in sorted(never)),
        strangers=tuple(sorted(states.keys() - set(wanted))),
    )


def shortened(report: Report) -> Report | None:
    """Return what can be said of a report that is too large for the bus, None where that is nothing: output becomes a gap."""
    body = _shortened(report.body)
    return None if body is None else msgspec.structs.replace(report, body=body)


def _shortened(body: Body) -> Body | None:
    match body:
        case Output() | Paused() | Resumed():
            return None
        case Running(pid=pid):
            return Running(pid=pid)
        case Progress(parts=parts):
            return Progress(parts=parts)
        case Finding(note=note):
            return Finding(note=note, data={})
        case Ended(end=end, result=result):
            fault = end.fault or Fault(code="report_too_large", message="what the job told at its end was larger than the bus takes")
            return Ended(end=replace(end, reason=end.reason if result is None else EndReason.FAILED, fault=fault))
        case _:
            assert_never(body)


def _how(status: int | None) -> str:
    if status is None:
        return "nobody knows how"
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def epitaph(request: Order, status: int | None) -> Reply:
    """Reply for a process that is gone with all its jobs, which the reports tell: so a stop is done, and a start was one.

    A process that ended by itself (`status` 0) took no request that it left unanswered.
    """
    match request:
        case Stop():
            return Answer()
        case Pause() | Resume():
            return Refused(code="job_ended", message="job is over")
        case Start():
            return Answer() if status != 0 else LEFT
        case Ask():
            return Refused(code="worker_lost", message="the process died") if status != 0 else LEFT
        case _:
            assert_never(request)
