"""What the native API shows: jobs, workers and events as records (workers.md N0)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from triptych.clock import to_text
from triptych.kinds import CommandSpec, Limits, Retry
from triptych.model import EndReason, Happening, Job, Json, Page, State, Worker, WorkerState
from triptych.panels.definitions import masked

UNSET = msgspec.UNSET
Unset = msgspec.UnsetType
Shape = TypeVar("Shape")


class ErrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed."""

    code: str
    message: str


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that is over."""

    attempt: int
    worker_id: str | None
    end_reason: EndReason
    exit_code: int | None
    signal: int | None
    started_at: str | None
    ended_at: str | None


class StreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest attempt wrote to one stream: bytes, and the stretches [from, to) that were not kept."""

    bytes: int = 0
    gaps: tuple[tuple[int, int], ...] = ()


class OutputRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest attempt wrote, once it is over. `complete` is false where the end may be missing."""

    complete: bool
    stdout: StreamRecord = StreamRecord()
    stderr: StreamRecord = StreamRecord()
    pruned_at: str | None = None


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One job. The fields of a command are its own; another kind shows its ask as `spec`. Times are RFC 3339 UTC."""

    id: str
    kind: str
    state: State
    origin: str
    priority: int
    labels: dict[str, str]
    worker_id: str | None
    attempt: int
    revision: int
    pid: int | None
    created_at: str
    started_at: str | None
    updated_at: str | None
    ended_at: str | None
    end_reason: EndReason | None
    exit_code: int | None
    signal: int | None
    core_dumped: bool
    error: ErrorRecord | None
    stopped_by: str | None
    progress: dict[str, float]
    result: dict[str, Any] | None
    attempts: tuple[AttemptRecord, ...]
    kill_tier: str | None
    limits_enforced: Any
    usage: Any
    leftovers_killed: int | None
    survivors: tuple[int, ...]
    output: OutputRecord | None
    command: str | Unset = UNSET
    args: tuple[str, ...] | Unset = UNSET
    script: str | Unset | None = UNSET
    cwd: str | Unset = UNSET
    env: dict[str, str] | Unset = UNSET
    stdin: str | Unset | None = UNSET
    timeout_s: float | Unset | None = UNSET
    grace_s: float | Unset = UNSET
    queue_s: float | Unset | None = UNSET
    retry: Retry | Unset = UNSET
    limits: Limits | Unset = UNSET
    strict_limits: bool | Unset = UNSET
    leftovers: str | Unset = UNSET
    needs_setuid: bool | Unset = UNSET
    merge_output: bool | Unset = UNSET
    umask: str | Unset | None = UNSET
    core: int | Unset = UNSET
    spec: dict[str, Any] | Unset = UNSET


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, newest first. `cursor` is where the next page begins, null on the last one."""

    jobs: tuple[JobRecord, ...]
    cursor: str | None


class WorkerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One worker as it last announced itself. `slots` and `slots_used` count jobs by kind.

    `kill_tiers` are the means by which it ends a whole tree, in the order in which it prefers them, and `missing_tiers` says why it has no
    other; `limits` says by which means it holds a job to each limit, `default_limits` which it sets itself, `max_limits` what it allows.
    """

    id: str
    state: WorkerState
    boot_id: str
    started_at: str
    seen_at: str
    slots: dict[str, int]
    slots_used: dict[str, int]
    labels: dict[str, str]
    kill_tiers: tuple[str, ...]
    missing_tiers: dict[str, Any]
    limits: dict[str, Any]
    default_limits: dict[str, Any]
    max_limits: dict[str, Any]
    facts: dict[str, Any]


class WorkerList(msgspec.Struct, frozen=True, kw_only=True):
    """Every worker, by id."""

    workers: tuple[WorkerRecord, ...]


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One committed entry of the log; `state` is the job's after it."""

    number: int
    job_id: str
    kind: str
    attempt: int
    at: str
    note: str
    state: State
    data: dict[str, Any]


def job_record(job: Job) -> JobRecord:
    """Return how a job is shown."""
    end, facts = job.end, job.facts
    return JobRecord(
        id=job.id,
        kind=job.kind,
        state=job.state,
        origin=job.origin,
        priority=job.priority,
        labels=dict(job.needs),
        worker_id=job.worker_id or job.pinned,
        attempt=job.attempt,
        revision=job.revision,
        pid=job.pid,
        created_at=to_text(job.created_at),
        started_at=_time(job.started_at),
        updated_at=_time(job.updated_at),
        ended_at=_time(job.ended_at),
        end_reason=end.reason if end else None,
        exit_code=end.exit_code if end else None,
        signal=end.signal if end else None,
        core_dumped=bool(end and end.core_dumped),
        error=ErrorRecord(code=end.fault.code, message=end.fault.message) if end and end.fault else None,
        stopped_by=job.stopped_by,
        progress=dict(job.progress),
        result=None if job.result is None else dict(job.result),
        attempts=_known(facts.get("attempts"), tuple[AttemptRecord, ...]) or (),
        kill_tier=_text(facts, "kill_tier"),
        limits_enforced=facts.get("limits_enforced"),
        usage=facts.get("usage"),
        leftovers_killed=_count(facts, "leftovers_killed"),
        survivors=_known(facts.get("survivors"), tuple[int, ...]) or (),
        output=_output(job),
        core=UNSET if job.berth is None else job.berth,
        **_ask(job),
    )


def job_page(page: Page) -> JobPage:
    """Return how a page of jobs is shown."""
    return JobPage(jobs=tuple(job_record(job) for job in page.jobs), cursor=page.cursor)


def worker_record(worker: Worker, used: Mapping[str, int]) -> WorkerRecord:
    """Return how a worker is shown that has `used` slots by kind."""
    facts = dict(worker.facts)
    tiers = facts.pop("kill_tiers", ())
    parts = {name: dict(part(facts, name)) for name in ("missing_tiers", "limits", "default_limits", "max_limits")}
    return WorkerRecord(
        id=worker.id,
        state=worker.state,
        boot_id=worker.boot_id,
        started_at=to_text(worker.started_at),
        seen_at=to_text(worker.seen_at),
        slots=dict(worker.slots),
        slots_used={kind: used.get(kind, 0) for kind in worker.slots},
        labels=dict(worker.labels),
        kill_tiers=_known(tiers, tuple[str, ...]) or (),
        facts={name: value for name, value in facts.items() if name not in parts},
        **parts,
    )


def event_record(happening: Happening) -> EventRecord:
    """Return how an entry of the log is shown."""
    return EventRecord(
        number=happening.number,
        job_id=happening.job_id,
        kind=happening.kind,
        attempt=happening.attempt,
        at=to_text(happening.at),
        note=happening.note,
        state=happening.state,
        data=dict(happening.data),
    )


def _spec(job: Job) -> dict[str, Any]:
    """Return what was asked for, without the secrets of a camera (camera S6)."""
    spec: dict[str, Any] = masked(dict(job.spec)) if job.kind == "camera" else dict(job.spec)
    return spec


def _ask(job: Job) -> dict[str, Any]:
    if job.kind != "command":
        return {"spec": _spec(job)}
    spec = msgspec.convert(job.spec, CommandSpec)
    fields = msgspec.structs.asdict(spec)
    command, *args = fields.pop("argv")
    told = {
        "command": command,
        "args": tuple(args),
        "script": spec.script if fields.pop("script_first") else None,
        "umask": None if spec.umask is None else f"{spec.umask:04o}",
        "retry": spec.retry or Retry(),
        "limits": spec.limits or Limits(),
    }
    return fields | told


def _output(job: Job) -> OutputRecord | None:
    """Return what is told of the output: a job that was lost with its worker may have written more than came here."""
    told = part(job.facts, "output")
    if job.kind != "command" or job.end is None:
        return None
    streams = {stream: _known(told.get(stream), StreamRecord) or StreamRecord() for stream in ("stdout", "stderr")}
    complete = job.end.reason is not EndReason.WORKER_LOST
    return OutputRecord(complete=complete, pruned_at=_text(told, "pruned_at"), **streams)


def _known(value: object, shape: type[Shape]) -> Shape | None:
    """Return what a worker told as the type that it has, None when it is not that: a record is shown whatever a worker says."""
    try:
        return None if value is None else msgspec.convert(value, shape)
    except msgspec.ValidationError:
        return None


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)


def _text(facts: Json, name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) else None


def _count(facts: Json, name: str) -> int | None:
    value = facts.get(name)
    return value if isinstance(value, int) else None


def part(facts: Json, name: str) -> Mapping[str, object]:
    """Return what a worker tells under a name, empty when it tells nothing."""
    value = facts.get(name)
    return value if isinstance(value, Mapping) else {}
