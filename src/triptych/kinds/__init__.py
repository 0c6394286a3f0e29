"""The kinds of job: what each is called, what it asks for, and which function runs it in a process of its own."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from triptych.model import EndReason, Json


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """When a job is tried again, never after a stop.

    It waits `backoff_s`, then each time `factor` as long, at most `max_backoff_s`.
    """

    max_attempts: int = 1
    backoff_s: float = 1.0
    factor: float = 2.0
    max_backoff_s: float = 300.0
    on: tuple[Literal["nonzero", "signal", "timed_out", "out_of_memory", "worker_lost"], ...] = ("nonzero",)


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a command may use (workers.md 8); None is the worker's own default. `cpu` counts cores; the rest says its unit."""

    memory_bytes: int | None = None
    cpu: float | None = None
    processes: int | None = None
    cpu_seconds: float | None = None
    open_files: int | None = None
    file_bytes: int | None = None
    output_max_bytes: int | None = None


class CommandSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program on a worker: `argv` as given, no shell. `cwd` is `root`, `work` or a folder beneath the root.

    `umask` None is the worker's own. `queue_s` is what was asked for; the job's deadline holds to it.

    `script` is the argument that names a script, which must lie in a root if it is there at all; empty where none does. With
    `script_first` it is no argument yet: it must be there, and its absolute path becomes the first one.
    """

    argv: tuple[str, ...]
    script: str = ""
    script_first: bool = False
    cwd: str = "root"
    env: dict[str, str] = {}
    stdin: str | None = None
    timeout_s: float | None = None
    grace_s: float = 5.0
    queue_s: float | None = None
    merge_output: bool = False
    umask: int | None = None
    retry: Retry | None = None
    limits: Limits | None = None
    strict_limits: bool = False
    leftovers: Literal["kill", "wait"] = "kill"
    needs_setuid: bool = False


class GoogleAsk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the view of Google's v1 must remember of an operation: its location, and where its response is written."""

    location: str = "local"
    output_uri: str | None = None


class AnnotateSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Features to measure on one input.

    `config` maps a feature's configKey to its options; `segments` are (start, end) in microseconds, end inclusive. With `content` the
    input is that file of the folder `content`, which came in the request, and `input_uri` names nothing.
    """

    input_uri: str
    features: tuple[str, ...]
    config: dict[str, Any] = {}
    segments: tuple[tuple[int, int], ...] = ()
    workflow: str | None = None
    ttl_days: int = 30
    deadline_s: float | None = None
    content: str | None = None
    google: GoogleAsk | None = None


class CameraSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A camera and how it is to work: its definition, the session parameters and the mark."""

    camera: str
    definition: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    mark: str | None = "single_rect"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindEntry:
    """One kind of job. `run` is `module:function`, named as text so that asking what exists imports nothing that decodes.

    `fork_server` says which warm server forks its process, `id_shape` how its jobs are called, `stopped` and `dropped` which end a
    stop gives a job that ran and one that never did, `restart` whether a job lost with its worker is queued again once,
    `start_timeout_s` how long its worker may take to begin it, `process_key` the spec's field that names a process that several jobs share.
    """

    spec: type[msgspec.Struct]
    run: str
    fork_server: Literal["shim", "media"]
    id_shape: Literal["uuid", "hex24"]
    stopped: EndReason
    dropped: EndReason
    restart: bool = False
    start_timeout_s: float = 2.0
    process_key: str | None = None

    @property
    def outlives(self) -> bool:
        """Whether its jobs go on without their agent (workers K11)."""
        return self.fork_server == "shim"

    def process(self, job_id: str, spec: Json) -> str:
        """Return the name of the process that runs the job: its own id, or what `process_key` names in the spec."""
        return job_id if self.process_key is None else f"{self.process_key}:{spec[self.process_key]}"


KINDS = MappingProxyType(
    {
        "command": KindEntry(
            spec=CommandSpec,
            run="triptych.kinds.command:run",
            fork_server="shim",
            id_shape="uuid",
            stopped=EndReason.STOPPED,
            dropped=EndReason.NEVER_STARTED,
        ),
        "annotate": KindEntry(
            spec=AnnotateSpec,
            run="triptych.kinds.annotate:run",
            fork_server="media",
            id_shape="hex24",
            stopped=EndReason.CANCELLED,
            dropped=EndReason.CANCELLED,
            restart=True,
            start_timeout_s=15.0,
        ),
        "camera": KindEntry(
            spec=CameraSpec,
            run="triptych.kinds.camera:run",
            fork_server="media",
            id_shape="uuid",
            stopped=EndReason.STOPPED,
            dropped=EndReason.NEVER_STARTED,
            start_timeout_s=15.0,
            process_key="camera",
        ),
    }
)
