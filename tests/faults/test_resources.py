"""No descriptors, no processes, no room: F9 and F10 of the workers panel, also as an ordinary user."""

import os
import resource
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from faults import calls
from faults.conftest import clear
from faults.system import WORKER, System, job_processes, wait_until

BOUND_S = 30.0
FEW_DESCRIPTORS = 120
FEW_PROCESSES = 60
FEW_SLOTS = 4
ORDINARY = 54321
SLEEP = {"worker_id": WORKER, "command": "sleep", "path": "600"}
REFUSALS = {
    "fork/exec sleep: too many open files",
    "fork/exec sleep: resource temporarily unavailable",
    "fork/exec sleep: cannot allocate memory",
    "store unavailable",
    "worker busy",
}


@pytest.fixture
def of_a_user(tmp_path: Path) -> Iterator[System]:
    """A system of an ordinary user who may have few processes."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("no setpriv to become an ordinary user")
        # The one right beyond an ordinary user's: to reach an interpreter that lies below root's home.
        rights = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        prefix = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", *rights]
        system = System(tmp_path, prefix=[*prefix, "prlimit", f"--nproc={FEW_PROCESSES}"])
        for path in (tmp_path, *tmp_path.iterdir()):
            os.chown(path, ORDINARY, ORDINARY)
    else:
        mine = sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in _mine())
        system = System(tmp_path, prefix=["prlimit", f"--nproc={FEW_PROCESSES + mine}"])
    yield system
    clear(system)


def test_starts_without_free_descriptors_are_refused_clearly_and_the_slot_returns(system: System) -> None:
    """workers W3, W6 (F10): nothing of a refused start runs, and after stops the next start is taken; asked on one open connection."""
    system.start()
    _, most = resource.prlimit(system.process.pid, resource.RLIMIT_NOFILE)
    with httpx.Client(base_url=system.url, trust_env=False, timeout=BOUND_S) as client:
        client.get("/readyz")
        resource.prlimit(system.process.pid, resource.RLIMIT_NOFILE, (FEW_DESCRIPTORS, most))
        live, refused = _start_until_refused(system, client)
        assert set(refused) <= REFUSALS, (refused, system.told())
        for job_id in (live.pop(), live.pop()):
            answer = client.post("/stop", json={"worker_id": WORKER, "job_id": job_id})
            assert answer.json() == {"success": True}, system.told()
            assert job_id not in {of for _, of in job_processes()}
        wait_until(lambda: client.post("/start", json=SLEEP).status_code == httpx.codes.CREATED, BOUND_S, system.told)
    resource.prlimit(system.process.pid, resource.RLIMIT_NOFILE, (most, most))
    _check_answers(system, live)
    assert set(live) <= {of for _, of in job_processes()}


def test_starts_without_free_processes_are_refused_clearly_and_the_slot_returns(of_a_user: System) -> None:
    """workers W3, W6 (F10): the kernel refuses to fork; nothing is lost, and after stops the next start is taken."""
    of_a_user.start()
    with httpx.Client(base_url=of_a_user.url, trust_env=False, timeout=BOUND_S) as client:
        live, refused = _start_until_refused(of_a_user, client)
    assert set(refused) <= REFUSALS, (refused, of_a_user.told())
    _check_alive(of_a_user, live)
    for job_id in live[:4]:
        calls.stop(of_a_user, job_id)
    wait_until(lambda: calls.try_start(of_a_user, "sleep", "600").status_code == httpx.codes.CREATED, BOUND_S, of_a_user.told)
    _check_answers(of_a_user, live[4:])


def test_a_worker_whose_slots_are_taken_says_so_and_takes_the_next_after_a_stop(tmp_path: Path) -> None:
    """workers W4, S7 `slots`: refused starts run nothing."""
    system = System(tmp_path, settings={"slots": str(FEW_SLOTS)})
    try:
        system.start()
        live = [calls.start(system, "sleep", "600") for _ in range(FEW_SLOTS)]
        answer = calls.try_start(system, "sleep", "600")
        assert (answer.status_code, answer.json()) == (500, {"error": "worker busy"})
        calls.stop(system, live.pop())
        live.append(calls.start(system, "sleep", "600"))
        _check_alive(system, live)
    finally:
        clear(system)


def test_files_that_may_not_grow_make_the_store_unavailable_and_lose_nothing(system: System) -> None:
    """workers W3, I10 (F9): as a full disk does, without the right to mount one; everything goes on when there is room again."""
    system.start()
    running = calls.start(system, "sleep", "600")
    _let_files_grow(system, to_bytes=4096)
    answers = [calls.try_start(system, "sh", "job.sh") for _ in range(5)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(500, {"error": "store unavailable"})] * 5
    assert not system.evidence
    assert calls.query(system, running) == calls.RUNNING
    _let_files_grow(system, to_bytes=None)
    wait_until(lambda: calls.try_start(system, "sh", "job.sh").status_code == httpx.codes.CREATED, BOUND_S, system.told)
    calls.stop(system, running)
    assert calls.query(system, running) == calls.KILLED


def _start_until_refused(system: System, client: httpx.Client) -> tuple[list[str], Counter[str]]:
    """Return the jobs that were taken, and how often what was said of those that were not: ten refusals in a row."""
    live: list[str] = []
    refused: Counter[str] = Counter()
    in_a_row = 0
    while in_a_row < 10:
        answer = client.post("/start", json=SLEEP)
        in_a_row = 0 if answer.status_code == httpx.codes.CREATED else in_a_row + 1
        if in_a_row:
            refused[answer.json()["error"]] += 1
        else:
            live.append(answer.json()["job_id"])
    assert len(live) > 8, (refused, system.told())
    return live, refused


def _check_alive(system: System, live: list[str]) -> None:
    """Check that of all jobs ever asked for exactly these have a process (I1, I2)."""
    wait_until(lambda: {of for _, of in job_processes() if _is_of(system, of)} == set(live), BOUND_S, system.told)
    _check_answers(system, live)


def _check_answers(system: System, live: list[str]) -> None:
    assert [calls.query(system, job_id) for job_id in live] == [calls.RUNNING] * len(live)


def _is_of(system: System, job_id: str) -> bool:
    url = f"{system.url}/api/v1/jobs/{job_id}"
    return httpx.get(url, trust_env=False).status_code == httpx.codes.OK


def _let_files_grow(system: System, to_bytes: int | None) -> None:
    """Bound the size of every file that the server, its fork servers and its shims write."""
    for pid in (system.process.pid, *system.helpers()):
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if to_bytes is None else to_bytes, most))


def _mine() -> list[str]:
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.stat().st_uid == os.geteuid()]
