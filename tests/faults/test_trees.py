"""Programs that do all they can to outlive their stop: F13 of the workers panel, in each tier that this machine has."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from agent.tiers.grounds import can_make_cgroups, made_cgroup
from faults import calls
from faults.conftest import clear
from faults.system import System, job_processes, wait_until

GROWN_BOUND_S = 30.0
STOPS = 20
TIERS = ("cgroup", "pidns", "subreaper")

RUNNER = """\
import os, signal, time
if os.fork():
    open("{folder}/runs", "w").close()
    time.sleep(600)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    if os.fork():
        os._exit(0)
    os.setsid()
"""
STORM = """\
trap '' TERM
while :; do (trap '' TERM; sleep 600) & (trap '' TERM; sleep 0.02) & sleep 0.002; done
"""
SESSIONS = """\
while :; do setsid sh -c 'trap "" TERM HUP; while :; do sleep 0.01; done' & sleep 0.01; done
"""
DEAF = """\
trap '' TERM HUP INT
echo ready > {folder}/deaf
while :; do sleep 1; done
"""
FROZEN = """\
echo ready > {folder}/frozen
kill -STOP $$
"""


@contextmanager
def _way_into(tier: str) -> Iterator[tuple[str, ...]]:
    """The words that start a program where the tier is to be had: for cgroups in one made for it, if this account may make one."""
    if tier != "cgroup" or not can_make_cgroups():
        yield ()
        return
    with made_cgroup() as folder:
        yield "sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', str(folder)


@pytest.fixture(scope="module", params=TIERS)
def tiered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose jobs are held by one tier; the last one is there in its place where the machine has not got it."""
    tier = request.param
    settings = {"kill_tiers": ",".join(dict.fromkeys((tier, "subreaper")))}
    with _way_into(tier) as prefix:
        system = System(tmp_path_factory.mktemp(tier), prefix=prefix, settings=settings)
        try:
            system.start()
            worker = httpx.get(f"{system.url}/api/v1/workers", trust_env=False).json()["workers"][0]
            if tier not in worker["kill_tiers"]:
                pytest.skip(f"no kill tier {tier}: {worker['missing_tiers'][tier]}")
            yield system
        finally:
            clear(system)


def _alive(job_id: str) -> set[int]:
    return {pid for pid, of in job_processes() if of == job_id}


def _stopped(system: System, job_id: str) -> None:
    """Stop a job; not one process with its mark may be there when the answer comes (I8)."""
    calls.stop(system, job_id)
    assert _alive(job_id) == set()
    assert calls.query(system, job_id) == calls.KILLED


def _wait_for(path: Path, system: System) -> None:
    wait_until(path.exists, GROWN_BOUND_S, system.told)


def test_a_double_forking_loop_dies_in_20_of_20_stops(tiered: System, tmp_path: Path) -> None:
    """workers K8, K2, I2, I8 (F13): it changes its pid, group and session without pause."""
    runner = tiered.script("runner.py", RUNNER.replace("{folder}", str(tmp_path)))
    for _ in range(STOPS):
        job_id = calls.submit(tiered, sys.executable, "-S", runner, cwd="root", grace_s=0.1)
        _wait_for(tmp_path / "runs", tiered)
        _stopped(tiered, job_id)
        (tmp_path / "runs").unlink()


def test_a_fork_storm_that_ignores_sigterm_is_stopped_whole(tiered: System) -> None:
    """workers K1, K2, I8 (F13): a hundred processes and more, new ones all the while."""
    job_id = calls.submit(tiered, "sh", tiered.script("storm.sh", STORM), cwd="root", grace_s=0.3)
    wait_until(lambda: len(_alive(job_id)) > 100, GROWN_BOUND_S, tiered.told)
    _stopped(tiered, job_id)


def test_a_loop_of_new_sessions_is_stopped_whole(tiered: System) -> None:
    """workers K1, K8, I8 (F13): every child leaves the job's session and its group."""
    job_id = calls.submit(tiered, "sh", tiered.script("sessions.sh", SESSIONS), cwd="root", grace_s=0.3)
    wait_until(lambda: len(_alive(job_id)) > 20, GROWN_BOUND_S, tiered.told)
    _stopped(tiered, job_id)


def test_a_job_that_ignores_sigterm_is_killed_when_its_grace_is_over(tiered: System, tmp_path: Path) -> None:
    """workers K1, I9: not before, and the reason is the stop."""
    script = tiered.script("deaf.sh", DEAF.replace("{folder}", str(tmp_path)))
    job_id = calls.submit(tiered, "sh", script, cwd="root", grace_s=1)
    _wait_for(tmp_path / "deaf", tiered)
    begun = time.monotonic()
    _stopped(tiered, job_id)
    assert time.monotonic() - begun >= 1
    record = calls.record(tiered, job_id)
    assert (record["end_reason"], record["exit_code"], record["signal"]) == ("stopped", None, 9)


def test_a_job_that_stopped_itself_is_still_ended(tiered: System, tmp_path: Path) -> None:
    """workers K1 (F5): SIGCONT follows SIGTERM, so that a stopped process hears of its end within its grace."""
    job_id = calls.start(tiered, "sh", tiered.script("frozen.sh", FROZEN.replace("{folder}", str(tmp_path))))
    _wait_for(tmp_path / "frozen", tiered)
    begun = time.monotonic()
    _stopped(tiered, job_id)
    assert time.monotonic() - begun < 4
    assert calls.record(tiered, job_id)["signal"] == 15


def test_the_record_says_which_tier_held_the_job(tiered: System) -> None:
    """workers K8: chosen per job and stored in the record."""
    job_id = calls.start(tiered, "true")
    assert calls.ended(tiered, job_id)["kill_tier"] == tiered.settings["kill_tiers"].partition(",")[0]


def test_bystanders_of_a_stop_stay_alive(tiered: System) -> None:
    """workers I7: a process with the look of a job, but started by somebody else, is left alone by every stop."""
    stranger = os.posix_spawn("/bin/sleep", ["sleep", "600"], {"TRIPTYCH_JOB_ID": "11111111-1111-4111-8111-111111111111"})
    try:
        job_id = calls.start(tiered, "sleep", "600")
        _stopped(tiered, job_id)
        assert os.waitpid(stranger, os.WNOHANG) == (0, 0)
    finally:
        os.kill(stranger, 9)
        os.waitpid(stranger, 0)
