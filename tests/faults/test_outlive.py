"""Jobs outlive whatever runs them: the server, its agent, and both at once."""

import os
import signal
from pathlib import Path
from typing import Any

import httpx

from faults.system import WORKER, System, wait_until

ROUNDS = 10
JOBS = 6
BOUND_S = 30.0
TICKS = """\
trap 'exit 7' USR1
count=0
while :; do
  count=$((count + 1))
  echo "line $count"
  echo "$count" > {marks}/$TRIPTYCH_JOB_ID
  sleep 0.05
done
"""


def _post(system: System, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{system.url}{path}", json=body, trust_env=False, timeout=30.0)


def _run(system: System, *argv: str, **spec: Any) -> str:
    answer = _post(system, "/api/v1/jobs", {"kind": "command", "worker_id": WORKER, "command": argv[0], "args": argv[1:], **spec})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["id"])


def _record(system: System, job_id: str, wait_s: int = 0) -> dict[str, Any]:
    answer = httpx.get(f"{system.url}/api/v1/jobs/{job_id}", params={"wait_s": wait_s}, trust_env=False, timeout=90.0)
    record: dict[str, Any] = answer.raise_for_status().json()
    return record


def _output(system: System, job_id: str) -> bytes:
    data = b""
    while True:
        asked = {"stream": "stdout", "offset": len(data)}
        answer = httpx.get(f"{system.url}/api/v1/jobs/{job_id}/output", params=asked, trust_env=False).raise_for_status()
        assert int(answer.headers["Triptych-Next-Offset"]) == len(data) + len(answer.content)
        if not answer.content:
            return data
        data += answer.content


def _running(system: System, job_id: str) -> int:
    """Wait until a job runs, and return its pid."""
    wait_until(lambda: _record(system, job_id)["state"] == "running", BOUND_S, lambda: f"{_record(system, job_id)}\n{system.told()}")
    return int(_record(system, job_id)["pid"])


def _started_at(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def _tickers(system: System, marks: Path) -> dict[str, int]:
    marks.mkdir()
    (system.folder / "root" / "ticks.sh").write_text(TICKS.format(marks=marks))
    jobs = [_run(system, "bash", script="ticks.sh") for _ in range(JOBS)]
    return {job_id: _running(system, job_id) for job_id in jobs}


def test_ten_kills_of_a_server_under_load_keep_every_pid_and_every_byte(system: System, tmp_path: Path) -> None:
    """workers K11, F1, F2, I1, I5: nothing is started twice, no attempt changes, and each byte is there once, in order."""
    system.start()
    jobs = _tickers(system, tmp_path / "marks")
    births = {pid: _started_at(pid) for pid in jobs.values()}
    for _ in range(ROUNDS):
        _run(system, "true")
        system.kill()
        system.start()
        assert {job_id: _running(system, job_id) for job_id in jobs} == jobs
    assert {pid: _started_at(pid) for pid in births} == births
    for pid in jobs.values():
        os.kill(pid, signal.SIGUSR1)
    for job_id in jobs:
        record = _record(system, job_id, wait_s=30)
        assert (record["state"], record["end_reason"], record["exit_code"], record["attempt"]) == ("ended", "exited", 7, 1)
        count = int((tmp_path / "marks" / job_id).read_text())
        assert _output(system, job_id) == b"".join(b"line %d\n" % number for number in range(1, count + 1))


def test_a_job_that_ended_while_nobody_was_there_tells_how(system: System) -> None:
    """workers F4: the true exit code, and the true signal."""
    system.start()
    coded = _run(system, "bash", "-c", "trap 'echo last; exit 5' USR1; echo first; while :; do sleep 0.05; done")
    killed = _run(system, "sleep", "600")
    pids = _running(system, coded), _running(system, killed)
    wait_until(lambda: _output(system, coded) == b"first\n", BOUND_S)
    system.kill()
    os.kill(pids[0], signal.SIGUSR1)
    os.kill(pids[1], signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), BOUND_S)
    system.start()
    told, ended = _record(system, coded, wait_s=30), _record(system, killed, wait_s=30)
    assert (told["end_reason"], told["exit_code"]) == ("exited", 5)
    assert (ended["end_reason"], ended["signal"]) == ("exited", 9)
    assert _output(system, coded) == b"first\nlast\n"


def test_an_adopted_job_is_stopped_as_any_other(system: System) -> None:
    """workers K11, K2: with what it forked into sessions of its own."""
    system.start()
    job_id = _run(system, "bash", "-c", "setsid sleep 600 & sleep 600")
    pid = _running(system, job_id)
    system.kill()
    system.start()
    assert _running(system, job_id) == pid
    assert _post(system, "/stop", {"worker_id": WORKER, "job_id": job_id}).json() == {"success": True}
    assert _record(system, job_id)["end_reason"] == "stopped"


def test_sigterm_leaves_commands_with_their_shims_and_sigint_stops_them(system: System) -> None:
    """workers L8."""
    system.start()
    job_id = _run(system, "sleep", "600")
    pid = _running(system, job_id)
    assert system.stop(10.0, signal.SIGTERM) == 0
    assert Path(f"/proc/{pid}").exists()
    system.start()
    assert _running(system, job_id) == pid
    assert system.stop(10.0, signal.SIGINT) == 0
    assert not Path(f"/proc/{pid}").exists()
    system.start()
    assert _record(system, job_id)["end_reason"] == "stopped"
