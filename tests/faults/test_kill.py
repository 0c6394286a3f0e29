"""A server killed with 200 starts and an annotation on the way loses nothing and starts nothing twice."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from faults.clip import make_long_clip
from faults.system import GONE_BOUND_S, READY_BOUND_S, WORKER, System, job_processes

STARTS = 200
CLIENTS = 16
ACCEPTED_BEFORE_THE_KILL = 80
CLIP_FRAMES = 8_000
ANNOTATION_BOUND_S = 90.0

Record = dict[str, Any]


async def test_a_killed_server_loses_no_accepted_job_and_starts_none_twice(system: System) -> None:
    """engine E1, E5; workers W6, K11; media J5: the annotation runs again once, commands go on."""
    make_long_clip(system.media / "long.mp4", CLIP_FRAMES)
    system.start()
    async with httpx.AsyncClient(base_url=system.url, timeout=30.0, trust_env=False) as client:
        annotation = await _annotate(client)
        accepted = await _start_until_killed(system, client)
    system.start()
    async with httpx.AsyncClient(base_url=system.url, timeout=30.0, trust_env=False) as client:
        commands = await _settled(client)
        _check_nothing_ran_twice(system)
        _check_nothing_was_lost(system, accepted, commands)
        await _check_answers(client, accepted, commands)
        await _check_annotation_ran_again(client, annotation)


async def _annotate(client: httpx.AsyncClient) -> str:
    body = {"inputUri": "/long.mp4", "features": ["IN_BLACK", "SHOT_CHANGE_DETECTION"]}
    answer = await client.post("/api/ai/jobs", json=body)
    assert answer.status_code == httpx.codes.OK, answer.text
    name = answer.json()["name"]
    async with asyncio.timeout(READY_BOUND_S):
        while (await _record(client, name))["state"] != "running":
            await asyncio.sleep(0.05)
    return str(name)


async def _start_until_killed(system: System, client: httpx.AsyncClient) -> set[str]:
    """Start 200 jobs at once; kill the server in their midst; return the ids that were answered with 201."""
    accepted: set[str] = set()
    enough, turns = asyncio.Event(), asyncio.Semaphore(CLIENTS)

    async def start() -> None:
        async with turns:
            try:
                answer = await client.post("/start", json={"worker_id": WORKER, "command": "sh", "path": "job.sh"})
            except httpx.TransportError:
                return
        assert answer.status_code == httpx.codes.CREATED, answer.text
        accepted.add(answer.json()["job_id"])
        if len(accepted) >= ACCEPTED_BEFORE_THE_KILL:
            enough.set()

    starts = [asyncio.create_task(start()) for _ in range(STARTS)]
    async with asyncio.timeout(READY_BOUND_S):
        await enough.wait()
    system.process.kill()
    await asyncio.gather(*starts)
    system.process.wait()
    assert len(accepted) < STARTS
    return accepted


async def _settled(client: httpx.AsyncClient) -> dict[str, Record]:
    """Return every command once each runs or is over."""
    async with asyncio.timeout(GONE_BOUND_S):
        while True:
            commands = {record["id"]: record for record in await _records(client, "command")}
            if {record["state"] for record in commands.values()} <= {"running", "ended"}:
                return commands
            await asyncio.sleep(0.05)


async def _record(client: httpx.AsyncClient, job_id: str) -> Record:
    record: Record = (await client.get(f"/api/v1/jobs/{job_id}")).raise_for_status().json()
    return record


async def _records(client: httpx.AsyncClient, kind: str) -> list[Record]:
    records: list[Record] = []
    asked: dict[str, str | int] = {"kind": kind, "limit": 50}
    while True:
        page = (await client.get("/api/v1/jobs", params=asked)).raise_for_status().json()
        records += page["jobs"]
        if not page.get("cursor"):
            return records
        asked["cursor"] = page["cursor"]


def _check_nothing_ran_twice(system: System) -> None:
    times = Counter(job_id for job_id, _ in system.evidence.elements())
    assert set(times.values()) == {1}
    assert {attempt for _, attempt in system.evidence} == {1}


def _check_nothing_was_lost(system: System, accepted: set[str], commands: dict[str, Record]) -> None:
    executed = {job_id for job_id, _ in system.evidence}
    assert accepted <= executed <= set(commands)
    alive = {job_id for _, job_id in job_processes() if job_id in executed}
    assert {job_id for job_id in executed if commands[job_id]["state"] == "running"} <= alive
    assert {commands[job_id]["end_reason"] for job_id in executed} == {None, "exited"}
    assert {commands[job_id]["end_reason"] for job_id in commands.keys() - executed} <= {"never_started"}


async def _check_answers(client: httpx.AsyncClient, accepted: set[str], commands: dict[str, Record]) -> None:
    for job_id in accepted:
        answer = (await client.post("/query", json={"worker_id": WORKER, "job_id": job_id})).json()
        assert answer == {"done": commands[job_id]["state"] == "ended", "error": False, "error_text": ""}


async def _check_annotation_ran_again(client: httpx.AsyncClient, name: str) -> None:
    async with asyncio.timeout(ANNOTATION_BOUND_S):
        while (record := await _record(client, name))["state"] != "ended":
            await asyncio.sleep(0.1)
    assert (record["end_reason"], record["attempt"]) == ("done", 2)
    told = (await client.get(f"/api/ai/jobs/{name}")).json()
    assert (told["status"], told["done"]) == ("done", True)
