import asyncio
import json

import pytest

from panels.door import Reply, request
from panels.system import WORKER_ID, System
from triptych.errors import TriptychError
from triptych.messages import Answer, Refused, Start, Stop
from triptych.messages import Reply as Answered
from triptych.model import End, EndReason, Fault, Job, State, Submission, WorkerState
from triptych.panels.workers import SIGNALS, error_text, one_line, refuse, signal_name

PATHS = ["/start", "/stop", "/query"]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
COUNT = {"worker_id": WORKER_ID, "command": "bash", "path": "worker/scripts/count.sh"}


async def post(system: System, path: str, body: object, **headers: str) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await system.door.ask("POST", path, data, **headers)


async def started(system: System, **fields: str) -> str:
    reply = await post(system, "/start", COUNT | fields)
    assert reply.status == 201
    job_id = json.loads(reply.body)["job_id"]
    await system.job(job_id, State.RUNNING)
    return job_id


async def failure(system: System, path: str, body: object, **headers: str) -> tuple[str, str]:
    reply = await post(system, path, body, **headers)
    assert (reply.status, reply.headers["content-type"]) == (500, "application/json")
    assert reply.body.endswith(b"\n")
    return json.loads(reply.body)["error"], reply.headers["triptych-error"]


def about(job_id: str, worker_id: str = WORKER_ID) -> dict[str, str]:
    return {"worker_id": worker_id, "job_id": job_id}


async def test_a_start_answers_with_the_job_alone(system: System) -> None:
    """workers W1, W6, W9, W10."""
    reply = await post(system, "/start", COUNT)
    job_id = system.worker.started[0].job_id
    assert (reply.status, reply.body) == (201, f'{{"job_id":"{job_id}"}}\n'.encode())
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.headers["content-type"] == "application/json"
    assert system.worker.started[0].spec["argv"] == ["bash", "worker/scripts/count.sh"]


async def test_an_empty_path_is_no_argument(system: System) -> None:
    """workers W9."""
    await started(system, command="bash -x", path="")
    assert system.worker.started[0].spec["argv"] == ["bash -x"]


async def test_a_live_job_a_stop_and_a_query_after_it(system: System) -> None:
    """workers W1, W11, K3."""
    job_id = await started(system)
    assert (await post(system, "/query", about(job_id))).body == b'{"done":false,"error":false,"error_text":""}\n'
    for _ in range(2):
        reply = await post(system, "/stop", about(job_id))
        assert (reply.status, reply.body) == (200, b'{"success":true}\n')
    reply = await post(system, "/query", about(job_id))
    assert (reply.status, reply.body) == (200, b'{"done":true,"error":true,"error_text":"signal: killed"}\n')


async def test_an_unknown_worker_is_not_found(system: System) -> None:
    """workers W2, W3, W10: exact match, and a missing or null id is an empty one."""
    for path in PATHS:
        for body in (b"{}", b"null", *({"worker_id": worker_id} for worker_id in (UNKNOWN, "", None, WORKER_ID.upper()))):
            assert await failure(system, path, body) == ("worker not found", "worker_not_found")


@pytest.mark.parametrize("path", ["/stop", "/query"])
async def test_an_unknown_job_is_not_found(system: System, path: str) -> None:
    """The failure texts: unknown, empty, of another kind, or of another worker."""
    media = await system.engine.submit(Submission(kind="annotate", spec={"input_uri": "/a", "features": []}, worker_id=WORKER_ID))
    other = system.worker.__class__(system.worker.bus, id="other")
    await other.bus.serve(other.id, other.answer)
    await other.announce()
    await system.knows("other", WorkerState.READY)
    for body in (about(UNKNOWN), about(""), {"worker_id": WORKER_ID}, about(media.id), about(await started(system), "other")):
        assert await failure(system, path, body) == ("job not found", "job_not_found")


async def test_a_worker_that_takes_no_work_says_why(system: System) -> None:
    """The failure texts, in the order of workers W4."""
    await system.worker.announce(slots={"command": 0})
    assert await failure(system, "/start", COUNT) == ("worker busy", "worker_busy")
    await system.worker.announce(WorkerState.DRAINING)
    await system.knows(WORKER_ID, WorkerState.DRAINING)
    assert await failure(system, "/start", COUNT) == ("worker draining", "worker_draining")
    await system.worker.bus.leave(WORKER_ID)
    await system.knows(WORKER_ID, WorkerState.LOST)
    assert await failure(system, "/start", COUNT) == ("worker not connected", "worker_not_connected")


async def test_without_its_worker_only_an_ended_job_can_be_told(system: System) -> None:
    """workers 6: never a guess."""
    live, over = await started(system), await started(system)
    await system.worker.end(over, exit_code=0)
    await system.job(over, State.ENDED)
    await system.worker.bus.leave(WORKER_ID)
    await system.knows(WORKER_ID, WorkerState.LOST)
    for path in ("/query", "/stop"):
        assert await failure(system, path, about(live)) == ("worker not connected", "worker_not_connected")
        assert (await post(system, path, about(over))).status == 200


async def test_a_start_that_fails_says_so_and_is_kept(system: System) -> None:
    """workers W6."""

    async def refuse_start(_start: Start) -> Answered:
        return Refused(code="start_failed", message='exec: "nosuch": executable file not found in $PATH')

    system.worker.on_start = refuse_start
    text = 'exec: "nosuch": executable file not found in $PATH'
    assert await failure(system, "/start", COUNT) == (text, "start_failed")
    reply = await post(system, "/query", about(system.worker.started[0].job_id))
    assert json.loads(reply.body) == {"done": True, "error": True, "error_text": f"never started: {text}"}


async def test_a_stop_that_is_not_confirmed_says_how_many_live(system: System) -> None:
    """workers K5."""

    async def survive(_stop: Stop) -> Answered:
        return Refused(code="stop_not_confirmed", message="stop not confirmed: 2 alive")

    system.worker.on_stop = survive
    job_id = await started(system)
    assert await failure(system, "/stop", about(job_id)) == ("stop not confirmed: 2 alive", "stop_not_confirmed")
    assert (await post(system, "/query", about(job_id))).body == b'{"done":false,"error":false,"error_text":""}\n'


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"worker_id":"x"', "unexpected end of JSON input"),
        (b"nope", "body is not valid JSON"),
        (b'{"worker_id":NaN}', "body is not valid JSON"),
        (b'{"x":' + b"[" * 32 + b"]" * 32 + b"}", "body is not valid JSON"),
        (b"[]", "body must be a JSON object"),
        (b'"text"', "body must be a JSON object"),
        (b"7", "body must be a JSON object"),
        (b'{"worker_id":7}', "field worker_id must be a string"),
        (b'{"worker_id":["x"]}', "field worker_id must be a string"),
        (b"{} {}", "data after the JSON object"),
        (b"x" * (1024 * 1024 + 1), "body is larger than 1048576 bytes"),
    ],
)
async def test_a_body_that_cannot_be_read_says_why(system: System, body: bytes, text: str) -> None:
    """workers W2, W3: the body faults."""
    for path in PATHS:
        assert (await failure(system, path, body))[0] == text


async def test_a_body_is_read_leniently(system: System) -> None:
    """workers W2: any Content-Type, key case, unknown keys, the last of equal keys, null, bytes that are not UTF-8."""
    bodies = [
        b'{"WORKER_ID":"%s","Command":"x","PATH":null,"more":[1]}' % WORKER_ID.encode(),
        b'{"worker_id":"no","command":"y","worker_id":"%s","path":"a","Path":"z\xff"}' % WORKER_ID.encode(),
        b' \n{"worker_id":"%s","command":"\\ud800"}\n' % WORKER_ID.encode(),
    ]
    for body in bodies:
        assert (await post(system, "/start", body, content_type="text/plain")).status == 201
    assert [start.spec["argv"] for start in system.worker.started] == [["x"], ["y", "z�"], ["�"]]


async def test_a_repeated_key_gives_the_same_job_and_starts_nothing(system: System) -> None:
    """workers W8."""
    first = await post(system, "/start", COUNT, idempotency_key="k")
    again = await post(system, "/start", COUNT, idempotency_key="k")
    assert (first.status, first.body) == (again.status, again.body)
    assert len(system.worker.started) == 1
    other = COUNT | {"path": "other.sh"}
    assert await failure(system, "/start", other, idempotency_key="k") == ("idempotency key reused", "key_reused")
    assert (await post(system, "/start", other, idempotency_key="l")).status == 201


async def test_a_repeated_key_is_answered_whatever_has_become_of_the_worker(system: System) -> None:
    """workers W8."""
    first = await post(system, "/start", COUNT, idempotency_key="k")
    await system.worker.announce(WorkerState.DRAINING)
    await system.knows(WORKER_ID, WorkerState.DRAINING)
    assert (await post(system, "/start", COUNT, idempotency_key="k")).body == first.body
    await system.worker.bus.leave(WORKER_ID)
    await system.knows(WORKER_ID, WorkerState.LOST)
    assert (await post(system, "/start", COUNT, idempotency_key="k")).body == first.body


async def test_a_repeated_key_whose_start_failed_fails_alike(system: System) -> None:
    """workers W8."""

    async def refuse_start(_start: Start) -> Answered:
        return Refused(code="start_failed", message="fork/exec x: permission denied")

    system.worker.on_start = refuse_start
    for _ in range(2):
        assert (await failure(system, "/start", COUNT, idempotency_key="k"))[0] == "fork/exec x: permission denied"
    assert len(system.worker.started) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "ü"])
async def test_a_key_that_is_none_is_refused(system: System, key: str) -> None:
    """workers W8: 1 to 200 visible ASCII."""
    assert (await failure(system, "/start", COUNT, idempotency_key=key))[1] == "invalid_key"
    assert system.worker.started == []


async def test_angle_brackets_and_ampersands_are_escaped(system: System) -> None:
    """workers W1."""

    async def refuse_start(_start: Start) -> Answered:
        return Refused(code="start_failed", message="fork/exec <a>&ü\n: x")

    system.worker.on_start = refuse_start
    reply = await post(system, "/start", COUNT)
    assert reply.body == '{"error":"fork/exec \\u003ca\\u003e\\u0026ü\\\\x0a: x"}\n'.encode()


@pytest.mark.parametrize("path", PATHS)
async def test_other_methods_and_routes(system: System, path: str) -> None:
    """workers W5."""
    options = await system.door.ask("OPTIONS", path)
    assert (options.status, options.body, options.headers["allow"]) == (200, b"", "OPTIONS, POST")
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
        reply = await system.door.ask(method, path)
        assert (reply.status, reply.headers["allow"]) == (405, "OPTIONS, POST")
    slashed = await system.door.ask("POST", path + "/", b"{}")
    assert (slashed.status, slashed.headers["location"]) == (307, path)
    assert (await system.door.ask("POST", path + "/more", b"{}")).status == 404


async def test_the_first_check_that_fails_answers(system: System) -> None:
    """workers W4: host and origin, credentials, body, worker, job."""
    assert await failure(system, "/stop", b"nope", host="evil", origin="null") == ("host not allowed", "host_not_allowed")
    assert await failure(system, "/stop", b"nope", origin="null") == ("cross-site request refused", "cross_site")
    assert (await failure(system, "/stop", b"nope"))[0] == "body is not valid JSON"
    assert (await failure(system, "/stop", about(UNKNOWN, UNKNOWN)))[0] == "worker not found"


async def test_a_worker_that_takes_no_work_says_so_before_the_command_is_looked_at(system: System) -> None:
    """workers W4: worker connected, worker taking work, then command and path."""
    nothing = {"worker_id": WORKER_ID}
    await system.worker.announce(WorkerState.DRAINING)
    await system.knows(WORKER_ID, WorkerState.DRAINING)
    assert (await failure(system, "/start", nothing))[0] == "worker draining"
    assert (await failure(system, "/stop", nothing))[0] == "job not found"


async def test_no_request_waits_for_another_worker(system: System) -> None:
    """workers W7."""
    other = system.worker.__class__(system.worker.bus, id="other one, ü")
    await other.bus.serve(other.id, other.answer)
    await other.announce()
    await system.knows(other.id, WorkerState.READY)
    asked, let = asyncio.Event(), asyncio.Event()

    async def hang(start: Start) -> Answered:
        asked.set()
        await let.wait()
        return Refused(code="start_failed", message=f"late {start.attempt}")

    system.worker.on_start = hang
    hanging = asyncio.ensure_future(failure(system, "/start", COUNT))
    await asked.wait()
    reply = await post(system, "/start", COUNT | {"worker_id": other.id})
    job_id = json.loads(reply.body)["job_id"]
    assert (await post(system, "/query", about(job_id, other.id))).status == 200
    assert (await post(system, "/stop", about(job_id, other.id))).status == 200
    assert not hanging.done()
    let.set()
    assert (await hanging)[0] == "late 1"


async def test_a_start_without_an_answer_is_told_and_never_guessed(system: System) -> None:
    """The failure texts; workers L6."""

    async def hang(_start: Start) -> Answered:
        return await asyncio.Future()

    system.worker.on_start = hang
    assert await failure(system, "/start", COUNT) == ("worker not answering", "worker_not_answering")


async def test_a_client_that_hangs_up_cancels_no_stop(system: System) -> None:
    """workers K3: the stop is carried out, and whoever asks next shares its answer."""
    asked, let = asyncio.Event(), asyncio.Event()

    async def slowly(stop: Stop) -> Answered:
        asked.set()
        await let.wait()
        await system.worker.end(stop.job_id, EndReason.STOPPED, signal=15)
        return Answer()

    system.worker.on_stop = slowly
    job_id = await started(system)
    async with system.door.line() as line:
        await line.send(request("POST", "/stop", json.dumps(about(job_id)).encode()))
        await asked.wait()
    waiting = asyncio.ensure_future(post(system, "/stop", about(job_id)))
    let.set()
    assert (await waiting).body == b'{"success":true}\n'


async def test_requests_may_follow_each_other_on_one_connection(system: System) -> None:
    job_id = await started(system)
    body = json.dumps(about(job_id)).encode()
    async with system.door.line() as line:
        await line.send(request("POST", "/query", body) * 3)
        for _ in range(3):
            assert (await line.reply()).body == b'{"done":false,"error":false,"error_text":""}\n'


def test_a_fault_of_ours_says_nothing_of_itself() -> None:
    assert refuse(TriptychError("internal error"), None).body == b'{"error":"internal error"}\n'  # type: ignore[arg-type]


def ended(reason: EndReason, **how: object) -> str:
    job = Job(id="1", kind="command", spec={}, created_at=None, end=End(reason=reason, **how))  # type: ignore[arg-type]
    return error_text(job)


@pytest.mark.parametrize(
    ("reason", "how", "text"),
    [
        ("exited", {"exit_code": 0}, ""),
        ("exited", {"exit_code": 3}, "exit status 3"),
        ("exited", {"exit_code": 127}, "exit status 127"),
        ("exited", {"signal": 15}, "signal: terminated"),
        ("exited", {"signal": 11, "core_dumped": True}, "signal: segmentation fault (core dumped)"),
        ("exited", {"signal": 40}, "signal: signal 40"),
        ("stopped", {"exit_code": 0}, "signal: killed"),
        ("stopped", {"signal": 15}, "signal: killed"),
        ("timed_out", {"signal": 9}, "signal: killed (timed out)"),
        ("out_of_memory", {"signal": 9}, "signal: killed (out of memory)"),
        ("worker_lost", {}, "worker lost"),
        ("never_started", {"fault": Fault(code="x", message="exec: no command")}, "never started: exec: no command"),
    ],
)
def test_an_end_is_told_by_the_table(reason: str, how: dict[str, object], text: str) -> None:
    """workers W11."""
    assert ended(EndReason(reason), **how) == text


def test_signals_have_the_documented_names() -> None:
    """workers W12."""
    assert len(SIGNALS) == 31
    known = {
        1: "hangup",
        9: "killed",
        15: "terminated",
        19: "stopped (signal)",
        20: "stopped",
        24: "CPU time limit exceeded",
        31: "bad system call",
    }
    assert {number: signal_name(number) for number in known} == known
    assert signal_name(40) == "signal 40"


def test_a_text_is_one_line_of_at_most_512_bytes() -> None:
    """workers W3."""
    assert one_line("a\nb\x00\x1b[0m\x7f") == "a\\x0ab\\x00\\x1b[0m\\x7f"
    assert len(one_line("ü" * 1000).encode()) == 512
