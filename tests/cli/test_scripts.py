"""`triptych start` and `query` speak the words of the documented calls (workers W)."""

import json

import httpx

SCRIPT = ("bash", "worker/scripts/count.sh")


def test_a_script_is_started_queried_and_stopped(call):
    """workers W13"""
    started = call("start", *SCRIPT)
    job_id = started.stdout.strip()
    assert started.returncode == 0
    assert call("query", job_id).stdout == "running\n"
    assert json.loads(call("query", job_id, "--json").stdout) == {"done": False, "error": False, "error_text": ""}
    call("stop", job_id)
    assert call("query", job_id).stdout == "signal: killed\n"


def test_the_answer_of_start_is_printed_on_request(call):
    answer = json.loads(call("start", "true", "--worker", "here", "--json").stdout)
    assert set(answer) == {"job_id"}
    assert call("wait", answer["job_id"]).returncode == 0
    assert call("query", answer["job_id"]).stdout == "done\n"


def test_a_script_outside_the_roots_is_refused(call):
    done = call("start", "bash", "../outside.sh")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_job_that_no_worker_holds_is_told_apart(server, call):
    """It is queued, and its output is followed from there to its end."""
    job_id = httpx.post(f"{server.url}/api/v1/jobs", json={"command": "true", "labels": {"not": "there"}}).json()["id"]
    done = call("query", job_id)
    assert done.returncode == 2
    assert "no worker" in done.stderr
    assert call("stop", job_id).stdout.startswith("never started")
    assert call("logs", "-f", job_id).returncode == 0
