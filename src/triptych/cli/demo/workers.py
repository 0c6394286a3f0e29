"""The first part: a script on the local worker, stopped while it counts."""

import asyncio
import time

import httpx
from rich.text import Text

from triptych.cli.demo.outcome import Outcome, said
from triptych.cli.demo.screen import Compared, Screen

SCRIPT = {"command": "bash", "path": "worker/scripts/count.sh"}
KILLED = "signal: killed"
LINES_SEEN = 3
BOUND_S = 15.0
POLL_S = 0.1


async def show(client: httpx.AsyncClient, screen: Screen) -> Outcome:
    """Start count.sh, watch what it writes, stop it, and ask how it ended."""
    screen.head("workers", "a script, stopped while it counts")
    worker_id = await _worker(client)
    started = await client.post("/start", json={"worker_id": worker_id, **SCRIPT})
    job_id = said(started, "job_id")
    screen.call("POST /start  bash worker/scripts/count.sh", started.status_code, f"job {job_id[:8]}")
    written = await _watch_output(client, screen, job_id)
    await _stop(client, screen, worker_id, job_id)
    queried = await client.post("/query", json={"worker_id": worker_id, "job_id": job_id})
    end = queried.json()
    screen.call("POST /query", queried.status_code, str(end.get("error_text")))
    right = end == {"done": True, "error": True, "error_text": KILLED}
    rows = (_output(written), Compared("end", str(end.get("error_text")), KILLED, right))
    screen.compare(rows)
    return Outcome(panel="workers", rows=rows)


async def _worker(client: httpx.AsyncClient) -> str:
    answer = await client.get("/api/v1/workers")
    return str(answer.raise_for_status().json()["workers"][0]["id"])


async def _watch_output(client: httpx.AsyncClient, screen: Screen, job_id: str) -> list[str]:
    deadline = time.monotonic() + BOUND_S
    written = ""
    with screen.stage() as stage:
        while written.count("\n") < LINES_SEEN and time.monotonic() < deadline:
            answer = await client.get(f"/api/v1/jobs/{job_id}/output", params={"stream": "stdout", "offset": len(written)})
            written += answer.raise_for_status().text
            lines = " ".join(written.split())
            stage.show(Text(f"  stdout  {lines}"), f"  stdout  {lines}" if lines else "")
            await asyncio.sleep(POLL_S)
    return written.split()


async def _stop(client: httpx.AsyncClient, screen: Screen, worker_id: str, job_id: str) -> None:
    begun = time.monotonic()
    stopped = await client.post("/stop", json={"worker_id": worker_id, "job_id": job_id})
    took_ms = (time.monotonic() - begun) * 1000
    screen.call("POST /stop", stopped.status_code, f"success {str(stopped.json().get('success')).lower()} in {took_ms:.0f} ms")


def _output(written: list[str]) -> Compared:
    truth = [str(number) for number in range(1, len(written) + 1)]
    return Compared("output", " ".join(written), " ".join(truth), bool(written) and written == truth)
