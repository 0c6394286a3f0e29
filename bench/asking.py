"""The few requests that every bench makes, on one kept-alive connection."""

import json
from typing import Any

from bench.wire import Wire

OK, CREATED = 200, 201


async def start(wire: Wire, worker: str, command: str, path: str = "") -> str:
    """Start a job and return its id. Raises `RuntimeError` with what was answered instead."""
    return str((await _post(wire, "/start", CREATED, {"worker_id": worker, "command": command, "path": path}))["job_id"])


async def stop(wire: Wire, worker: str, job_id: str) -> None:
    """Stop a job and return when its tree is gone. Raises as `start`."""
    await _post(wire, "/stop", OK, {"worker_id": worker, "job_id": job_id})


async def is_done(wire: Wire, worker: str, job_id: str) -> bool:
    """Say whether a job is over. Raises as `start`."""
    return bool((await _post(wire, "/query", OK, {"worker_id": worker, "job_id": job_id}))["done"])


async def submit(wire: Wire, worker: str, command: str, *args: str, **fields: object) -> str:
    """Submit a native job and return its id. Raises as `start`."""
    body = {"kind": "command", "worker_id": worker, "command": command, "args": list(args), **fields}
    return str((await _post(wire, "/api/v1/jobs", CREATED, body))["id"])


async def record(wire: Wire, job_id: str) -> dict[str, Any]:
    """Return the record of a job. Raises as `start`."""
    return _checked(OK, *await wire.get(f"/api/v1/jobs/{job_id}"))


async def _post(wire: Wire, path: str, expected: int, body: dict[str, object]) -> dict[str, Any]:
    return _checked(expected, *await wire.post(path, json.dumps(body).encode()))


def _checked(expected: int, status: int, answer: bytes) -> dict[str, Any]:
    if status != expected:
        raise RuntimeError(f"answered {status} {answer.decode(errors='replace')}")
    found: dict[str, Any] = json.loads(answer)
    return found
