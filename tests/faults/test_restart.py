"""What a restart keeps, and what a running system shows of itself to the network."""

import json
from pathlib import Path

import httpx

from faults import calls
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


def test_nothing_but_the_server_listens_and_only_on_loopback(system: System) -> None:
    """workers L1, embedded: the worker, its fork servers, its shims and its jobs listen on no network."""
    system.start()
    calls.start(system, "sleep", "600")
    found = {pid: _listeners(pid) for pid in users_of(system.folder)}
    assert len(found) > 4
    assert found.pop(system.process.pid) == {f"0100007F:{system.port:04X}"}
    assert set().union(*found.values()) == set()


def _workers(system: System) -> list[dict[str, str]]:
    workers: list[dict[str, str]] = json.loads(httpx.get(f"{system.url}/api/v1/workers", trust_env=False).text)["workers"]
    return workers


def _listeners(pid: int) -> set[str]:
    """Return the local addresses, in the kernel's spelling, at which a process can be reached from a network."""
    inodes = {link.readlink().name.removeprefix("socket:") for link in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for table in TABLES for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
    return {row[1] for row in rows if f"[{row[9]}]" in inodes and row[3] in {LISTEN, "07"}}
