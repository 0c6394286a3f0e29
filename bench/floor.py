"""The floor under every start: processes started in a bare loop, nothing kept, nothing asked."""

import os
import subprocess
import time

TRUE = ["true"]
ROUNDS = 300


def seconds_per_start() -> float:
    """Return what one `subprocess.Popen` of `true` with its wait takes, on average."""
    begun = time.perf_counter()
    for _ in range(ROUNDS):
        subprocess.Popen(TRUE).wait()
    return (time.perf_counter() - begun) / ROUNDS


def cpu_seconds_per_start() -> float:
    """Return the CPU time of one such start, children included."""
    begun = _cpu_s()
    for _ in range(ROUNDS):
        subprocess.Popen(TRUE).wait()
    return (_cpu_s() - begun) / ROUNDS


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
