"""Processes of the system that stand still for a while: F5 of the workers panel."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from faults import calls
from faults.system import System, job_processes, users_of, wait_until

FROZEN_S = 3.0
UNDISTURBED_S = 8.0
BOUND_S = 30.0
SLEEPER = 'echo "$TRIPTYCH_JOB_ID $TRIPTYCH_ATTEMPT" >> {folder}/evidence\nexec sleep 600'


@pytest.fixture
def up(system: System) -> System:
    system.script("sleeper.sh", SLEEPER)
    system.start()
    return system


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    """Stop a process of the system by SIGSTOP, for as long as the block runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _shim_of(job_id: str) -> int:
    """Return the parent of a job's main process."""
    (pid,) = [pid for pid, of in job_processes() if of == job_id]
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def test_a_server_that_stood_still_goes_on_as_if_nothing_was(up: System) -> None:
    """workers I1, I3 (F5): what was asked meanwhile is answered, nothing runs twice, and jobs that ended meanwhile are told."""
    lives, ends = calls.start(up, "sh", "sleeper.sh"), calls.submit(up, "sh", "-c", "sleep 1; exit 7")
    with _frozen(up.process.pid), pytest.raises(httpx.TimeoutException):
        httpx.get(f"{up.url}/readyz", trust_env=False, timeout=FROZEN_S)
    record = calls.ended(up, ends)
    assert (record["end_reason"], record["exit_code"]) == ("exited", 7)
    assert calls.query(up, lives) == calls.RUNNING
    assert up.evidence == Counter({(lives, 1): 1})
    calls.stop(up, lives)


def test_a_frozen_shim_holds_up_no_other_job(up: System) -> None:
    """workers W7 (F5): starts, queries and stops of others are answered as usual."""
    frozen = calls.start(up, "sh", "sleeper.sh")
    with _frozen(_shim_of(frozen)):
        begun = time.monotonic()
        for _ in range(5):
            other = calls.start(up, "sh", "sleeper.sh")
            assert calls.query(up, other) == calls.RUNNING
            calls.stop(up, other)
        assert time.monotonic() - begun < UNDISTURBED_S
        assert calls.query(up, frozen) == calls.RUNNING
    calls.stop(up, frozen)
    assert calls.query(up, frozen) == calls.KILLED


def test_a_shim_that_stands_still_for_good_is_killed_with_its_tree(up: System) -> None:
    """workers K13, I2, I3, I9 (F5): it was silent for 10 s while its worker lived; its neighbour is left alone."""
    wedged, neighbour = calls.start(up, "sh", "sleeper.sh"), calls.start(up, "sh", "sleeper.sh")
    os.kill(_shim_of(wedged), signal.SIGSTOP)
    assert calls.ended(up, wedged, BOUND_S)["end_reason"] == "worker_lost"
    assert wedged not in {of for _, of in job_processes()}
    assert calls.query(up, neighbour) == calls.RUNNING


def test_a_frozen_fork_server_is_missed_by_nobody_for_a_while(up: System) -> None:
    """workers K10 (F5): idle shims are there ahead of need; once it goes on, the pool is filled again."""
    (forks,) = [pid for pid, words in users_of(up.folder).items() if _parent(pid) == up.process.pid and _has_shims(pid)]
    with _frozen(forks):
        jobs = [calls.start(up, "sh", "sleeper.sh") for _ in range(4)]
        assert [calls.query(up, job_id) for job_id in jobs] == [calls.RUNNING] * 4
    jobs += [calls.start(up, "sh", "sleeper.sh") for _ in range(12)]
    for job_id in jobs:
        calls.stop(up, job_id)
    assert set(up.evidence.values()) == {1}


def test_a_frozen_job_is_running_until_somebody_ends_it(up: System) -> None:
    """workers K1, I3 (F5): stopped by an outsider it is alive; killed by an outsider it ended by that signal."""
    job_id = calls.start(up, "sleep", "600")
    (pid,) = [pid for pid, of in job_processes() if of == job_id]
    os.kill(pid, signal.SIGSTOP)
    assert calls.query(up, job_id) == calls.RUNNING
    os.kill(pid, signal.SIGKILL)
    record = calls.ended(up, job_id)
    assert (record["end_reason"], record["signal"]) == ("exited", 9)


def test_a_job_killed_by_an_outsider_ended_by_itself(up: System) -> None:
    """workers K4, W11, I9 (F4): the true signal is told, and no stop."""
    for number, text in ((signal.SIGTERM, "terminated"), (signal.SIGKILL, "killed"), (signal.SIGUSR1, "user defined signal 1")):
        job_id = calls.start(up, "sleep", "600")
        wait_until(lambda job_id=job_id: job_id in {of for _, of in job_processes()}, BOUND_S, up.told)
        (pid,) = [pid for pid, of in job_processes() if of == job_id]
        os.kill(pid, number)
        assert calls.ended(up, job_id)["end_reason"] == "exited"
        assert calls.query(up, job_id) == {"done": True, "error": True, "error_text": f"signal: {text}"}


def test_a_shim_that_is_killed_takes_its_tree_along_and_only_that(up: System) -> None:
    """workers K8, I2, I9 (F3): the job is `worker_lost`, its tree is dead, its neighbour lives."""
    lost, neighbour = calls.start(up, "sh", "sleeper.sh"), calls.start(up, "sh", "sleeper.sh")
    os.kill(_shim_of(lost), signal.SIGKILL)
    assert calls.ended(up, lost)["end_reason"] == "worker_lost"
    wait_until(lambda: lost not in {of for _, of in job_processes()}, BOUND_S, up.told)
    assert calls.query(up, lost) == {"done": True, "error": True, "error_text": "worker lost"}
    assert calls.query(up, neighbour) == calls.RUNNING


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
    except FileNotFoundError:
        return 0


def _has_shims(pid: int) -> bool:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return len(children) >= 4
