"""What a restart keeps, and what a running system shows of itself to the network."""

import json
from pathlib import Path

import httpx

from faults import calls
from faults.clip import make_long_clip
from faults.system import WORKER, System, users_of

LISTEN = "0A"
TABLES = ("tcp", "tcp6", "udp", "udp6")


def test_a_restarted_system_keeps_its_worker_its_registry_and_its_ended_jobs(system: System) -> None:
    """workers L2: no id changes, whether it was killed or ended."""
    system.start()
    job_id = calls.submit(system, "sh", "-c", "echo kept; exit 5")
    ended, kept = calls.ended(system, job_id), calls.output(system, job_id)
    for end in (system.kill, lambda: system.stop(10)):
        end()
        system.start()
        assert [worker["id"] for worker in _workers(system)] == [WORKER]
        assert calls.record(system, job_id) == ended
        assert calls.output(system, job_id) == kept == b"kept\n"


def test_a_killed_system_keeps_its_answers_its_workflows_and_what_a_media_job_left(system: System) -> None:
    """media G9, W1, T1: the same key and body give the first answer; a deleted job takes its recordings along."""
    make_long_clip(system.media / "clip.mp4", 50)
    system.start()
    body = {"inputUri": "clip.mp4", "features": ["SHOT_CHANGE_DETECTION"]}
    first = _post(system, "/api/ai/jobs", body)
    workflow = _post(system, "/api/ai/workflows", {"name": "w", "videoContext": {"shotDetectionConfig": {"enabled": True}}})
    system.kill()
    system.start()
    assert _post(system, "/api/ai/jobs", body) == first
    assert [job["_id"] for job in httpx.get(f"{system.url}/api/ai/jobs", trust_env=False).json()] == [first["name"]]
    assert httpx.get(f"{system.url}/api/ai/workflows", trust_env=False).json() == [workflow]
    left = system.data / "media" / first["name"]
    left.mkdir(parents=True)
    assert httpx.delete(f"{system.url}/api/ai/jobs/{first['name']}", trust_env=False, timeout=30).json() == {}
    assert not left.exists()


def test_nothing_but_the_server_listens_and_only_on_loopback(system: System) -> None:
    """workers L1, embedded: the worker, its fork servers, its shims and its jobs listen on no network."""
    system.start()
    calls.start(system, "sleep", "600")
    found = {pid: _listeners(pid) for pid in users_of(system.folder)}
    assert len(found) > 4
    assert found.pop(system.process.pid) == {f"0100007F:{system.port:04X}"}
    assert set().union(*found.values()) == set()


def _post(system: System, path: str, body: object) -> dict[str, str]:
    answer = httpx.post(f"{system.url}{path}", json=body, headers={"idempotency-key": "k"}, trust_env=False, timeout=30)
    assert answer.status_code == httpx.codes.OK, answer.text
    told: dict[str, str] = answer.json()
    return told


def _workers(system: System) -> list[dict[str, str]]:
    workers: list[dict[str, str]] = json.loads(httpx.get(f"{system.url}/api/v1/workers", trust_env=False).text)["workers"]
    return workers


def _listeners(pid: int) -> set[str]:
    """Return the local addresses, in the kernel's spelling, at which a process can be reached from a network."""
    inodes = {link.readlink().name.removeprefix("socket:") for link in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for table in TABLES for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
    return {row[1] for row in rows if f"[{row[9]}]" in inodes and row[3] in {LISTEN, "07"}}
