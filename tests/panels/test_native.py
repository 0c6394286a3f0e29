import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from panels.door import Line, Reply, request
from panels.system import WORKER_ID, System
from triptych.messages import Progress, Refused, Start, Stop
from triptych.messages import Reply as Answered
from triptych.model import EndReason, State, Submission, WorkerState

UNKNOWN = "00000000-0000-4000-8000-000000000000"
TRUE = {"worker_id": WORKER_ID, "command": "true"}
MEDIA = Submission(kind="annotate", spec={"input_uri": "/a.mp4", "features": ["IN_BLACK"]})


async def ask(system: System, method: str, path: str, body: object = None, **headers: str) -> Reply:
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return await system.door.ask(method, f"/api/v1/{path}", data, **headers)


async def read(system: System, path: str) -> Any:
    reply = await ask(system, "GET", path)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    return json.loads(reply.body)


async def submitted(system: System, state: State = State.RUNNING, **fields: object) -> str:
    reply = await ask(system, "POST", "jobs", TRUE | fields)
    assert reply.status == 201, reply.body
    job_id = json.loads(reply.body)["id"]
    await system.job(job_id, state)
    return job_id


async def problem(system: System, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str, str | None]:
    reply = await ask(system, method, path, body, **headers)
    told = json.loads(reply.body)
    assert reply.headers["content-type"] == "application/problem+json"
    assert (told["type"], told["status"]) == ("about:blank", reply.status)
    assert told["title"]
    assert told["detail"]
    return reply.status, told["code"], told.get("field")


async def test_a_submitted_job_runs_and_can_be_read(system: System) -> None:
    """workers 7, N0."""
    asked = {
        "command": "bash",
        "args": ["-c", "echo $A"],
        "env": {"A": "1"},
        "cwd": "root",
        "stdin": "x",
        "timeout_s": 60,
        "grace_s": 2,
        "merge_output": True,
        "umask": "022",
        "priority": 7,
        "queue_s": 60.0,
        "strict_limits": False,
        "leftovers": "wait",
        "needs_setuid": True,
        "limits": {"memory_bytes": 1048576},
        "retry": {"max_attempts": 2, "backoff_s": 3.0, "factor": 1.0, "max_backoff_s": 9.0, "on": ["signal"]},
    }
    reply = await ask(system, "POST", "jobs", TRUE | asked)
    made = json.loads(reply.body)
    assert (reply.status, reply.headers["location"]) == (201, f"/api/v1/jobs/{made['id']}")
    await system.job(made["id"], State.RUNNING)
    record = await read(system, f"jobs/{made['id']}")
    wanted = asked | {"umask": "0022", "state": "running", "worker_id": WORKER_ID, "pid": 4711, "attempt": 1}
    assert {name: record[name] for name in wanted} == wanted
    assert datetime.fromisoformat(record["created_at"]) <= datetime.fromisoformat(record["started_at"])
    assert record["created_at"].endswith("Z")
    assert system.worker.started[0].spec["argv"] == ["bash", "-c", "echo $A"]
    assert system.worker.started[0].spec["umask"] == 0o022


async def test_labels_find_a_worker_and_priority_orders_the_queue(system: System) -> None:
    job_id = json.loads((await ask(system, "POST", "jobs", {"labels": {"gpu": "1"}, "command": "true"})).body)["id"]
    assert (await read(system, f"jobs/{job_id}"))["state"] == "queued"
    assert (await read(system, f"jobs/{job_id}"))["labels"] == {"gpu": "1"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"command": ""}, "command"),
        ({"command": "a\0b"}, "command"),
        ({"command": "ü" * 3000}, "command"),
        ({"command": 7}, "command"),
        ({"args": ["ok", 7]}, "args[1]"),
        ({"args": ["a\0"]}, "args[0]"),
        ({"args": ["x"] * 1025}, "args"),
        ({"args": ["x" * 131072]}, "args"),
        ({"env": {"1A": "x"}}, "env"),
        ({"env": {"A": "x" * 65536}}, "env"),
        ({"stdin": "x" * (1024 * 1024 + 1)}, "stdin"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"grace_s": 3601}, "grace_s"),
        ({"priority": 140}, "priority"),
        ({"umask": "8"}, "umask"),
        ({"kind": "annotate"}, "kind"),
        ({"labels": {}}, "worker_id"),
        ({"surprise": 1}, "surprise"),
        ({"script": ""}, "script"),
        ({"script": "a\0"}, "script"),
        ({"script": "ü" * 3000}, "script"),
        ({"env": {"A": {"secret": "TOKEN"}}}, "env.A"),
        ({"labels": {"a=b": "c"}}, "labels.a=b"),
        ({"queue_s": -1}, "queue_s"),
        ({"queue_s": 604801}, "queue_s"),
        ({"retry": {"max_attempts": 0}}, "retry.max_attempts"),
        ({"retry": {"max_attempts": 21}}, "retry.max_attempts"),
        ({"retry": {"on": ["stopped"]}}, "retry.on[0]"),
        ({"retry": {"factor": 0.5}}, "retry.factor"),
        ({"retry": {"backoff_s": -1}}, "retry.backoff_s"),
        ({"retry": {"surprise": 1}}, "retry.surprise"),
        ({"limits": {"memory_bytes": 0}}, "limits.memory_bytes"),
        ({"limits": {"cpu": 0.01}}, "limits.cpu"),
        ({"limits": {"surprise": 1}}, "limits.surprise"),
        ({"strict_limits": 1}, "strict_limits"),
        ({"leftovers": "keep"}, "leftovers"),
        ({"needs_setuid": "yes"}, "needs_setuid"),
    ],
)
async def test_a_field_that_does_not_fit_is_named(system: System, change: dict[str, object], field: str) -> None:
    """workers 7: well-formed but invalid is 422."""
    status, code, named = await problem(system, "POST", "jobs", TRUE | change)
    assert (status, code) == (422, "not_available_yet" if field == "env.A" else "invalid")
    assert named is not None
    assert named.startswith(field)


async def test_what_is_missing_unreadable_or_too_large_is_told_apart(system: System) -> None:
    """workers 7: 400, 413, 422."""
    assert await problem(system, "POST", "jobs", {"worker_id": "x"}) == (422, "invalid", "command")
    assert await problem(system, "POST", "jobs", {"command": "x"}) == (422, "invalid", "worker_id")
    assert await problem(system, "POST", "jobs", []) == (422, "invalid", None)
    assert (await problem(system, "POST", "jobs", b"{"))[:2] == (400, "body_truncated")
    assert (await problem(system, "POST", "jobs", b'{"a":\xff}'))[:2] == (400, "body_not_json")
    assert (await problem(system, "POST", "jobs", b" " * (4 * 1024 * 1024 + 1)))[:2] == (413, "too_large")


async def test_a_worker_that_takes_no_jobs_refuses_and_a_lost_one_lets_them_queue(system: System) -> None:
    """workers 6: 404, 409, and queued for a worker without a link."""
    assert (await problem(system, "POST", "jobs", TRUE | {"worker_id": "nobody"}))[:2] == (404, "worker_not_found")
    await system.worker.announce(WorkerState.DRAINING)
    await system.knows(WORKER_ID, WorkerState.DRAINING)
    assert (await problem(system, "POST", "jobs", TRUE))[:2] == (409, "worker_draining")
    await system.worker.bus.leave(WORKER_ID)
    await system.knows(WORKER_ID, WorkerState.LOST)
    reply = await ask(system, "POST", "jobs", TRUE)
    assert (reply.status, json.loads(reply.body)["state"]) == (201, "queued")


async def test_a_repeated_key_gives_the_same_job(system: System) -> None:
    """workers 7: 200 when repeated with the same key and body, 409 with another body."""
    first = await ask(system, "POST", "jobs", TRUE, idempotency_key="k")
    again = await ask(system, "POST", "jobs", TRUE, idempotency_key="k")
    assert (first.status, again.status) == (201, 200)
    assert json.loads(first.body)["id"] == json.loads(again.body)["id"]
    assert (await problem(system, "POST", "jobs", TRUE | {"args": ["x"]}, idempotency_key="k"))[:2] == (409, "key_reused")
    assert await problem(system, "POST", "jobs", TRUE, idempotency_key="a b") == (400, "invalid_parameter", "Idempotency-Key")


async def test_jobs_of_every_kind_are_listed_in_pages(system: System) -> None:
    commands = [await submitted(system) for _ in range(3)]
    media = (await system.engine.submit(MEDIA)).id
    seen, cursor = [], ""
    while cursor is not None:
        page = await read(system, f"jobs?limit=2{cursor and '&cursor=' + cursor}")
        seen += [record["id"] for record in page["jobs"]]
        cursor = page["cursor"]
    assert seen == [media, *reversed(commands)]
    assert (await read(system, "jobs?kind=annotate"))["jobs"][0]["spec"]["input_uri"] == "/a.mp4"


async def test_a_listing_is_filtered(system: System) -> None:
    live, over = await submitted(system), await submitted(system)
    await system.worker.end(over, exit_code=3)
    ended = await system.job(over, State.ENDED)

    async def ids(query: str) -> list[str]:
        return [record["id"] for record in (await read(system, f"jobs?{query}"))["jobs"]]

    assert await ids("state=running") == [live]
    assert await ids("state=ended,paused&end_reason=exited") == [over]
    assert await ids(f"worker={WORKER_ID}&origin=api") == [over, live]
    assert await ids("worker=other") == []
    moment = ended.created_at.isoformat().replace("+", "%2B")
    assert await ids(f"since={moment}") == [over]
    assert await ids(f"until={moment}") == [live]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("state=nonesuch", "state"),
        ("state=", "state"),
        ("kind=x", "kind"),
        ("since=2024-01-01T00:00:00", "since"),
        ("surprise=1", "surprise"),
        ("limit=1&limit=2", None),
    ],
)
async def test_a_wrong_parameter_is_refused(system: System, query: str, field: str | None) -> None:
    """workers 7: 400."""
    status, code, named = await problem(system, "GET", f"jobs?{query}")
    assert (status, code, (named or "").partition("[")[0] or None) == (400, "invalid_parameter", field)


async def test_a_cursor_that_is_not_ours_is_refused(system: System) -> None:
    assert await problem(system, "GET", "jobs?cursor=x") == (400, "invalid_parameter", "cursor")


async def test_reading_waits_for_the_end(system: System) -> None:
    job_id = await submitted(system)
    assert (await read(system, f"jobs/{job_id}?wait_s=0.01"))["state"] == "running"
    waiting = asyncio.ensure_future(read(system, f"jobs/{job_id}?wait_s=60"))
    await system.worker.end(job_id, signal=11, core_dumped=True)
    record = await waiting
    assert (record["state"], record["end_reason"], record["signal"], record["core_dumped"]) == ("ended", "exited", 11, True)


async def test_an_unchanged_record_is_not_sent_again(system: System) -> None:
    job_id = await submitted(system)
    tag = (await ask(system, "GET", f"jobs/{job_id}")).headers["etag"]
    same = await ask(system, "GET", f"jobs/{job_id}", if_none_match=f'"x", {tag}')
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", tag)
    await system.worker.end(job_id, exit_code=0)
    await system.job(job_id, State.ENDED)
    assert (await ask(system, "GET", f"jobs/{job_id}", if_none_match=tag)).status == 200


async def test_a_job_is_paused_resumed_and_stopped(system: System) -> None:
    job_id = await submitted(system)
    for verb, state in (("pause", "paused"), ("pause", "paused"), ("resume", "running"), ("stop", "ended"), ("stop", "ended")):
        reply = await ask(system, "POST", f"jobs/{job_id}/{verb}")
        assert (reply.status, json.loads(reply.body)["state"]) == (200, state)
    record = await read(system, f"jobs/{job_id}")
    assert (record["end_reason"], record["stopped_by"], record["signal"]) == ("stopped", "api", 15)
    assert (await problem(system, "POST", f"jobs/{job_id}/pause"))[:2] == (409, "job_ended")


async def test_a_stop_that_takes_long_answers_in_time_and_goes_on(system: System) -> None:
    let = asyncio.Event()

    async def slowly(stop: Stop) -> Answered:
        await let.wait()
        await system.worker.end(stop.job_id, EndReason.STOPPED, signal=9)
        return Refused(code="job_not_found", message="gone")

    system.worker.on_stop = slowly
    job_id = await submitted(system)
    reply = await ask(system, "POST", f"jobs/{job_id}/stop", {"grace_s": 0, "wait_s": 0})
    assert reply.status == 200
    assert json.loads(reply.body)["state"] in {"running", "stopping"}
    let.set()
    assert (await read(system, f"jobs/{job_id}?wait_s=60"))["state"] == "ended"


async def test_a_stop_that_is_not_confirmed_asks_to_try_again(system: System) -> None:
    async def survive(_stop: Stop) -> Answered:
        return Refused(code="stop_not_confirmed", message="stop not confirmed: 1 alive")

    system.worker.on_stop = survive
    job_id = await submitted(system)
    reply = await ask(system, "POST", f"jobs/{job_id}/stop")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert (await problem(system, "POST", f"jobs/{job_id}/stop", {"wait_s": 61})) == (422, "invalid", "wait_s")


async def test_a_start_that_failed_is_told_in_the_record(system: System) -> None:
    async def refuse(_start: Start) -> Answered:
        return Refused(code="start_failed", message="exec: no command")

    system.worker.on_start = refuse
    job_id = await submitted(system, State.ENDED)
    record = await read(system, f"jobs/{job_id}")
    assert (record["end_reason"], record["error"]["message"]) == ("never_started", "exec: no command")


async def test_a_repeated_key_gives_a_job_that_never_started_too(system: System) -> None:
    async def refuse(_start: Start) -> Answered:
        return Refused(code="start_failed", message="exec: no command")

    system.worker.on_start = refuse
    made = json.loads((await ask(system, "POST", "jobs", TRUE, idempotency_key="k")).body)
    await system.job(made["id"], State.ENDED)
    again = await ask(system, "POST", "jobs", TRUE, idempotency_key="k")
    assert (again.status, json.loads(again.body)["end_reason"]) == (200, "never_started")


@pytest.mark.parametrize("path", ["jobs/{}", "jobs/{}/output", "jobs/{}/events"])
async def test_an_unknown_job_is_404(system: System, path: str) -> None:
    assert (await problem(system, "GET", path.format(UNKNOWN)))[:2] == (404, "job_not_found")
    for verb in ("stop", "pause", "resume"):
        assert (await problem(system, "POST", f"jobs/{UNKNOWN}/{verb}"))[:2] == (404, "job_not_found")


async def next_event(line: Line) -> dict[str, Any]:
    while True:
        lines = (await line.chunk()).decode().splitlines()
        fields = dict(text.split(": ", 1) for text in lines if text)
        if "data" in fields:
            return {"id": fields["id"], "event": fields["event"], **json.loads(fields["data"])}


async def test_a_jobs_events_are_sent_from_its_beginning_to_its_end(system: System) -> None:
    job_id = await submitted(system)
    async with system.door.line() as line:
        await line.send(request("GET", f"/api/v1/jobs/{job_id}/events"))
        await line.reader.readuntil(b"\r\n\r\n")
        states = [(await next_event(line))["state"] for _ in range(2)]
        await system.worker.report(job_id, Progress(parts={"x": 50.0}))
        progress = await next_event(line)
        await system.worker.end(job_id, exit_code=0)
        last = await next_event(line)
        assert await line.chunk() == b""
    assert states == ["starting", "running"]
    assert (progress["event"], progress["data"], last["state"]) == ("progress", {"x": 50.0}, "ended")


async def test_events_are_resumed_without_gap_or_repeat(system: System) -> None:
    """engine.md 3: resumable by Last-Event-ID."""
    async with system.door.line() as line:
        await line.send(request("GET", "/api/v1/events"))
        await line.reader.readuntil(b"\r\n\r\n")
        assert b"retry" in await line.chunk()
        first = await submitted(system)
        seen = [await next_event(line) for _ in range(2)]
    second = await submitted(system)
    for path, headers in (("events", {"last_event_id": seen[0]["id"]}), (f"events?after={seen[0]['id']}", {})):
        async with system.door.line() as line:
            await line.send(request("GET", f"/api/v1/{path}", **headers))
            await line.reader.readuntil(b"\r\n\r\n")
            later = [await next_event(line) for _ in range(3)]
        assert [int(event["id"]) for event in later] == [int(seen[1]["id"]) + step for step in range(3)]
        assert [event["job_id"] for event in later] == [first, second, second]
    for wrong in ("x", "-1", "9" * 17):
        assert await problem(system, "GET", "events", last_event_id=wrong) == (400, "invalid_parameter", "Last-Event-ID")


async def test_workers_are_listed_and_read(system: System) -> None:
    listed = (await read(system, "workers"))["workers"]
    assert [worker["id"] for worker in listed] == [WORKER_ID]
    assert await read(system, f"workers/{WORKER_ID}") == listed[0]
    assert (listed[0]["state"], listed[0]["slots"]["command"]) == ("ready", 4)
    assert (await problem(system, "GET", "workers/nobody"))[:2] == (404, "worker_not_found")


async def test_a_worker_is_drained_and_takes_work_again(system: System) -> None:
    """workers L9, 7: its jobs go on, nothing new comes to it."""
    job_id = await submitted(system)
    drained = json.loads((await ask(system, "POST", f"workers/{WORKER_ID}/drain")).body)
    assert (drained["state"], drained["slots_used"]["command"]) == ("draining", 1)
    assert await read(system, f"workers/{WORKER_ID}") == drained
    assert (await problem(system, "POST", "jobs", TRUE))[:2] == (409, "worker_draining")
    assert (await read(system, f"jobs/{job_id}"))["state"] == "running"
    assert json.loads((await ask(system, "POST", f"workers/{WORKER_ID}/undrain")).body)["state"] == "ready"
    await submitted(system)


async def test_a_worker_is_removed_once_it_has_no_live_job(system: System) -> None:
    """workers L9, 6, 7: its ended jobs stay readable, and the documented calls know it no more."""
    job_id = await submitted(system)
    status, code, _ = await problem(system, "DELETE", f"workers/{WORKER_ID}")
    assert (status, code) == (409, "worker_has_jobs")
    await ask(system, "POST", f"jobs/{job_id}/stop")
    removed = await ask(system, "DELETE", f"workers/{WORKER_ID}")
    assert (removed.status, json.loads(removed.body)["state"]) == (200, "removed")
    assert (await problem(system, "GET", f"workers/{WORKER_ID}"))[:2] == (404, "worker_not_found")
    assert (await problem(system, "POST", "jobs", TRUE))[:2] == (404, "worker_not_found")
    assert (await read(system, "workers"))["workers"] == []
    assert (await read(system, f"jobs/{job_id}"))["end_reason"] == "stopped"
    for path in ("/start", "/stop", "/query"):
        reply = await system.door.ask("POST", path, json.dumps({"worker_id": WORKER_ID, "command": "x", "job_id": job_id}).encode())
        assert (reply.status, reply.body) == (500, b'{"error":"worker not found"}\n')


@pytest.mark.parametrize(("method", "verb"), [("POST", "/drain"), ("POST", "/undrain"), ("DELETE", "")])
async def test_a_worker_that_is_not_there_is_not_changed(system: System, method: str, verb: str) -> None:
    assert (await problem(system, method, f"workers/nobody{verb}"))[:2] == (404, "worker_not_found")


async def test_a_job_that_may_not_wait_is_refused_when_it_would_have_to(system: System) -> None:
    """workers 6, 7: 503 with Retry-After, and nothing is kept."""
    await system.worker.announce(slots={"command": 1})
    await submitted(system, queue_s=0)
    now_or_never = TRUE | {"queue_s": 0}
    refused = await ask(system, "POST", "jobs", now_or_never)
    assert (refused.status, refused.headers["retry-after"], json.loads(refused.body)["code"]) == (503, "1", "worker_busy")
    elsewhere = {"command": "true", "labels": {"gpu": "1"}, "queue_s": 0}
    assert (await problem(system, "POST", "jobs", elsewhere))[:2] == (503, "worker_busy")
    await system.worker.bus.leave(WORKER_ID)
    await system.knows(WORKER_ID, WorkerState.LOST)
    assert (await problem(system, "POST", "jobs", now_or_never))[:2] == (503, "worker_not_connected")
    assert len((await read(system, "jobs"))["jobs"]) == 1


async def test_guards_and_unknown_routes_are_told_as_problems(system: System) -> None:
    assert (await problem(system, "GET", "jobs", origin="null"))[:2] == (403, "cross_site")
    assert (await problem(system, "GET", "nonesuch"))[:2] == (404, "route_not_found")
    assert (await problem(system, "GET", "schedules"))[:2] == (404, "route_not_found")
    assert (await problem(system, "POST", "fanouts", {}))[:2] == (404, "route_not_found")
    assert (await problem(system, "PUT", "jobs"))[:2] == (405, "method_not_allowed")


@pytest.mark.parametrize("field", ["script", "cwd"])
async def test_a_path_that_the_worker_refuses_is_forbidden_and_stays_in_the_history(system: System, field: str) -> None:
    """workers 7: 403, path not allowed; a repeat is told the same."""

    async def refuse(_start: Start) -> Answered:
        return Refused(code="path_outside", message="path outside the worker root")

    system.worker.on_start = refuse
    for _ in range(2):
        assert await problem(system, "POST", "jobs", TRUE | {field: "../x"}, **{"idempotency-key": "once"}) == (403, "path_outside", None)
    (record,) = (await read(system, "jobs"))["jobs"]
    assert (record["end_reason"], record["error"]["code"], len(system.worker.started)) == ("never_started", "path_outside", 1)
