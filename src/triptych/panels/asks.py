"""What may be asked of the native API, field by field (workers.md 7), and how an ask becomes a submission."""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta
from msgspec import UnsetType as Unset
from starlette.requests import Request

from triptych.errors import Invalid
from triptych.kinds import CommandSpec, Limits, Retry
from triptych.model import EndReason, State, Submission
from triptych.panels.http import Parameter
from triptych.panels.queries import read_request

MAX_COMMAND_BYTES = 4096
MAX_ARGS_BYTES = 128 * 1024
MAX_ENV_BYTES = 64 * 1024
MAX_STDIN_BYTES = 1024 * 1024
MAX_WORKER_ID_BYTES = 200
MAX_NUMBER = 2**53

Value = TypeVar("Value")
NoNul = Annotated[str, Meta(pattern="^[^\\x00]*$")]
Name = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$(?!\n)")]
Label = Annotated[str, Meta(pattern="^[^\\x00=]+$")]
Moment = Annotated[datetime, Meta(tz=True)]
Position = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
Count = Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
Seconds = Annotated[float, Meta(gt=0, le=1e9)]
Pause = Annotated[float, Meta(ge=0, le=86400)]


class RetryAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When to try again: pauses of `backoff_s`, each `factor` times the one before, at most `max_backoff_s`; never after a stop."""

    max_attempts: Annotated[int, Meta(ge=1, le=20)] = 1
    backoff_s: Pause = 1.0
    factor: Annotated[float, Meta(ge=1, le=100)] = 2.0
    max_backoff_s: Pause = 300.0
    on: tuple[Literal["nonzero", "signal", "timed_out", "out_of_memory", "worker_lost"], ...] = ("nonzero",)


class LimitsAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the command may use; what is left out is the worker's own limit. `cpu` counts cores, `processes` those of the whole tree."""

    memory_bytes: Count | None = None
    cpu: Annotated[float, Meta(ge=0.05, le=1024)] | None = None
    processes: Annotated[int, Meta(ge=1, le=2**22)] | None = None
    cpu_seconds: Seconds | None = None
    open_files: Annotated[int, Meta(ge=3, le=2**20)] | None = None
    file_bytes: Position | None = None
    output_max_bytes: Count | None = None


class CommandAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A program to run on one worker, or on any that carries all the labels: exactly one of `worker_id` and `labels` is given.

    `script` lies in a root of the worker; its absolute path becomes the first argument. `queue_s` is how long the job may wait for room: 0
    is now or not at all.
    """

    command: Annotated[str, Meta(pattern="^[^\\x00]+$", max_length=MAX_COMMAND_BYTES)]
    kind: Literal["command"] = "command"
    worker_id: Annotated[str, Meta(min_length=1, max_length=MAX_WORKER_ID_BYTES)] | Unset = UNSET
    labels: Annotated[dict[Label, NoNul], Meta(max_length=64)] | Unset = UNSET
    args: Annotated[tuple[NoNul, ...], Meta(max_length=1024)] = ()
    script: Annotated[str, Meta(pattern="^[^\\x00]+$", max_length=4096)] | None = None
    env: dict[Name, NoNul] = {}
    cwd: Annotated[str, Meta(pattern="^[^\\x00]+$", max_length=4096)] = "work"
    stdin: str | None = None
    timeout_s: Seconds | None = None
    grace_s: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    queue_s: Annotated[float, Meta(ge=0, le=604800)] = 3600.0
    retry: RetryAsk = RetryAsk()
    priority: Annotated[int, Meta(ge=0, le=139)] = 20
    limits: LimitsAsk = LimitsAsk()
    strict_limits: bool = False
    merge_output: bool = False
    leftovers: Literal["kill", "wait"] = "kill"
    needs_setuid: bool = False
    umask: Annotated[str, Meta(pattern="^0?[0-7]{3}$")] | None = None


ONE_PLACE: dict[str, Any] = {"oneOf": [{"required": ["worker_id"]}, {"required": ["labels"]}]}
DescribedAsk = Annotated[CommandAsk, Meta(extra_json_schema=ONE_PLACE)]


class StopAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to stop: seconds between TERM and KILL (the job's own if null), and how long the answer may take."""

    grace_s: Annotated[float, Meta(ge=0, le=3600)] | None = None
    wait_s: Annotated[float, Meta(ge=0, le=60)] = 10.0


class ListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which jobs to list."""

    kind: Literal["command", "annotate", "camera"] | Unset = UNSET
    state: Annotated[tuple[State, ...], Meta(min_length=1)] = ()
    end_reason: EndReason | Unset = UNSET
    worker: str | Unset = UNSET
    label: Annotated[str, Meta(pattern="^[^=]+=")] | Unset = UNSET
    text: Annotated[str, Meta(min_length=1, max_length=256)] | Unset = UNSET
    origin: str | Unset = UNSET
    since: Moment | Unset = UNSET
    until: Moment | Unset = UNSET
    cursor: str | Unset = UNSET
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class JobQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to read one record."""

    wait_s: Annotated[float, Meta(ge=0, le=60)] = 0.0


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to begin."""

    after: Position | Unset = UNSET


KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    type=Annotated[str, Meta(pattern="^[!-~]{1,200}$")],
    summary="A repeat with the same body gives the same job; with another one it is refused.",
)
LAST_EVENT = Parameter(name="Last-Event-ID", place="header", type=Position, summary="The number of the last event that was seen.")
IF_NONE_MATCH = Parameter(name="If-None-Match", place="header", type=str, summary="Answer 304 if the record is still this one.")


async def read_command(request: Request) -> CommandAsk:
    """Return the body of a submission. Raises `Invalid`."""
    try:
        return await read_request(request, CommandAsk)
    except Invalid as fault:
        if (fault.field or "").startswith("env.") and "got `object`" in fault.message:
            raise Invalid(
                "stored secrets are not available yet: give the value itself", code="not_available_yet", field=fault.field
            ) from None
        raise


def given(value: Value | Unset) -> Value | None:
    """Return a parameter's value, None when it was left out."""
    return None if value is UNSET else value


def label(asked: ListQuery) -> tuple[str, str] | None:
    """Return the name and value of the label to look for."""
    name, found, value = (given(asked.label) or "").partition("=")
    return (name, value) if found else None


def submission(asked: CommandAsk, key: str | None, now: datetime) -> Submission:
    """Return what the engine is asked for. Raises `Invalid` naming the field that is too long or missing."""
    if (asked.worker_id is UNSET) == (asked.labels is UNSET):
        raise Invalid("exactly one of worker_id and labels must be given", field="worker_id")
    _check_sizes(asked)
    return Submission(
        kind=asked.kind,
        spec=msgspec.to_builtins(_spec(asked)),
        worker_id=given(asked.worker_id),
        needs=asked.labels or {},
        priority=asked.priority,
        deadline=now + timedelta(seconds=asked.queue_s),
        idempotency_key=key,
        fingerprint=hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest() if key else None,
    )


def _spec(asked: CommandAsk) -> CommandSpec:
    return CommandSpec(
        argv=(asked.command, *asked.args),
        script=asked.script or "",
        script_first=asked.script is not None,
        cwd=asked.cwd,
        env=asked.env,
        stdin=asked.stdin,
        timeout_s=asked.timeout_s,
        grace_s=asked.grace_s,
        queue_s=asked.queue_s,
        merge_output=asked.merge_output,
        umask=None if asked.umask is None else int(asked.umask, 8),
        retry=msgspec.convert(asked.retry, Retry, from_attributes=True) if asked.retry.max_attempts > 1 else None,
        limits=msgspec.convert(asked.limits, Limits, from_attributes=True) if asked.limits != LimitsAsk() else None,
        strict_limits=asked.strict_limits,
        leftovers=asked.leftovers,
        needs_setuid=asked.needs_setuid,
    )


def idempotency_key(request: Request) -> str | None:
    """Return the key of a request. Raises `Invalid`."""
    key = request.headers.get("idempotency-key")
    if key is not None and not re.fullmatch("[!-~]{1,200}", key):
        raise Invalid("Idempotency-Key must be 1 to 200 visible ASCII characters", code="invalid_parameter", field="Idempotency-Key")
    return key


def last_event(request: Request, query: EventsQuery) -> int | None:
    """Return the number of the event to go on after, None for now. Raises `Invalid`."""
    text = request.headers.get("last-event-id")
    if not text:
        return given(query.after)
    if not re.fullmatch("[0-9]{1,16}", text) or int(text) > MAX_NUMBER:
        raise Invalid("Last-Event-ID must be the number of an event", code="invalid_parameter", field="Last-Event-ID")
    return int(text)


def _check_sizes(asked: CommandAsk) -> None:
    env_bytes = sum(_size(name) + _size(value) + 2 for name, value in asked.env.items())
    worker_id = "" if asked.worker_id is UNSET else asked.worker_id
    sizes = (
        ("command", _size(asked.command), MAX_COMMAND_BYTES),
        ("worker_id", _size(worker_id), MAX_WORKER_ID_BYTES),
        ("args", sum(_size(arg) + 1 for arg in asked.args), MAX_ARGS_BYTES),
        ("env", env_bytes, MAX_ENV_BYTES),
        ("script", _size(asked.script or ""), MAX_COMMAND_BYTES),
        ("cwd", _size(asked.cwd), MAX_COMMAND_BYTES),
        ("stdin", _size(asked.stdin or ""), MAX_STDIN_BYTES),
    )
    for field, size_bytes, most_bytes in sizes:
        if size_bytes > most_bytes:
            raise Invalid(f"{field} is larger than {most_bytes} bytes", field=field)


def _size(text: str) -> int:
    return len(text.encode())
