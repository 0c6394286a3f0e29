"""A shim's spool that is full or torn: F9 and F16 of the workers panel, seen from outside."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults import calls
from faults.system import System, job_processes, wait_until
from triptych.agent.adopt import read
from triptych.agent.spool import page_of, pages_of

BOUND_S = 30.0
MANY = 200_000
TORN_BYTES = 3
WRITER = """\
trap 'seq 1 {many}; echo done > {folder}/$TRIPTYCH_JOB_ID' USR1
trap 'echo last; exit 5' USR2
echo first
while :; do sleep 0.05; done
"""
LOUD = "".join(f"{number}\n" for number in range(1, MANY + 1)).encode()
WRITTEN = b"first\n" + LOUD + b"last\n"


def _writer(system: System) -> tuple[str, int]:
    """Start a job that writes much at SIGUSR1 and ends with 5 at SIGUSR2; return it and its pid when it can."""
    job_id = calls.submit(system, "bash", system.script("writer.sh", WRITER.replace("{many}", str(MANY))), cwd="root")
    wait_until(lambda: calls.output(system, job_id) == b"first\n", BOUND_S, system.told)
    return job_id, int(calls.record(system, job_id)["pid"])


@contextmanager
def _no_room(pid: int) -> Iterator[None]:
    """Let the kernel refuse whatever the shim of a job would write to a file, as a full disk does."""
    shim = _parent(pid)
    most = resource.prlimit(shim, resource.RLIMIT_FSIZE)
    resource.prlimit(shim, resource.RLIMIT_FSIZE, (1, most[1]))
    try:
        yield
    finally:
        if Path(f"/proc/{shim}").exists():
            resource.prlimit(shim, resource.RLIMIT_FSIZE, most)


def _write_much(system: System, job_id: str, pid: int) -> None:
    """Return when the job wrote all: far more than its pipe holds, so its shim has read most of it."""
    os.kill(pid, signal.SIGUSR1)
    wait_until((system.folder / job_id).exists, BOUND_S, system.told)


def _check_told(system: System, job_id: str) -> list[list[int]]:
    """Check that a job ended with 5 in its first attempt, and every byte that is kept; return the gaps."""
    record = calls.ended(system, job_id)
    assert (record["end_reason"], record["exit_code"], record["attempt"]) == ("exited", 5, 1), system.told()
    gaps: list[list[int]] = record["output"]["stdout"]["gaps"]
    assert record["output"]["stdout"]["bytes"] == len(WRITTEN)
    begin, kept = 0, b""
    for since, until in [*gaps, [len(WRITTEN), len(WRITTEN)]]:
        kept += WRITTEN[begin:since]
        begin = until
    assert calls.output(system, job_id) == kept
    return gaps


def test_a_full_spool_costs_nothing_while_the_server_is_there(system: System) -> None:
    """workers O5 (F9): bytes and states go over the line; the job neither waits nor ends."""
    system.start()
    job_id, pid = _writer(system)
    with _no_room(pid):
        for verb, state in (("pause", "paused"), ("resume", "running")):
            assert calls.post(system, f"/api/v1/jobs/{job_id}/{verb}", {}).is_success
            wait_until(lambda state=state: calls.record(system, job_id)["state"] == state, BOUND_S, system.told)
        _write_much(system, job_id, pid)
        os.kill(pid, signal.SIGUSR2)
        assert _check_told(system, job_id) == []


def test_what_a_full_spool_could_not_take_is_a_gap_and_the_job_goes_on(system: System) -> None:
    """workers O3, I5 (F9): nobody is there to hear it; what is written when there is room again is kept at its place."""
    system.start()
    job_id, pid = _writer(system)
    system.kill()
    with _no_room(pid):
        _write_much(system, job_id, pid)
    assert Path(f"/proc/{pid}").exists()
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), BOUND_S)
    system.start()
    ((since, until),) = _check_told(system, job_id)
    assert since == len(b"first\n")
    assert until > len(LOUD) // 2


@pytest.mark.parametrize("room", ["comes back before the start", "never comes back"])
def test_how_a_job_ended_beside_a_full_spool_is_told_at_the_next_start(system: System, room: str) -> None:
    """workers F4, F9: a state is never lost; its shim waits for room, or for whoever asks."""
    system.start()
    job_id, pid = _writer(system)
    system.kill()
    with _no_room(pid):
        os.kill(pid, signal.SIGUSR1)
        os.kill(pid, signal.SIGUSR2)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), BOUND_S)
        if room == "never comes back":
            system.start()
            _check_told(system, job_id)
            return
    wait_until(lambda: not system.helpers(), BOUND_S, lambda: f"still there: {system.helpers()}")
    system.start()
    _check_told(system, job_id)


def test_a_torn_last_record_of_a_spool_costs_only_what_it_said(system: System) -> None:
    """workers K11, K12, I1, I2 (F16): server, agent, fork server and shims are killed, and each spool ends within a record."""
    system.start()
    pids = dict(_writer(system) for _ in range(2))
    whole, cut = pids
    running = calls.submit(system, "sh", system.script("two.sh", "setsid sleep 600 &\nsleep 600"), cwd="root")
    wait_until(lambda: calls.record(system, running)["state"] == "running", BOUND_S, system.told)
    system.kill()
    for pid in pids.values():
        os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: all((job_id, 1) in read(str(_spool_of(system, job_id))).ended for job_id in pids), BOUND_S)
    for pid in system.helpers():
        _kill(pid)
    wait_until(lambda: not system.helpers(), BOUND_S)
    for job_id in (whole, cut, running):
        page = _last_page(_spool_of(system, job_id))
        data = page.read_bytes()
        page.write_bytes(data + data[:-TORN_BYTES] if job_id == whole else data[:-TORN_BYTES])
    system.start()
    assert _verdict(system, whole) == ("exited", 5, 1)
    assert calls.output(system, whole) == b"first\nlast\n"
    assert _verdict(system, cut) == _verdict(system, running) == ("worker_lost", None, 1)
    assert calls.output(system, cut) == b"first\nlast\n"
    assert not {of for _, of in job_processes()} & {whole, cut, running}
    calls.stop(system, calls.start(system, "sleep", "600"))


def _verdict(system: System, job_id: str) -> tuple[str, int | None, int]:
    record = calls.ended(system, job_id)
    return record["end_reason"], record["exit_code"], record["attempt"]


def _spool_of(system: System, job_id: str) -> Path:
    """Return the spool that names this job."""
    (spool,) = (page.parent for page in system.data.glob("spool/*/0*") if job_id.encode() in page.read_bytes())
    return spool


def _last_page(spool: Path) -> Path:
    return Path(page_of(str(spool), pages_of(str(spool))[-1]))


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
