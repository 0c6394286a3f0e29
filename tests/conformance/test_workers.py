"""The documented calls of the workers contract, replayed against `triptych up` (workers.md 2)."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.up import DOCUMENTED_WORKER, UpServer
from faults.system import job_processes

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = b"""{
  "worker_id": "d5feef60-3029-11e9-b210-d663bd873d93",
  "command": "bash",
  "path": "worker/scripts/count.sh"
}"""
STOP_OR_QUERY = b"""{
  "worker_id": "d5feef60-3029-11e9-b210-d663bd873d93",
  "job_id": "4c5ced1c-5ea9-40f8-90ce-63d09cea26f6"
}"""
DOCUMENTED_JOB = b"4c5ced1c-5ea9-40f8-90ce-63d09cea26f6"
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def post(up: UpServer, path: str, body: bytes | dict[str, str]) -> httpx.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await up.client.post(path, content=data)


async def start(up: UpServer, command: str, path: str = "") -> str:
    reply = await post(up, "/start", {"worker_id": DOCUMENTED_WORKER, "command": command, "path": path})
    assert reply.status_code == 201, reply.text
    return reply.json()["job_id"]


async def failed(up: UpServer, command: str, path: str = "") -> str:
    reply = await post(up, "/start", {"worker_id": DOCUMENTED_WORKER, "command": command, "path": path})
    assert reply.status_code == 500
    return reply.json()["error"]


async def query(up: UpServer, job_id: str) -> Any:
    reply = await post(up, "/query", {"worker_id": DOCUMENTED_WORKER, "job_id": job_id})
    assert reply.status_code == 200
    return reply.json()


async def record(up: UpServer, job_id: str, wait_s: float = 0) -> Any:
    return (await up.client.get(f"/api/v1/jobs/{job_id}", params={"wait_s": wait_s})).json()


async def pid_of(up: UpServer, job_id: str) -> int:
    while (pid := (await record(up, job_id))["pid"]) is None:
        pass
    return pid


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def script(up: UpServer, name: str, text: str) -> str:
    path = up.data / "root" / name
    path.write_text(text)
    return name


async def ended(up: UpServer, name: str, text: str) -> Any:
    job_id = await start(up, "bash", script(up, name, text))
    assert (await record(up, job_id, 30))["state"] == "ended"
    return await query(up, job_id)


async def test_the_documented_calls_run_verbatim(up: UpServer) -> None:
    """workers W13: the walk-through; only the job's id differs from the document."""
    started = await post(up, "/start", START)
    job_id = UUID.search(started.content)[0]  # type: ignore[index]  # or the test fails
    assert (started.status_code, started.content) == (201, b'{"job_id":"' + job_id + b'"}\n')
    body = STOP_OR_QUERY.replace(DOCUMENTED_JOB, job_id)
    alive = await post(up, "/query", body)
    assert (alive.status_code, alive.content) == (200, b'{"done":false,"error":false,"error_text":""}\n')
    stopped = await post(up, "/stop", body)
    assert (stopped.status_code, stopped.content) == (200, b'{"success":true}\n')
    over = await post(up, "/query", body)
    assert (over.status_code, over.content) == (200, b'{"done":true,"error":true,"error_text":"signal: killed"}\n')
    for reply in (started, alive, stopped, over):
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["content-length"] == str(len(reply.content))


@pytest.mark.parametrize(("path", "body"), [("/start", START), ("/stop", STOP_OR_QUERY), ("/query", STOP_OR_QUERY)])
async def test_an_unknown_worker_is_the_documented_error(up: UpServer, path: str, body: bytes) -> None:
    """workers W13: a worker id never registered."""
    reply = await post(up, path, body.replace(b"d5feef60", b"00000000"))
    assert (reply.status_code, reply.content) == (500, b'{"error":"worker not found"}\n')


@pytest.mark.parametrize("path", ["/stop", "/query"])
async def test_the_documented_job_id_is_of_no_job_here(up: UpServer, path: str) -> None:
    reply = await post(up, path, STOP_OR_QUERY)
    assert (reply.status_code, reply.content) == (500, b'{"error":"job not found"}\n')


@pytest.mark.parametrize("shell", ["bash", "sh"])
async def test_the_sample_script_counts_under_either_shell(up: UpServer, shell: str) -> None:
    """workers W13, O9: what it prints can be read while it runs."""
    job_id = await start(up, shell, "worker/scripts/count.sh")
    async with asyncio.timeout(30), up.client.stream("GET", f"/api/v1/jobs/{job_id}/output?follow=1") as answer:
        read = b""
        async for piece in answer.aiter_raw():
            read += piece
            if len(read) >= 4:
                break
    assert read.startswith(b"1\n2\n")
    assert (await post(up, "/stop", {"worker_id": DOCUMENTED_WORKER, "job_id": job_id})).json() == {"success": True}


@pytest.mark.parametrize(
    ("text", "error", "error_text"),
    [
        ("exit 0", False, ""),
        ("exit 3", True, "exit status 3"),
        ("kill -TERM $$", True, "signal: terminated"),
        ("kill -HUP $$", True, "signal: hangup"),
        ("kill -KILL $$", True, "signal: killed"),
        ("kill -40 $$", True, "signal: signal 40"),
    ],
)
async def test_an_end_is_told_by_the_table(up: UpServer, text: str, error: bool, error_text: str) -> None:  # noqa: FBT001 - a parameter
    """workers W11, W12."""
    assert await ended(up, "end.sh", text) == {"done": True, "error": error, "error_text": error_text}


async def test_a_missing_script_is_no_start_failure(up: UpServer) -> None:
    """workers W11, S4."""
    job_id = await start(up, "bash", "nosuch.sh")
    await record(up, job_id, 30)
    assert await query(up, job_id) == {"done": True, "error": True, "error_text": "exit status 127"}


async def test_a_start_that_cannot_be_says_why_and_is_kept(up: UpServer) -> None:
    """workers W6, W9 and the failure texts."""
    plain = up.data / "root" / "plain.txt"
    plain.write_text("text")
    plain.chmod(0o644)
    assert await failed(up, "") == "exec: no command"
    assert await failed(up, "nosuch") == 'exec: "nosuch": executable file not found in $PATH'
    assert await failed(up, "bash -x") == 'exec: "bash -x": executable file not found in $PATH'
    assert await failed(up, "/no/such") == "fork/exec /no/such: no such file or directory"
    assert await failed(up, str(plain)) == f"fork/exec {plain}: permission denied"
    assert await failed(up, "bash", "-c") == "path starts with a dash"
    assert await failed(up, "bash", "../../etc/passwd") == "path outside the worker root"
    newest = (await up.client.get("/api/v1/jobs?limit=1")).json()["jobs"][0]
    assert (newest["state"], newest["end_reason"], newest["origin"]) == ("ended", "never_started", "workers")
    assert await query(up, newest["id"]) == {
        "done": True,
        "error": True,
        "error_text": "never started: path outside the worker root",
    }


async def test_a_stop_is_answered_when_the_tree_is_dead(up: UpServer) -> None:
    """workers K1, K2."""
    text = "trap '' TERM\n(setsid sleep 300 &)\necho ready\nwhile :; do sleep 300; done\n"
    job_id = await start(up, "bash", script(up, "stubborn.sh", text))
    async with asyncio.timeout(30), up.client.stream("GET", f"/api/v1/jobs/{job_id}/output?follow=1&limit=6") as answer:
        assert await answer.aread() == b"ready\n"
    pids = {pid for pid, owner in job_processes() if owner == job_id}
    assert len(pids) == 3
    assert await pid_of(up, job_id) in pids
    reply = await up.client.post(f"/api/v1/jobs/{job_id}/stop", json={"grace_s": 0.2})
    assert reply.json()["end_reason"] == "stopped"
    assert not [pid for pid in pids if lives(pid)]


async def test_a_key_starts_once(up: UpServer) -> None:
    """workers W8."""
    replies = await asyncio.gather(*(up.client.post("/start", content=START, headers={"Idempotency-Key": "once"}) for _ in range(5)))
    assert {reply.status_code for reply in replies} == {201}
    (job_id,) = {reply.json()["job_id"] for reply in replies}
    await post(up, "/stop", STOP_OR_QUERY.replace(DOCUMENTED_JOB, job_id.encode()))
    assert (await up.client.post("/start", content=START, headers={"Idempotency-Key": "once"})).json()["job_id"] == job_id


async def test_an_outsiders_signal_is_told_as_itself(up: UpServer) -> None:
    """workers K4."""
    job_id = await start(up, "sleep", "300")
    os.kill(await pid_of(up, job_id), signal.SIGTERM)
    assert (await record(up, job_id, 30))["end_reason"] == "exited"
    assert (await query(up, job_id))["error_text"] == "signal: terminated"
