"""Plays inside a PID namespace of their own, where pids come round quickly: `smallspace.py PLAY FOLDER`."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx

from faults import calls
from faults.system import WORKER, System, job_processes, wait_until

NEXT_PID = Path("/proc/sys/kernel/ns_last_pid")
MOST_PIDS = Path("/proc/sys/kernel/pid_max")
SMALL = 400
BOUND_S = 30.0
SHORT_JOBS = 400
ROUND = 50
RESERVED = 300

SLEEPER = """\
sleep 600 &
wait
exec sleep 600
"""


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def bystanders(system: System) -> None:
    """Let strangers take the pids of everything that a job and a killed system had, then stop, kill and start again."""
    system.script("sleeper.sh", SLEEPER)
    system.start()
    strangers = _replace_a_grandchild(system)
    lost = [calls.start(system, "sh", "sleeper.sh") for _ in range(6)]
    freed = [pid for pid, of in job_processes() if of in lost] + system.helpers()
    system.kill()
    for pid in freed:
        _kill(pid)
    wait_until(lambda: not any(map(_is_there, freed)), BOUND_S)
    strangers += [_stranger(pid) for pid in freed]
    system.start()
    for job_id in lost:
        calls.stop(system, job_id)
        assert calls.query(system, job_id)["done"]
    assert system.stop(BOUND_S) == 0
    dead = [one.pid for one in strangers if one.poll() is not None]
    tell(f"strangers alive: {'all' if not dead else f'all but {dead}'} of {len(strangers)}")
    for one in strangers:
        one.kill()
        one.wait()


def wrap(system: System) -> None:
    """Run short jobs until the pids have come round several times, beside jobs that must not be touched by any of it."""
    # A kernel before 6.14 has one bound for all namespaces, which is not ours to change: there the pids are set back by hand.
    small = _bound_pids()
    system.start()
    long = [calls.start(system, "sleep", "600") for _ in range(4)]
    seen: Counter[int] = Counter()
    with httpx.Client(base_url=system.url, trust_env=False, timeout=BOUND_S) as client:
        for number in range(SHORT_JOBS):
            if not small and number % ROUND == 0:
                NEXT_PID.write_text(str(RESERVED))
            seen[_run_true(client)] += 1
    assert [calls.query(system, job_id) for job_id in long] == [calls.RUNNING] * len(long)
    for job_id in long:
        calls.stop(system, job_id)
        assert job_id not in {of for _, of in job_processes()}
    assert system.stop(BOUND_S) == 0
    tell(f"{max(seen.values())} jobs with one pid; wrapped: {'yes' if max(seen.values()) > 1 else 'no'}")


def _run_true(client: httpx.Client) -> int:
    """Run one short job and return the pid it had."""
    job_id = client.post("/start", json={"worker_id": WORKER, "command": "true", "path": ""}).json()["job_id"]
    record = client.get(f"/api/v1/jobs/{job_id}", params={"wait_s": BOUND_S}).json()
    assert (record["state"], record["end_reason"], record["exit_code"]) == ("ended", "exited", 0)
    return int(record["pid"])


def _replace_a_grandchild(system: System) -> list["subprocess.Popen[bytes]"]:
    """Let a stranger take the pid of a job's dead grandchild, then stop the job."""
    job_id = calls.start(system, "sh", "sleeper.sh")
    wait_until(lambda: len(_of(job_id)) == 2, BOUND_S)
    main = calls.record(system, job_id)["pid"]
    (grandchild,) = _of(job_id) - {main}
    _kill(grandchild)
    wait_until(lambda: not _is_there(grandchild), BOUND_S)
    stranger = _stranger(grandchild)
    calls.stop(system, job_id)
    assert stranger.poll() is None
    return [stranger]


def _stranger(pid: int) -> "subprocess.Popen[bytes]":
    """Start a process with this very pid that no job started."""
    for _ in range(100):
        NEXT_PID.write_text(str(pid - 1))
        process = subprocess.Popen(["sleep", "600"], start_new_session=True)
        if process.pid == pid:
            return process
        process.kill()
        process.wait()
    raise AssertionError(f"pid {pid} is not to be had")


def _bound_pids() -> bool:
    outside = int(MOST_PIDS.read_text())
    probe = "import sys; open('/proc/sys/kernel/pid_max', 'w').write('500'); "
    nested = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", probe]
    subprocess.run(nested, check=False, capture_output=True)
    if int(MOST_PIDS.read_text()) != outside:
        MOST_PIDS.write_text(str(outside))
        return False
    MOST_PIDS.write_text(str(SMALL))
    return True


def _of(job_id: str) -> set[int]:
    return {pid for pid, of in job_processes() if of == job_id}


def _is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def _be_init() -> None:
    """Return in a child; collect whoever dies as the first process of the namespace, until that child has ended."""
    play = os.fork()
    while play:
        pid, status = os.wait()
        if pid == play:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    _be_init()
    {"bystanders": bystanders, "wrap": wrap}[sys.argv[1]](System(Path(sys.argv[2])))
