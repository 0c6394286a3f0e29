"""Who follows a job's output while its server is killed (workers F1, O3, I5)."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from faults.system import WORKER, System, wait_until

LINES = 300
KILLS = 3
BOUND_S = 90.0
SCRIPT = "n=0; while [ $n -lt {lines} ]; do n=$((n+1)); echo $n; [ $((n % 10)) = 0 ] && echo e$n >&2; sleep 0.02; done; exit 0"


def _follow(system: System, into: Path, *words: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "triptych.cli", "logs", "-f", *words, "--server", system.url]
    with into.with_suffix(".out").open("wb") as out, into.with_suffix(".err").open("wb") as err:
        return subprocess.Popen(command, env=os.environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err)


@pytest.mark.timeout(240)
def test_a_reader_gets_every_byte_once_through_kills_of_the_server(system: System, tmp_path: Path) -> None:
    system.start()
    asked = {"worker_id": WORKER, "command": "sh", "args": ["-c", SCRIPT.format(lines=LINES)]}
    job_id = httpx.post(f"{system.url}/api/v1/jobs", json=asked, trust_env=False).json()["id"]
    both, one = tmp_path / "both", tmp_path / "one"
    readers = [_follow(system, both, job_id), _follow(system, one, job_id, "--stream", "stdout")]
    try:
        for kill in range(1, KILLS + 1):
            wait_until(lambda lines=kill * LINES // 10: _lines(both) >= lines and _lines(one) >= lines, BOUND_S, system.told)
            system.kill()
            system.start()
        assert [reader.wait(BOUND_S) for reader in readers] == [0, 0]
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    written = "".join(f"{n}\n" for n in range(1, LINES + 1))
    assert both.with_suffix(".out").read_text() == one.with_suffix(".out").read_text() == written
    errors = [line for line in both.with_suffix(".err").read_text().splitlines() if not line.startswith("triptych: ")]
    assert errors == [f"e{n}" for n in range(10, LINES + 1, 10)]


def _lines(into: Path) -> int:
    return into.with_suffix(".out").read_bytes().count(b"\n")
