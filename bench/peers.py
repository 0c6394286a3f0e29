"""Others that start jobs, beside ours: each runs `true` with 32 jobs in flight, as durably as it can, by turns in one run.

`BENCH_PEERS_PYTHON` names an interpreter that has the extra `bench`, where this one has not.
"""

import asyncio
import json
import os
import subprocess
import sys
from importlib import resources
from statistics import median

from bench import floor
from bench.crowds import ours
from bench.figure import Baseline, Figure

ROUNDS = 3
JOBS = 600
FEW_JOBS = 16
BOUND_S = 180
PEERS = {"celery": ("Celery and Redis", JOBS), "pgqueuer": ("PgQueuer and PostgreSQL", JOBS), "ray": ("Ray Jobs", FEW_JOBS)}
NEEDS = "pip install -e '.[bench]', and redis-server on PATH"


def figures() -> list[Figure]:
    """Measure workers P1 beside its peers: jobs run to their end in a second, the median of three rounds that take turns."""
    present = [name for name in PEERS if _is_there(name)]
    rates: dict[str, list[float]] = {name: [] for name in ("floor", "ours", *present)}
    for number in range(ROUNDS):
        rates["floor"].append(1 / asyncio.run(floor.asyncio_seconds_per_start()))
        rates["ours"].append(ours.rate(JOBS))
        for name in present:
            if number == 0 or PEERS[name][1] == JOBS:
                rates[name].append(_rate(name))
    middle = {name: median(found) for name, found in rates.items()}
    return [_ours(middle), *(_peer(name, middle) for name in PEERS)]


def _ours(middle: dict[str, float]) -> Figure:
    beside = Baseline("asyncio spawn loop", middle["floor"])
    return Figure(name="ours, start to end", value=middle["ours"], unit="jobs/s", baseline=beside)


def _peer(name: str, middle: dict[str, float]) -> Figure:
    title = PEERS[name][0]
    if name not in middle:
        return Figure(name=f"{title}: absent", value=float("nan"), unit="jobs/s", note=NEEDS)
    ratio = f"ours is {middle['ours'] / middle[name]:.3g} times that"
    return Figure(name=title, value=middle[name], unit="jobs/s", baseline=Baseline("ours", middle["ours"]), note=ratio)


def _python() -> str:
    return os.environ.get("BENCH_PEERS_PYTHON") or sys.executable


def _script(name: str) -> str:
    return str(resources.files("bench.crowds") / f"{name}_crowd.py")


def _is_there(name: str) -> bool:
    """Say whether a peer and what it needs are installed."""
    return subprocess.run([_python(), _script(name), "0"], check=False, capture_output=True, timeout=BOUND_S).returncode == 0


def _rate(name: str) -> float:
    words = [_python(), _script(name), str(PEERS[name][1])]
    run = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=BOUND_S)
    told = [line for line in run.stdout.splitlines() if line.startswith(b"{")]
    return float(json.loads(told[-1])["jobs_per_s"])
