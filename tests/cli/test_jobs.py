"""The commands about jobs, as processes against a running system."""

import json
import signal
from uuid import uuid4

import pytest

from cli.terminal import COMMAND, Terminal, seen

COUNT = ("bash", "worker/scripts/count.sh")
KEPT_ALIVE_S = "300"


@pytest.fixture
def job(call):
    """The id of a job that sleeps; it is stopped at the end."""
    job_id = call("start", "sleep", KEPT_ALIVE_S).stdout.strip()
    yield job_id
    call("stop", job_id)


def _written(call, script):
    call("run", "--json", "--", "bash", "-c", script)
    return json.loads(call("ps", "-a", "--limit", "1", "--json").stdout)["jobs"][0]["id"]


def test_only_live_jobs_are_listed_unless_all_are_asked_for(call, job):
    ended = _written(call, "exit 3")
    assert [line.split()[:2] for line in call("ps").stdout.splitlines()] == [["JOB", "STATE"], [job, "running"]]
    rows = [line.split() for line in call("ps", "--all").stdout.splitlines()]
    assert [ended, "exited", "3"] in [row[:3] for row in rows]


def test_the_list_is_narrowed_and_says_when_there_is_more(call, job):
    _written(call, "true")
    assert len(call("ps", "--kind", "camera").stdout.splitlines()) == 1
    done = call("ps", "--all", "--limit", "1")
    assert len(done.stdout.splitlines()) == 2
    assert "--limit" in done.stderr


def test_ended_jobs_are_looked_for_by_end_and_time(call, job):
    ended = _written(call, "exit 4")
    for words in (("--state", "ended"), ("--end-reason", "exited"), ("--since", "1h", "-a"), ("--state", "ended", "--state", "running")):
        assert ended in call("ps", *words).stdout
    assert job not in call("ps", "--state", "ended").stdout
    assert len(call("ps", "--until", "1d").stdout.splitlines()) == 1


@pytest.mark.parametrize("text", ["yesterday", "999999d", "0001-01-01"])
def test_a_time_that_is_none_is_refused(call, text):
    done = call("ps", "--since", text)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"triptych: --since takes a time such as 2026-01-31T12:00, or how long ago such as 10m, not {text}\n"


def test_a_limit_out_of_range_is_refused(call):
    assert call("ps", "--limit", "501").returncode == 2


def test_the_list_fits_a_terminal_of_80_columns(server, call, tmp_path):
    _written(call, "true " + "x" * 100)
    with Terminal(*COMMAND, "ps", "-a", "--limit", "1", "--server", server.url, cwd=tmp_path) as terminal:
        shown = seen(terminal.until("…"))
        assert terminal.wait() == 0
    assert max(map(len, shown[:3])) == 80
    assert len(shown[2].split()[0]) == 36
    assert shown[2].endswith("…")


def test_a_command_line_cannot_steer_the_terminal(call):
    _written(call, "true \x1b[2J")
    shown = call("ps", "-a", "--limit", "1").stdout
    assert "\x1b" not in shown
    assert r"\x1b[2J" in shown


def test_logs_are_what_was_written_so_far(call):
    job_id = _written(call, r"printf 'a\0\377'; echo e >&2")
    assert call("logs", job_id).stdout.encode(errors="surrogateescape") == b"a\0\xff"
    assert call("logs", job_id, "--stream", "stderr").stdout == "e\n"


def test_logs_that_follow_end_with_the_job(server, start, call):
    """workers N3, O9"""
    job_id = call("start", *COUNT).stdout.strip()
    process = start("logs", "-f", job_id, "--server", server.url)
    assert [process.stdout.readline() for _ in range(3)] == ["1\n", "2\n", "3\n"]
    call("stop", job_id)
    rest = process.stdout.read()
    assert process.wait(20) == 0
    assert call("logs", job_id).stdout == "1\n2\n3\n" + rest


def test_ctrl_c_leaves_a_job_that_is_only_watched_alone(server, start, call):
    job_id = call("start", *COUNT).stdout.strip()
    process = start("logs", "-f", job_id, "--server", server.url)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert call("query", job_id).stdout == "running\n"
    call("stop", job_id)


@pytest.mark.parametrize(("script", "code", "told"), [("exit 0", 0, "exited 0"), ("exit 9", 9, "exited 9"), ("kill -9 $$", 137, "SIGKILL")])
def test_wait_ends_as_the_job_ended(call, script, code, told):
    done = call("wait", _written(call, script))
    assert (done.returncode, done.stdout) == (code, f"{told}\n")


def test_wait_lasts_until_the_end(server, start, call, job):
    process = start("wait", job, "--json", "--server", server.url)
    call("stop", job)
    record = json.loads(process.stdout.read())
    assert (record["id"], record["end_reason"]) == (job, "stopped")
    assert process.wait(20) > 128


def test_several_are_waited_for_at_once(call):
    good, bad = _written(call, "exit 0"), _written(call, "exit 9")
    done = call("wait", good, bad)
    assert (done.returncode, set(done.stdout.splitlines())) == (9, {f"{good}  exited 0", f"{bad}  exited 9"})
    assert {json.loads(line)["id"] for line in call("wait", good, bad, "--json").stdout.splitlines()} == {good, bad}
    assert call("wait", good, str(uuid4())).stderr == "triptych: job not found\n"


def test_several_are_held_let_go_and_stopped_at_once(call, job):
    other = call("start", "sleep", KEPT_ALIVE_S).stdout.strip()
    assert call("pause", job, other).stdout == f"{job}  paused\n{other}  paused\n"
    assert call("resume", job, other).returncode == 0
    assert set(call("stop", job, other).stdout.splitlines()) == {f"{job}  stopped", f"{other}  stopped"}


@pytest.mark.parametrize("verb", ["wait", "stop", "pause", "resume"])
def test_no_job_at_all_is_refused(call, verb):
    done = call(verb)
    assert (done.returncode, done.stderr) == (2, "triptych: say which job, by its id; `triptych ps` lists them\n")


def test_a_stop_is_final_and_may_be_repeated(call, job):
    first, again = call("stop", job, "--grace-s", "0"), call("stop", job, "--json")
    assert (first.returncode, first.stdout) == (0, "stopped\n")
    assert (again.returncode, json.loads(again.stdout)) == (0, {"success": True})


def test_a_held_job_goes_on_where_it_stood(call, job):
    assert call("pause", job).stdout == "paused\n"
    assert json.loads(call("resume", job, "--json").stdout)["state"] == "running"


def test_an_ended_job_is_not_held(call):
    done = call("pause", _written(call, "true"))
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("verb", ["logs", "wait", "stop", "pause", "resume"])
def test_a_job_that_is_not_there_is_told(call, verb):
    done = call(verb, str(uuid4()))
    assert (done.returncode, done.stderr) == (2, "triptych: job not found\n")
