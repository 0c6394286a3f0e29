"""`triptych run` against a running system: what a job writes, how it ends, and what becomes of it when its caller goes (workers N3)."""

import json
import signal
import subprocess

import pytest

from cli.terminal import COMMAND

BOUND_S = 30


def _bash(script):
    return ("run", "--", "bash", "-c", script)


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -SEGV $$", 139)], ids=["0", "7", "TERM", "SEGV"]
)
def test_the_exit_code_is_the_jobs_own_or_128_and_its_signal(call, script, code):
    """workers N3"""
    assert call(*_bash(script)).returncode == code


def test_both_streams_come_byte_for_byte_and_apart(call):
    done = call(*_bash(r"printf 'a\0\377z'; printf 'e\n' >&2"))
    assert done.stdout.encode(errors="surrogateescape") == b"a\0\xffz"
    assert done.stderr == "e\n"


def test_megabytes_arrive_whole(call):
    done = call("run", "--", "head", "-c", "3000000", "/dev/zero")
    assert len(done.stdout) == 3_000_000
    assert done.returncode == 0


def test_the_output_comes_while_the_job_runs(server, start):
    """workers N3"""
    process = start("run", "--server", server.url, "--", "bash", "-c", "echo first; read -t 60 < <(sleep 60); echo last")
    assert process.stdout.readline() == "first\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(BOUND_S) == 130


def test_words_with_hyphens_after_the_mark_are_the_programs_own(call):
    assert call("run", "--", "echo", "--json", "-f", "--").stdout == "--json -f --\n"


def test_a_program_that_is_not_there_is_told_in_one_sentence(call):
    done = call("run", "--", "no-such-program")
    assert (done.returncode, done.stdout) == (2, "")
    assert "never started" in done.stderr
    assert "no-such-program" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_job_whose_time_is_up_says_so(call):
    done = call("run", "--timeout-s", "0.2", "--", "sleep", "60")
    assert done.returncode > 128
    assert done.stderr == "triptych: timed out\n"


def test_the_record_is_printed_on_request(call):
    done = call("run", "--json", "--", "bash", "-c", "echo unseen; exit 3")
    record = json.loads(done.stdout)
    assert (record["state"], record["exit_code"], done.returncode) == ("ended", 3, 3)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_ctrl_c_stops_the_job_and_all_that_it_started(server, start, call, number, code):
    process = start("run", "--server", server.url, "--", "bash", "-c", "sleep 300 & echo up; wait")
    assert process.stdout.readline() == "up\n"
    process.send_signal(number)
    assert process.wait(BOUND_S) == code
    jobs = json.loads(call("ps", "--all", "--limit", "1", "--json").stdout)["jobs"]
    assert jobs[0]["end_reason"] == "stopped"


def test_the_last_words_of_a_stopped_job_still_come(server, start):
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do read -t 0.05 < <(sleep 60); done"
    process = start("run", "--server", server.url, "--", "bash", "-c", script)
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.read() == "bye\n"
    assert process.wait(BOUND_S) == 130


def test_a_reader_that_leaves_stops_the_job(server, call):
    command = [*COMMAND, "run", "--server", server.url, "--", "yes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "y\n"
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == 141
    assert told == "triptych: stopping the job\n"
    assert json.loads(call("ps", "--json").stdout)["jobs"] == []


def test_nothing_to_run_is_refused(call):
    done = call("run")
    assert done.returncode == 2
    assert "triptych run -- CMD" in done.stderr


def test_another_worker_than_there_is_is_refused(call):
    done = call("run", "--worker", "elsewhere", "--", "true")
    assert (done.returncode, done.stderr) == (2, "triptych: worker not found\n")


def test_every_option_reaches_the_job(call):
    """workers 7, N3"""
    words = ["--cwd", "root", "-e", "A=b", "--timeout", "30", "--grace", "1", "--retry", "2", "--retry-on", "signal", "--priority", "7"]
    done = call("run", "--json", *words, "--limit", "open-files=64", "--leftovers", "wait", "--umask", "0022", "--", "true")
    record = json.loads(done.stdout)
    wanted = {"cwd": "root", "env": {"A": "b"}, "timeout_s": 30, "grace_s": 1, "priority": 7, "leftovers": "wait", "umask": "0022"}
    assert record.items() >= (wanted | {"limits": {"open_files": 64}, "queue_s": 3600}).items()
    assert (record["retry"]["max_attempts"], record["retry"]["on"]) == (2, ["signal"])


def test_text_is_given_as_standard_input(call, tmp_path):
    (tmp_path / "in").write_text("given\n")
    assert call("run", "--stdin", str(tmp_path / "in"), "--", "cat").stdout == "given\n"


def test_a_detached_job_goes_on_by_itself(call):
    done = call("run", "-d", "--", "sleep", "300")
    job_id = done.stdout.strip()
    assert (done.returncode, call("query", job_id).stdout) == (0, "running\n")
    call("stop", job_id)


def test_a_field_that_the_server_refuses_is_told_in_one_sentence(call):
    done = call("run", "--umask", "9", "--", "true")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
