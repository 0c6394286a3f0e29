"""Requests that come twice, out of order, or whose answer nobody took: F6 of the workers panel, and two thousand at once."""

import asyncio
import json
import socket
from collections import Counter
from uuid import uuid4

import httpx
import pytest

from faults import calls
from faults.system import WORKER, System, wait_until

BOUND_S = 60.0
TIMES = 16
CROWD = 2000
CLIENTS = 32
MARK = 'echo "$TRIPTYCH_JOB_ID $TRIPTYCH_ATTEMPT" >> {folder}/evidence'
SLEEPER = MARK + "\nexec sleep 600"
START = {"worker_id": WORKER, "command": "sh", "path": "sleeper.sh"}


@pytest.fixture
def up(system: System) -> System:
    system.script("sleeper.sh", SLEEPER)
    system.script("mark.sh", MARK)
    system.start()
    return system


async def test_a_start_sent_by_sixteen_clients_with_one_key_runs_once(up: System) -> None:
    """workers W8, I1, I6 (F6)."""
    key = str(uuid4())
    async with _client(up) as client:
        answers = await asyncio.gather(*(client.post("/start", json=START, headers={"Idempotency-Key": key}) for _ in range(TIMES)))
    assert {answer.status_code for answer in answers} == {201}
    (job_id,) = {answer.json()["job_id"] for answer in answers}
    wait_until(lambda: bool(up.evidence), BOUND_S, up.told)
    assert up.evidence == Counter({(job_id, 1): 1})


def test_a_start_whose_answer_was_lost_is_found_by_its_key(up: System) -> None:
    """workers W8, I1, I6 (F6): the client hangs up right after sending; the repeat finds what the first one did."""
    keys = [str(uuid4()) for _ in range(TIMES)]
    for key in keys:
        _send_and_hang_up(up, key)
    ids = {calls.post(up, "/start", START, **{"Idempotency-Key": key}).json()["job_id"] for key in keys}
    assert len(ids) == TIMES
    wait_until(lambda: len(up.evidence) >= TIMES, BOUND_S, up.told)
    assert up.evidence == Counter({(job_id, 1): 1 for job_id in ids})
    for job_id in ids:
        calls.stop(up, job_id)


async def test_stops_and_starts_doubled_and_out_of_order_leave_no_orphan(up: System) -> None:
    """workers K3, I1, I2, I6 (F6): while a start is answered its repeats and its stop are on the way already."""
    async with _client(up) as client:
        ids = await asyncio.gather(*(_start_and_stop_at_once(client) for _ in range(20)))
        states = [(await client.get(f"/api/v1/jobs/{job_id}")).json()["state"] for job_id in ids]
    assert len(set(ids)) == 20
    assert set(states) == {"ended"}
    assert set(up.evidence.values()) <= {1}
    assert {job_id for job_id, _ in up.evidence} <= set(ids)


async def test_parallel_stops_share_one_answer_and_hurt_no_other_job(up: System) -> None:
    """workers K3, I7 (F6)."""
    job_id, other = calls.start(up, "sh", "sleeper.sh"), calls.start(up, "sh", "sleeper.sh")
    async with _client(up) as client:
        body = {"worker_id": WORKER, "job_id": job_id}
        answers = await asyncio.gather(*(client.post("/stop", json=body) for _ in range(TIMES)))
    assert [answer.json() for answer in answers] == [{"success": True}] * TIMES
    assert calls.query(up, job_id) == calls.KILLED
    assert calls.query(up, other) == calls.RUNNING


async def test_two_thousand_jobs_at_once_each_run_once_to_their_end(up: System) -> None:
    """workers N0, I1, I3: submitted as fast as 32 clients can, queued beyond the slots, none lost and none twice."""
    body = {"kind": "command", "worker_id": WORKER, "command": "sh", "script": "mark.sh", "args": []}
    left = iter(range(CROWD))
    ids: set[str] = set()

    async def submit(client: httpx.AsyncClient) -> None:
        for _ in left:
            answer = await client.post("/api/v1/jobs", content=json.dumps(body))
            assert answer.status_code == 201, answer.text
            ids.add(answer.json()["id"])

    async with _client(up) as client:
        await asyncio.gather(*(submit(client) for _ in range(CLIENTS)))
        assert len(ids) == CROWD
        async with asyncio.timeout(BOUND_S):
            while (await _live(client)) > 0:
                await asyncio.sleep(0.1)
        ends = Counter([(record["end_reason"], record["exit_code"], record["attempt"]) async for record in _records(client)])
    assert ends == Counter({("exited", 0, 1): CROWD})
    assert up.evidence == Counter({(job_id, 1): 1 for job_id in ids})


def _client(system: System) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=CLIENTS)
    return httpx.AsyncClient(base_url=system.url, trust_env=False, timeout=BOUND_S, limits=limits)


async def _start_and_stop_at_once(client: httpx.AsyncClient) -> str:
    key = {"Idempotency-Key": str(uuid4())}
    first, second = await asyncio.gather(*(client.post("/start", json=START, headers=key) for _ in range(2)))
    job_id = first.json()["job_id"]
    body = {"worker_id": WORKER, "job_id": job_id}
    answers = await asyncio.gather(
        client.post("/stop", json=body), client.post("/start", json=START, headers=key), client.post("/stop", json=body)
    )
    assert {answer.status_code for answer in answers} == {200, 201}
    assert {second.json()["job_id"], answers[1].json()["job_id"]} == {job_id}
    return str(job_id)


def _send_and_hang_up(system: System, key: str) -> None:
    body = json.dumps(START).encode()
    head = f"POST /start HTTP/1.1\r\nHost: 127.0.0.1:{system.port}\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", system.port)) as line:
        line.sendall(head.encode() + body)


async def _live(client: httpx.AsyncClient) -> int:
    live = 0
    for state in ("queued", "starting", "running"):
        live += len((await client.get("/api/v1/jobs", params={"state": state, "limit": 1})).json()["jobs"])
    return live


async def _records(client: httpx.AsyncClient):
    asked = {"kind": "command", "limit": "500"}
    while True:
        page = (await client.get("/api/v1/jobs", params=asked)).raise_for_status().json()
        for record in page["jobs"]:
            yield record
        if not page.get("cursor"):
            return
        asked["cursor"] = page["cursor"]
