"""Jobs, workers and the one table of moves between a job's states. Pure: no input, no output, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

Json = Mapping[str, object]
"""A JSON object whose shape its owner knows: a kind's spec, a result, measured facts."""

Berths = Mapping[str, tuple[int, ...]]
"""The berths that each wish leads to, in the order in which they are tried; "" is the wish for any."""


class State(StrEnum):
    """Where a job stands; `ENDED` is final."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    UNREACHABLE = "unreachable"
    ENDED = "ended"


_Q, _S, _R, _P, _X, _U, _E = State

MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        _Q: frozenset({_S, _P, _E}),
        _S: frozenset({_R, _Q, _U, _X, _E}),
        _R: frozenset({_P, _Q, _U, _X, _E}),
        _P: frozenset({_R, _Q, _U, _X, _E}),
        _X: frozenset({_U, _E}),
        _U: frozenset({_R, _P, _X, _Q, _E}),
        _E: frozenset(),
    }
)
"""The one table of legal moves (engine.md 2.1)."""

LIVE = frozenset(State) - {State.ENDED}
HELD_BY_WORKER = frozenset({_S, _R, _P, _X, _U})
"""States in which a worker holds the job; a paused job with attempt 0 is held in the queue instead."""


def sources(target: State) -> frozenset[State]:
    """Return the states from which `target` may be entered."""
    return frozenset(state for state, targets in MOVES.items() if target in targets)


class EndReason(StrEnum):
    """Why a job ended; said once, never changed."""

    EXITED = "exited"
    DONE = "done"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_LOST = "worker_lost"
    NEVER_STARTED = "never_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong: `code` is a stable snake_case word, `message` one plain sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a job ended. `exit_code` and `signal` are of the main process, None where none ran or none is known."""

    reason: EndReason
    exit_code: int | None = None
    signal: int | None = None
    core_dumped: bool = False
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work, from the ask to the end. Times are aware UTC.

    `spec` is the ask in the shape of its kind, `needs` are labels that a worker must have, `pinned` is the worker that
    the caller named, `worker_id` the one that holds it. `attempt` is 0 until a worker first holds it. `progress` maps a part
    (a feature, say) to 0..100. `facts` is what was measured about the run (`kill_tier`, `leftovers_killed`, ...).
    `berth_wish` names the berths that it waits for, `berth` is the one that it was placed in: kept after the end, not in the queue.
    A queued job with a `not_before` is not in line before then; one with a `deadline` waits for as long after each attempt as it may
    wait from `created_at` to `deadline`. `revision` counts the changes of the row, from 1.
    """

    id: str
    kind: str
    spec: Json
    created_at: datetime
    origin: str = "api"
    parent: str | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    needs: Mapping[str, str] = field(default_factory=dict)
    pinned: str | None = None
    priority: int = 20
    deadline: datetime | None = None
    state: State = State.QUEUED
    end: End | None = None
    attempt: int = 0
    worker_id: str | None = None
    pid: int | None = None
    stopped_by: str | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    progress: Mapping[str, float] = field(default_factory=dict)
    result: Json | None = None
    facts: Json = field(default_factory=dict)
    last_seq: int = 0
    revision: int = 1
    not_before: datetime | None = None
    berth_wish: str = ""
    berth: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A guarded change of one job: it happens only from `sources`, in `attempt` (None: any) and with a newer `seq` (None: unnumbered).

    `target` None keeps the state. Every other None keeps its field; `progress` and `facts` are merged by key.
    `requeue` clears the worker, pid and start of the attempt, and never happens to a job that was asked to stop; with an `end` that
    attempt is added to the fact `attempts`. Every move sets `not_before`; `due` clears it and keeps the state.
    A move to the queue gives the berth back.
    """

    job_id: str
    at: datetime
    sources: frozenset[State]
    target: State | None = None
    attempt: int | None = None
    seq: int | None = None
    next_attempt: bool = False
    requeue: bool = False
    not_before: datetime | None = None
    due: bool = False
    worker_id: str | None = None
    berth: int | None = None
    pid: int | None = None
    stopped_by: str | None = None
    end: End | None = None
    progress: Mapping[str, float] | None = None
    result: Json | None = None
    facts: Json | None = None
    note: str = "state"
    data: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One committed entry of the log: `number` rises over all jobs and is what a watcher resumes from.

    `note` is `state` (with `retry` for a move back to the queue that an end led to), `stop` (a kept wish), `due` (in line again), `pinned`,
    `marked`, `progress`, `finding` or another word of the kind; `data` what came with it. `state` is the job's after it.
    """

    number: int
    job_id: str
    kind: str
    attempt: int
    at: datetime
    note: str
    state: State
    data: Json


class WorkerState(StrEnum):
    """Whether a worker takes work."""

    READY = "ready"
    DRAINING = "draining"
    LOST = "lost"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Since when a worker has been neither heard of nor renewed: by the clock of the boot `boot_id`, which no set clock moves."""

    boot_id: str
    since: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A machine's agent as it last announced itself. `slots` maps a kind to how many jobs of it may run at once.

    `draining` is the operator's word and outlasts every announcement; `silence` is known of a lost one only.
    """

    id: str
    state: WorkerState
    boot_id: str
    started_at: datetime
    seen_at: datetime
    slots: Mapping[str, int]
    labels: Mapping[str, str] = field(default_factory=dict)
    facts: Json = field(default_factory=dict)
    draining: bool = False
    silence: Silence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An ask for a job. `queue` False means: now on the named worker or not at all; a `deadline` that is past: now or not at all."""

    kind: str
    spec: Json
    origin: str = "api"
    worker_id: str | None = None
    needs: Mapping[str, str] = field(default_factory=dict)
    priority: int = 20
    deadline: datetime | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    queue: bool = True
    berth_wish: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which jobs to list, newest first; None does not filter.

    `label` is a name and a value among the labels that were asked for; `text` a part of the id or of the command with its arguments,
    a space between two, whatever the case of ASCII letters. With `ended_before` the jobs that ended before then come, the oldest end
    first. `cursor` is the opaque end of the page before; `limit` None lists all. `brief` leaves out each job's progress, result and facts.
    """

    kind: str | None = None
    states: frozenset[State] | None = None
    end_reason: EndReason | None = None
    worker_id: str | None = None
    origin: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    label: tuple[str, str] | None = None
    text: str | None = None
    ended_before: datetime | None = None
    cursor: str | None = None
    limit: int | None = 50
    brief: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing; `cursor` is None on the last."""

    jobs: tuple[Job, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Where media may come from beside files below the roots: buckets that stand for folders in them, and hosts by http(s).

    `hosts`, in lower case, may be fetched from, on `ports` beside 80 and 443; those that are among `private_hosts` may have an address
    that is not of the public internet.
    """

    buckets: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    private_hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a job process may know of its worker: who it is, where its folders are, what a command may name, and what holds a job.

    `commands` maps the only names that a command may have to programs, None allows every name; with `scripts_only` its path must be a
    file in a root (workers S5). `run_as` is the account of commands, None is the worker's own.
    Of each stream `output_max_bytes` are kept where a job names no cap of its own.

    `kill_tiers` are those that it has, in order, and `missing_tiers` why it lacks the others; `cgroup` is the folder of the jobs'
    leaves, which have these `controllers`. `limits` are what a job gets that asks for none, `max_limits` the most that one may ask for.
    An annotate job decodes at most `decoders` chunks of a film at once, and records nothing with less than `min_free_gib` on the disk.
    """

    worker_id: str
    data_dir: str
    roots: tuple[str, ...] = ()
    media_roots: tuple[str, ...] = ()
    models_dir: str = ""
    inputs: Inputs = field(default_factory=Inputs)
    env: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, str] | None = None
    scripts_only: bool = False
    run_as: str | None = None
    umask: int = 0o077
    output_max_bytes: int = 64 * 1024 * 1024
    kill_tiers: tuple[str, ...] = ("subreaper",)
    missing_tiers: Mapping[str, str] = field(default_factory=dict)
    cgroup: str = ""
    controllers: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    max_limits: Mapping[str, float] = field(default_factory=dict)
    open_files: int = 4096
    decoders: int = 2
    min_free_gib: float = 5.0
