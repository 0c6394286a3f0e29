"""The workers panel: `/start`, `/stop` and `/query`, byte for byte as documented (workers.md 2)."""

import hashlib
import re
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Invalid, NotFound, TriptychError, Unavailable
from triptych.kinds import CommandSpec
from triptych.model import EndReason, Job, State, Submission, Worker, WorkerState
from triptych.panels.http import Panel, Parameter, Role, Route, read_body, read_json, service

KIND = "command"
ORIGIN = "workers"
BODY_CAP_BYTES = 1024 * 1024
BODY_DEPTH = 32
TEXT_CAP_BYTES = 512

TEXTS = {
    "worker_not_found": "worker not found",
    "job_not_found": "job not found",
    "worker_not_connected": "worker not connected",
    "worker_not_answering": "worker not answering",
    "worker_draining": "worker draining",
    "worker_busy": "worker busy",
    "key_reused": "idempotency key reused",
    "store_unavailable": "store unavailable",
}
"""The failure texts that go by code; every other fault says its own sentence."""

SIGNALS = (
    *("hangup", "interrupt", "quit", "illegal instruction", "trace/breakpoint trap", "aborted", "bus error", "floating point exception"),
    *("killed", "user defined signal 1", "segmentation fault", "user defined signal 2", "broken pipe", "alarm clock", "terminated"),
    *("stack fault", "child exited", "continued", "stopped (signal)", "stopped", "stopped (tty input)", "stopped (tty output)"),
    *("urgent I/O condition", "CPU time limit exceeded", "file size limit exceeded", "virtual timer expired", "profiling timer expired"),
    *("window changed", "I/O possible", "power failure", "bad system call"),
)
"""What signals 1 to 31 are called (workers W12)."""


class StartRequest(msgspec.Struct, frozen=True):
    """Which script to start, and where."""

    worker_id: str = ""
    command: str = ""
    path: str = ""


class JobRequest(msgspec.Struct, frozen=True):
    """Which job on which worker."""

    worker_id: str = ""
    job_id: str = ""


class Started(msgspec.Struct, frozen=True):
    """The job that now runs."""

    job_id: str


class Stopped(msgspec.Struct, frozen=True):
    """The job's tree is verified empty."""

    success: bool


class Queried(msgspec.Struct, frozen=True):
    """Whether a job has ended, and how."""

    done: bool
    error: bool
    error_text: str


class Failure(msgspec.Struct, frozen=True):
    """What went wrong."""

    error: str


Asked = TypeVar("Asked", StartRequest, JobRequest)
LIVE = Queried(done=False, error=False, error_text="")


async def start(request: Request) -> Response:
    """Start a script on a worker that the caller names."""
    asked = await _read(request, StartRequest)
    key = _idempotency_key(request)
    spec = CommandSpec(argv=(asked.command, asked.path) if asked.path else (asked.command,), script=asked.path)
    ask = Submission(
        kind=KIND,
        spec=msgspec.to_builtins(spec),
        origin=ORIGIN,
        worker_id=asked.worker_id,
        idempotency_key=key,
        fingerprint=_fingerprint(asked) if key else None,
        queue=False,
    )
    job = await service(request).engine.submit(ask)
    return _answer(Started(job_id=job.id), 201)


async def stop(request: Request) -> Response:
    """Stop a job; the answer comes when its whole tree is verified empty."""
    job, _ = await _find(request)
    await service(request).engine.stop(job.id, by=ORIGIN)
    return _answer(Stopped(success=True))


async def query(request: Request) -> Response:
    """Tell whether a job has ended, and how. Answered from memory, without asking the worker."""
    job, worker = await _find(request)
    if job.state is State.ENDED:
        return _answer(ended(job))
    if (await service(request).engine.reach(worker.id)).state is WorkerState.LOST:
        raise Unavailable("worker not connected", code="worker_not_connected")
    return _answer(LIVE)


def ended(job: Job) -> Queried:
    """Return how an ended job is told."""
    text = error_text(job)
    return Queried(done=True, error=bool(text), error_text=text)


def error_text(job: Job) -> str:  # noqa: PLR0911 - one return for each row of the table
    """Return the `error_text` of an ended job, empty when it ended well (workers W11)."""
    end = job.end
    if end is None:
        return ""
    match end.reason:
        case EndReason.DONE:
            return ""
        case EndReason.STOPPED | EndReason.CANCELLED:
            return "signal: killed"
        case EndReason.TIMED_OUT:
            return "signal: killed (timed out)"
        case EndReason.OUT_OF_MEMORY:
            return "signal: killed (out of memory)"
        case EndReason.WORKER_LOST:
            return "worker lost"
        case EndReason.NEVER_STARTED:
            return f"never started: {one_line(end.fault.message if end.fault else 'no reason known')}"
        case EndReason.EXITED | EndReason.FAILED if end.signal is not None:
            return f"signal: {signal_name(end.signal)}" + (" (core dumped)" if end.core_dumped else "")
        case _:
            return f"exit status {end.exit_code}" if end.exit_code else ""


def signal_name(number: int) -> str:
    """Return what a signal is called (workers W12)."""
    return SIGNALS[number - 1] if 1 <= number <= len(SIGNALS) else f"signal {number}"


def one_line(text: str) -> str:
    """Return `text` with control characters escaped, at most 512 bytes of UTF-8 (workers W3)."""
    line = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    return line.encode(errors="replace")[:TEXT_CAP_BYTES].decode(errors="ignore")


def refuse(fault: TriptychError, _request: Request) -> Response:
    """Return the failure as documented: 500 whatever it is, but 404 for a route that is not there."""
    status = 404 if fault.code == "route_not_found" else 500
    answer = _answer(Failure(error=one_line(TEXTS.get(fault.code, fault.message))), status)
    answer.headers["triptych-error"] = fault.code
    return answer


async def _find(request: Request) -> tuple[Job, Worker]:
    asked = await _read(request, JobRequest)
    engine = service(request).engine
    worker = await engine.worker(asked.worker_id)
    job = await engine.find(asked.job_id, kind=KIND)
    if worker.id != (job.worker_id or job.pinned):
        raise NotFound("job not found", code="job_not_found")
    return job, worker


async def _read(request: Request, shape: type[Asked]) -> Asked:
    body = read_json(await read_body(request, BODY_CAP_BYTES), depth=BODY_DEPTH, any_case=True, repair=True)
    if body is None:
        return shape()
    if not isinstance(body, dict):
        raise Invalid("body must be a JSON object", code="body_not_object")
    return shape(*(_text(body, name) for name in shape.__struct_fields__))


def _text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid(f"field {name} must be a string", code="field_not_string", field=name)
    return value


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid("Idempotency-Key must be 1 to 200 visible ASCII characters", code="invalid_key")
    return key


def _fingerprint(asked: StartRequest) -> str:
    return hashlib.sha256(b"start" + msgspec.json.encode(asked)).hexdigest()


def _answer(data: msgspec.Struct, status: int = 200) -> Response:
    body = _encode(data).replace(b"<", rb"\u003c").replace(b">", rb"\u003e").replace(b"&", rb"\u0026")
    return Response(body + b"\n", status, media_type="application/json")


_encode = msgspec.json.Encoder().encode
_KEY = re.compile(r"[!-~]{1,200}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_KEY_PARAMETER = Parameter(
    name="Idempotency-Key", place="header", type=str, summary="1 to 200 visible ASCII characters; a repeat starts nothing."
)

PANEL = Panel(
    name="workers",
    refuse=refuse,
    error=Failure,
    trailing_slash="redirect",
    routes=(
        Route(
            method="POST",
            path="/start",
            handler=start,
            role=Role.OPERATOR,
            summary="Start a script on a named worker.",
            request=StartRequest,
            answer=Started,
            status=201,
            errors=(500,),
            parameters=(_KEY_PARAMETER,),
            tag="workers",
        ),
        Route(
            method="POST",
            path="/stop",
            handler=stop,
            role=Role.OPERATOR,
            summary="Stop a job; true means that its whole tree is verified empty.",
            request=JobRequest,
            answer=Stopped,
            errors=(500,),
            tag="workers",
        ),
        Route(
            method="POST",
            path="/query",
            handler=query,
            role=Role.VIEWER,
            summary="Tell whether a job has ended, and how.",
            request=JobRequest,
            answer=Queried,
            errors=(500,),
            tag="workers",
        ),
    ),
)
