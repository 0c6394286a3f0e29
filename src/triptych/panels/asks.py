"""What may be asked of the native API, field by field (workers.md 7), and how an ask becomes a submission."""

import hashlib
import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta
from msgspec import UnsetType as Unset
from starlette.requests import Request

from triptych.errors import Invalid
from triptych.kinds import CommandSpec
from triptych.model import EndReason, State, Submission
from triptych.panels.http import Parameter

MAX_COMMAND_BYTES = 4096
MAX_ARGS_BYTES = 128 * 1024
MAX_ENV_BYTES = 64 * 1024
MAX_STDIN_BYTES = 1024 * 1024
MAX_WORKER_ID_BYTES = 200
MAX_NUMBER = 2**53

Value = TypeVar("Value")
NoNul = Annotated[str, Meta(pattern="^[^\\x00]*$")]
Name = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Moment = Annotated[datetime, Meta(tz=True)]
Position = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]


class CommandAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program to run on one worker, or on any that carries all the labels: exactly one of `worker_id` and `labels` is given."""

    command: Annotated[str, Meta(pattern="^[^\\x00]+$", max_length=MAX_COMMAND_BYTES)]
    kind: Literal["command"] = "command"
    worker_id: Annotated[str, Meta(min_length=1, max_length=MAX_WORKER_ID_BYTES)] | Unset = UNSET
    labels: dict[str, str] | Unset = UNSET
    args: Annotated[tuple[NoNul, ...], Meta(max_length=1024)] = ()
    env: dict[Name, NoNul] = {}
    cwd: Annotated[str, Meta(pattern="^[^\\x00]+$", max_length=4096)] = "work"
    stdin: str | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    grace_s: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    priority: Annotated[int, Meta(ge=0, le=139)] = 20
    merge_output: bool = False
    umask: Annotated[str, Meta(pattern="^0?[0-7]{3}$")] = "0077"


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


class OutputQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bytes of which stream (workers O9)."""

    stream: Literal["stdout", "stderr"] = "stdout"
    offset: Position = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_NUMBER)] | Unset = UNSET
    follow: Literal[0, 1] = 0
    attempt: Annotated[int, Meta(ge=1, le=2**31)] | Unset = UNSET


KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    type=Annotated[str, Meta(pattern="^[!-~]{1,200}$")],
    summary="A repeat with the same body gives the same job; with another one it is refused.",
)
LAST_EVENT = Parameter(name="Last-Event-ID", place="header", type=Position, summary="The number of the last event that was seen.")
IF_NONE_MATCH = Parameter(name="If-None-Match", place="header", type=str, summary="Answer 304 if the record is still this one.")


def given(value: Value | Unset) -> Value | None:
    """Return a parameter's value, None when it was left out."""
    return None if value is UNSET else value


def submission(asked: CommandAsk, key: str | None) -> Submission:
    """Return what the engine is asked for. Raises `Invalid` naming the field that is too long or missing."""
    if (asked.worker_id is UNSET) == (asked.labels is UNSET):
        raise Invalid("exactly one of worker_id and labels must be given", field="worker_id")
    _check_sizes(asked)
    spec = CommandSpec(
        argv=(asked.command, *asked.args),
        cwd=asked.cwd,
        env=asked.env,
        stdin=asked.stdin,
        timeout_s=asked.timeout_s,
        grace_s=asked.grace_s,
        merge_output=asked.merge_output,
        umask=int(asked.umask, 8),
    )
    return Submission(
        kind=asked.kind,
        spec=msgspec.to_builtins(spec),
        worker_id=given(asked.worker_id),
        needs=asked.labels or {},
        priority=asked.priority,
        idempotency_key=key,
        fingerprint=hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest() if key else None,
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
        ("cwd", _size(asked.cwd), MAX_COMMAND_BYTES),
        ("stdin", _size(asked.stdin or ""), MAX_STDIN_BYTES),
    )
    for field, size_bytes, most_bytes in sizes:
        if size_bytes > most_bytes:
            raise Invalid(f"{field} is larger than {most_bytes} bytes", field=field)


def _size(text: str) -> int:
    return len(text.encode())
