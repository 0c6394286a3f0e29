"""`triptych workers` against a running system."""

import json

from cli.terminal import COMMAND, Terminal, seen


def test_a_worker_is_listed_with_its_room_for_each_kind(call):
    heads, row = (line.split() for line in call("workers").stdout.splitlines())
    assert heads == ["WORKER", "STATE", "COMMAND", "ANNOTATE", "CAMERA", "SEEN"]
    assert row[:3] == ["here", "ready", "0/256"]


def test_the_servers_answer_is_printed_on_request(call):
    (worker,) = json.loads(call("workers", "--json").stdout)["workers"]
    assert worker["id"] == "here"


def test_the_list_fits_a_terminal_of_80_columns(server, tmp_path):
    with Terminal(*COMMAND, "workers", "--server", server.url, cwd=tmp_path) as terminal:
        shown = seen(terminal.until("ready"))
        assert terminal.wait() == 0
    assert max(map(len, shown)) <= 80


def test_a_worker_tells_by_which_means_it_stops_jobs(call):
    """workers K8"""
    told = dict(line.split(maxsplit=1) for line in call("workers", "show", "here").stdout.splitlines() if not line.startswith("stops"))
    assert (told["worker"], told["state"], told["command"]) == ("here", "ready", "0 of 256 jobs")
    assert "subreaper" in call("workers", "show", "here").stdout
    assert told["commands"] == "any"
    assert json.loads(call("workers", "show", "here", "--json").stdout)["id"] == "here"


def test_a_worker_that_is_not_there_is_told(call):
    done = call("workers", "show", "nobody")
    assert (done.returncode, done.stderr) == (2, "triptych: worker not found\n")


def test_a_worker_is_drained_and_takes_work_again(call):
    """workers L9"""
    try:
        assert call("workers", "drain", "here").stdout == "draining\n"
        assert call("run", "--", "true").stderr == "triptych: worker draining\n"
    finally:
        assert json.loads(call("workers", "undrain", "here", "--json").stdout)["state"] == "ready"
    assert call("run", "--", "true").returncode == 0


def test_a_worker_with_live_jobs_is_not_removed(call):
    """workers L9"""
    job_id = call("start", "sleep", "300").stdout.strip()
    done = call("workers", "remove", "here")
    assert (done.returncode, done.stderr) == (2, "triptych: worker has live jobs\n")
    call("stop", job_id)
