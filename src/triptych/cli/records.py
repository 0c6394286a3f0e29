"""What the commands read of the server's records, and how the end of a job becomes words and an exit code."""

import signal
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from triptych.cli.printing import as_typed, printable
from triptych.model import EndReason, State

FAILED = 1
NEVER_STARTED = 2
SIGNALLED = 128

Stream = Literal["stdout", "stderr"]


class Fault(msgspec.Struct, frozen=True):
    """Why a job failed."""

    message: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a job. `command`, `script` and `args` are a command's, `spec` is another kind's."""

    id: str
    kind: str
    state: State
    attempt: int
    worker_id: str | None
    created_at: datetime
    end_reason: EndReason | None
    exit_code: int | None
    signal: int | None
    error: Fault | None
    command: str = ""
    args: tuple[str, ...] = ()
    script: str | None = None
    spec: dict[str, Any] = {}

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state is State.ENDED

    @property
    def code(self) -> int:
        """The exit code that tells how it ended: its own, 128+n for signal n, 2 if it never started, else 0 for done and 1."""
        if self.exit_code is not None:
            return self.exit_code
        if self.signal is not None:
            return SIGNALLED + self.signal
        return {EndReason.DONE: 0, EndReason.EXITED: 0, EndReason.NEVER_STARTED: NEVER_STARTED}.get(
            self.end_reason or EndReason.FAILED, FAILED
        )

    @property
    def status(self) -> str:
        """Where it stands, in a word or two: `running`, `exited 3`, `SIGKILL`, `stopped`."""
        if self.end_reason is not EndReason.EXITED:
            return self.end_reason or self.state
        return f"exited {self.exit_code}" if self.signal is None else signal_name(self.signal)

    @property
    def sentence(self) -> str:
        """How it ended, with the reason where there is one."""
        word = self.status.replace("_", " ")
        return word if self.error is None or self.error.message == word else f"{word}: {printable(self.error.message)}"

    @property
    def what(self) -> str:
        """What it is about: the command line, or the kind and what it works on."""
        if self.kind == "command":
            return as_typed((self.command, *((self.script,) if self.script else ()), *self.args))
        subject = self.spec.get("input_uri") or self.spec.get("camera") or ""
        return printable(f"{self.kind} {subject}").strip()


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of one stream, or a `gap` [from, to) where they were not kept; `seq` counts the bytes of both streams up to its end."""

    seq: int
    stream: Stream
    data: bytes = b""
    gap: tuple[int, int] | None = None


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, newest first; `cursor` is null when these are all."""

    jobs: tuple[Job, ...]
    cursor: str | None


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a worker. `slots` maps a kind to how many jobs of it may run at once, `slots_used` to how many do.

    `kill_tiers` are the means by which it ends a whole tree, `missing_tiers` why it has no other, `limits` by which means it holds a job to
    each limit, `default_limits` which it sets itself, `max_limits` the most that a job may ask for, and `facts` what else it tells.
    """

    id: str
    state: str
    seen_at: datetime
    slots: dict[str, int]
    slots_used: dict[str, int]
    labels: dict[str, str] = {}
    kill_tiers: tuple[str, ...] = ()
    missing_tiers: dict[str, str] = {}
    limits: dict[str, str] = {}
    default_limits: dict[str, float] = {}
    max_limits: dict[str, float] = {}
    facts: dict[str, Any] = {}


class WorkerList(msgspec.Struct, frozen=True, kw_only=True):
    """Every worker, by id."""

    workers: tuple[Worker, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes of a stream; `gap` is `FROM-TO` where bytes were not kept, and `next_offset` is behind it then."""

    data: bytes
    next_offset: int
    complete: bool
    gap: str | None


def signal_name(number: int) -> str:
    """Return what a signal is called, such as `SIGKILL`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
