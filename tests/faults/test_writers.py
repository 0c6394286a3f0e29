"""What jobs do with their output that goes wrong elsewhere: F14 of the workers panel."""

import hashlib
import json
import os
from pathlib import Path

import httpx
import pytest

from faults import calls
from faults.system import System, job_processes, wait_until

BOUND_S = 60.0
GIGABYTE = 1_000_000_000
CAP = 64 * 1024 * 1024
LAST_OUTPUT_S = 1.0
SLACK_S = 10.0

BINARY = """\
import hashlib, os, sys
data = bytes(range(256)) * 64 + os.urandom(3_000_001) + b"\\xff\\xfe\\x00tail"
with open("{folder}/hash", "w") as evidence:
    evidence.write(hashlib.sha256(data).hexdigest())
sys.stdout.buffer.write(data)
sys.stderr.buffer.write(data[::-1])
"""
CLOSED = """\
exec >&- 2>&-
sleep 0.2
echo alive > {folder}/alive
exit 3
"""
HOLDER = """\
echo before
setsid sh -c 'trap "" TERM HUP; sleep 600' &
exit 4
"""
NUMBERS = 'i=0; while [ $i -lt 200000 ]; do echo "line $i of many that nobody reads"; i=$((i+1)); done; echo end > {folder}/end'


@pytest.fixture
def up(system: System) -> System:
    system.start()
    return system


def test_binary_output_comes_back_byte_for_byte(up: System, tmp_path: Path) -> None:
    """workers O1, O3, I5 (F14): the hash is of what the job itself noted, NUL and broken UTF-8 included."""
    job_id = calls.submit(up, "/usr/bin/env", "python3", up.script("binary.py", BINARY), cwd="root")
    assert calls.ended(up, job_id)["exit_code"] == 0
    written = (tmp_path / "hash").read_text()
    assert hashlib.sha256(calls.output(up, job_id)).hexdigest() == written
    assert hashlib.sha256(calls.output(up, job_id, "stderr")[::-1]).hexdigest() == written


def test_a_gigabyte_neither_blocks_nor_kills_its_job(up: System) -> None:
    """workers O4 (F14): every byte is counted, no more than the cap is kept, and the job ends as it would alone."""
    job_id = calls.submit(up, "head", "-c", str(GIGABYTE), "/dev/zero")
    record = calls.ended(up, job_id, BOUND_S)
    assert (record["end_reason"], record["exit_code"]) == ("exited", 0)
    assert record["output"]["stdout"]["bytes"] == GIGABYTE
    kept = sum(file.stat().st_blocks * 512 for file in up.data.rglob("*") if file.is_file())
    assert kept < 2 * CAP


def test_a_job_that_closes_its_output_goes_on_to_its_own_end(up: System, tmp_path: Path) -> None:
    """workers O7, I9 (F14): closed pipes are no end, and the code is the program's."""
    job_id = calls.start(up, "sh", up.script("closed.sh", CLOSED))
    record = calls.ended(up, job_id)
    assert (record["end_reason"], record["exit_code"]) == ("exited", 3)
    assert (tmp_path / "alive").exists()


def test_a_grandchild_that_holds_the_pipe_delays_nothing(up: System) -> None:
    """workers O7, K6 (F14): it is ended with what else the main process left, and the output is complete."""
    job_id = calls.start(up, "sh", up.script("holder.sh", HOLDER))
    record = calls.ended(up, job_id, SLACK_S)
    assert (record["end_reason"], record["exit_code"]) == ("exited", 4)
    assert record["leftovers_killed"] >= 1
    assert calls.output(up, job_id) == b"before\n"
    assert job_id not in {of for _, of in job_processes()}


def test_an_outsider_that_holds_the_pipe_delays_the_end_by_a_second_only(up: System) -> None:
    """workers O7 (F14): somebody outside the tree has the writing end open, and keeps it."""
    job_id = calls.submit(up, "sh", "-c", "echo mine; sleep 600")
    wait_until(lambda: calls.output(up, job_id) == b"mine\n", BOUND_S, up.told)
    held = os.open(f"/proc/{calls.record(up, job_id)['pid']}/fd/1", os.O_WRONLY)
    try:
        calls.stop(up, job_id)
        assert calls.ended(up, job_id, SLACK_S)["end_reason"] == "stopped"
        assert calls.output(up, job_id) == b"mine\n"
    finally:
        os.close(held)


def test_readers_that_do_not_read_delay_neither_the_job_nor_each_other(up: System, tmp_path: Path) -> None:
    """workers O6 (F14): twenty followers take one byte each and then nothing; the job ends, and another reader gets everything."""
    script = up.script("numbers.sh", NUMBERS)
    job_id = calls.start(up, "sh", script)
    with httpx.Client(base_url=up.url, trust_env=False, timeout=calls.BOUND_S) as client:
        slow = [_follow(client, job_id) for _ in range(20)]
        record = calls.ended(up, job_id, BOUND_S)
        assert (record["end_reason"], record["exit_code"]) == ("exited", 0)
        kept = calls.output(up, job_id)
        for answer in slow:
            answer.close()
    assert (tmp_path / "end").exists()
    assert kept.splitlines()[-1] == b"line 199999 of many that nobody reads"
    assert len(kept) == record["output"]["stdout"]["bytes"]


def test_what_was_read_once_is_read_again(up: System) -> None:
    """workers O3, I5: each earlier read is a prefix of a later one."""
    job_id = calls.start(up, "sh", up.script("numbers.sh", NUMBERS))
    earlier = b""
    while calls.record(up, job_id)["state"] != "ended":
        later = calls.output(up, job_id)
        assert later.startswith(earlier)
        earlier = later
    assert calls.output(up, job_id).startswith(earlier)


def test_hostile_bytes_stay_bytes_in_every_answer(up: System) -> None:
    """workers O9, section 9: output with escapes and markup is never an HTML page."""
    job_id = calls.submit(up, "printf", "\\033[2J<script>alert(1)</script>")
    calls.ended(up, job_id)
    answer = httpx.get(f"{up.url}/api/v1/jobs/{job_id}/output", params={"stream": "stdout"}, trust_env=False)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content == b"\x1b[2J<script>alert(1)</script>"
    assert json.loads(httpx.get(f"{up.url}/api/v1/jobs/{job_id}", trust_env=False).text)["id"] == job_id


def _follow(client: httpx.Client, job_id: str) -> httpx.Response:
    """Begin to follow the output and leave it at what the first packet brings."""
    asked = client.build_request("GET", f"/api/v1/jobs/{job_id}/output", params={"stream": "stdout", "follow": 1})
    answer = client.send(asked, stream=True)
    assert answer.status_code == httpx.codes.OK
    return answer
