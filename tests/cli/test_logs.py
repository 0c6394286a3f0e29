"""`triptych logs` against a running system (workers N3, O2, O9)."""

import json

import pytest


def _job(call, script):
    return json.loads(call("run", "--json", "--", "bash", "-c", script).stdout)["id"]


def test_both_streams_go_where_they_belong(call):
    """workers O1."""
    done = call("logs", _job(call, r"printf 'a\0\377'; printf e >&2"))
    assert (done.stdout.encode(errors="surrogateescape"), done.stderr, done.returncode) == (b"a\0\xff", "e", 0)


def test_one_stream_is_read_from_any_byte(call):
    """workers O3."""
    job_id = _job(call, "printf 0123456789; printf abc >&2")
    assert call("logs", job_id, "--stream", "stdout", "--offset", "7").stdout == "789"
    assert call("logs", job_id, "-f", "--stream", "stderr", "--offset", "1").stdout == "bc"
    assert call("logs", job_id, "--stream", "stdout", "--offset", "99").stdout == ""


def test_the_head_and_the_tail_of_what_is_capped_come_and_the_gap_is_told(call):
    """workers O4: 64 MiB of each stream are kept."""
    job_id = _job(call, "head -c 70000000 /dev/zero; printf end")
    done = call("logs", job_id)
    assert done.stdout.endswith("end")
    assert len(done.stdout) == 64 * 1024 * 1024
    assert done.stderr == f"triptych: bytes {56 * 1024 * 1024}-{70_000_003 - 8 * 1024 * 1024} of stdout were not kept\n"


@pytest.mark.parametrize("words", [("--offset", "3"), ("--json", "--stream", "stderr"), ("--attempt", "2"), ("--offset", "-1")])
def test_what_makes_no_sense_is_refused_in_words(call, words):
    done = call("logs", _job(call, "true"), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip()


def test_frames_come_as_they_are_written(server, start):
    """workers O6, O10: a line is passed on at once, also into a pipe."""
    job_id = start("run", "-d", "--server", server.url, "--", "bash", "-c", "echo first; exec sleep 600").communicate()[0].strip()
    process = start("logs", "-f", "--json", job_id, "--server", server.url)
    assert json.loads(process.stdout.readline())["data"] == "Zmlyc3QK"
    start("stop", job_id, "--server", server.url).communicate()
    assert process.wait(30) == 0
