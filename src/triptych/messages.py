"""What engine, agent and job processes say to each other: tagged structs, MessagePack on every wire."""

from typing import Any, Literal

import msgspec

from triptych.model import End, EndReason

JOB_LEASE_S = 900.0
"""How long a command goes on without news of its server, unless it is told otherwise (workers L4)."""

Key = tuple[str, int]
"""A job's id and the number of its attempt."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """One message; its `type` on the wire is the class name in lower case."""


class Start(Message, frozen=True, kw_only=True):
    """Run this attempt of a job. `process` names the process it runs in: the job's own id, or the camera's.

    A command that hears of no renewal for `lease_s` ends its own tree (workers L4).
    """

    job_id: str
    kind: str
    attempt: int
    process: str
    spec: dict[str, Any]
    lease_s: float = JOB_LEASE_S


class Stop(Message, frozen=True, kw_only=True):
    """End a job's whole tree; answered when it is verified empty, or refused with `stop_not_confirmed` after `grace_s` + 5 s.

    An `attempt` that was never begun here is never begun afterwards either (workers L6); None is whichever runs.
    """

    job_id: str
    by: str
    attempt: int | None = None
    grace_s: float = 5.0
    reason: EndReason = EndReason.STOPPED


class Pause(Message, frozen=True, kw_only=True):
    """Hold a running job; answered when it stands still."""

    job_id: str


class Resume(Message, frozen=True, kw_only=True):
    """Let a paused job go on."""

    job_id: str


class Ask(Message, frozen=True, kw_only=True):
    """Ask a process without a job: the agent starts process `process` of `kind` with `spec` if it is not there."""

    process: str
    kind: str
    spec: dict[str, Any]
    verb: str
    data: dict[str, Any] = {}


class Renew(Message, frozen=True, kw_only=True):
    """The server is there: every lease begins anew. Sent at least every 2 s (workers L4, O5).

    `taken` are (job id, attempt, number of its last report that is committed and on disk): nobody will ask for these again.
    """

    taken: tuple[tuple[str, int, int], ...] = ()


class Reconcile(Message, frozen=True, kw_only=True):
    """Say what became of the attempts that the server believes to be here; answered with a `Stock` as data (workers L3)."""

    jobs: tuple[Key, ...]


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker has of the attempts that it was asked for, and what it has besides.

    `live` maps a job to `running`, `paused` or `stopping`; of the `told` ones the end was reported or is about to be; the `gone` were
    executed, and nothing is left but the question how they ended; the `never` were not executed and will not be. `strangers` live here
    and were not asked for.
    """

    live: dict[str, str] = {}
    told: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    strangers: tuple[Key, ...] = ()


Order = Start | Stop | Pause | Resume | Ask
"""What a job process can be asked."""

Request = Order | Renew | Reconcile
"""What a worker can be asked."""


class Answer(Message, frozen=True, kw_only=True):
    """The request was done."""

    data: dict[str, Any] = {}


class Refused(Message, frozen=True, kw_only=True):
    """The request was not done: `code` is a code of errors.py (`start_failed`, `stop_not_confirmed`, `job_not_found`, `invalid`, ...)."""

    code: str
    message: str


Reply = Answer | Refused


class Running(Message, frozen=True, kw_only=True):
    """The job's program has been executed, or its session has begun."""

    pid: int
    facts: dict[str, Any] = {}


class Paused(Message, frozen=True, kw_only=True):
    """The job stands still."""


class Resumed(Message, frozen=True, kw_only=True):
    """The job goes on."""


class Progress(Message, frozen=True, kw_only=True):
    """Percent done by part; `facts` are measured things worth keeping."""

    parts: dict[str, float]
    facts: dict[str, Any] = {}


class Finding(Message, frozen=True, kw_only=True):
    """Something found or a change worth telling watchers; `note` is its kind (`finding`, `alarm`, `camera`, ...)."""

    note: str
    data: dict[str, Any]


class Output(Message, frozen=True, kw_only=True):
    """Bytes a command wrote, `offset` counted from 0 per stream and attempt, read at `t_us` microseconds after boot (workers O2)."""

    stream: Literal["stdout", "stderr"]
    offset: int
    data: bytes
    t_us: int = 0


class Ended(Message, frozen=True, kw_only=True):
    """The last report of an attempt."""

    end: End
    result: dict[str, Any] | None = None
    facts: dict[str, Any] = {}


Body = Running | Paused | Resumed | Progress | Finding | Output | Ended


class Report(Message, frozen=True, kw_only=True):
    """One numbered event of a job's attempt: `seq` from 1, `at_us` UTC microseconds since 1970."""

    job_id: str
    attempt: int
    seq: int
    at_us: int
    body: Body


class Asked(Message, frozen=True, kw_only=True):
    """A request on its way down a channel; the answer carries the same `number`."""

    number: int
    request: Order


class Answered(Message, frozen=True, kw_only=True):
    """The answer to the request with this number."""

    number: int
    reply: Reply


class Shown(Message, frozen=True, kw_only=True):
    """One picture of a live view: lossy, the newest wins. `topic` is the process name."""

    topic: str
    picture: bytes
