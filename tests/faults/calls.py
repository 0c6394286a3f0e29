"""What a client asks of a system that is under a fault, and what it was answered."""

from typing import Any

import httpx

from faults.system import WORKER, System

BOUND_S = 30.0
RUNNING = {"done": False, "error": False, "error_text": ""}
KILLED = {"done": True, "error": True, "error_text": "signal: killed"}

Record = dict[str, Any]


def post(system: System, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return httpx.post(f"{system.url}{path}", json=body, headers=headers, trust_env=False, timeout=BOUND_S)


def try_start(system: System, command: str, path: str = "") -> httpx.Response:
    return post(system, "/start", {"worker_id": WORKER, "command": command, "path": path})


def start(system: System, command: str, path: str = "") -> str:
    answer = try_start(system, command, path)
    assert answer.status_code == httpx.codes.CREATED, (answer.text, system.told())
    return str(answer.json()["job_id"])


def stop(system: System, job_id: str) -> None:
    answer = post(system, "/stop", {"worker_id": WORKER, "job_id": job_id})
    assert (answer.status_code, answer.json()) == (httpx.codes.OK, {"success": True}), system.told()


def query(system: System, job_id: str) -> Any:
    return post(system, "/query", {"worker_id": WORKER, "job_id": job_id}).json()


def submit(system: System, command: str, *args: str, **fields: Any) -> str:
    body = {"kind": "command", "worker_id": WORKER, "command": command, "args": list(args), **fields}
    answer = post(system, "/api/v1/jobs", body)
    assert answer.status_code == httpx.codes.CREATED, (answer.text, system.told())
    return str(answer.json()["id"])


def record(system: System, job_id: str, wait_s: float = 0) -> Record:
    answer = httpx.get(f"{system.url}/api/v1/jobs/{job_id}", params={"wait_s": wait_s}, trust_env=False, timeout=BOUND_S + wait_s)
    found: Record = answer.raise_for_status().json()
    return found


def ended(system: System, job_id: str, wait_s: float = BOUND_S) -> Record:
    """Return the record of a job that ends within `wait_s`."""
    found = record(system, job_id, wait_s)
    assert found["state"] == "ended", (found, system.told())
    return found


def output(system: System, job_id: str, stream: str = "stdout") -> bytes:
    """Return all that is kept of a stream, gaps left out."""
    kept, offset = b"", 0
    while True:
        asked = {"stream": stream, "offset": offset, "limit": 4 << 20}
        url = f"{system.url}/api/v1/jobs/{job_id}/output"
        answer = httpx.get(url, params=asked, trust_env=False, timeout=BOUND_S).raise_for_status()
        kept += answer.content
        following = int(answer.headers["triptych-next-offset"])
        if answer.headers["triptych-complete"] == "true" or following == offset:
            return kept
        offset = following
