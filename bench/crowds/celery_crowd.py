"""Celery with Redis: one worker, a log of Redis that is synced before each answer, and 32 threads that wait for their results."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from celery import Celery

IN_FLIGHT = 32
WORKERS = 8
BOUND_S = 60.0
APP = Celery("celery_crowd")


def run_true() -> int:
    """Run the job as a Celery task."""
    return subprocess.run(["true"], check=False).returncode


task = APP.task(name="run_true")(run_true)


def main(jobs: int) -> None:
    """Bring up Redis and a worker, run `jobs` and print the rate."""
    redis = shutil.which("redis-server")
    if redis is None:
        sys.exit("no redis-server on PATH")
    if not jobs:
        return
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        url = f"redis://127.0.0.1:{port}/0"
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        store = subprocess.Popen([redis, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, *durable], stdout=subprocess.DEVNULL)
        words = ["-m", "celery", "-A", "celery_crowd", "worker", "-c", str(WORKERS), "-l", "error", "--without-gossip", "--without-mingle"]
        worker = subprocess.Popen(
            [sys.executable, *words], cwd=Path(__file__).parent, env={"CROWD_URL": url, "PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL
        )
        try:
            _measure(url, jobs)
        finally:
            for process in (worker, store):
                process.terminate()
                process.wait()


def _measure(url: str, jobs: int) -> None:
    APP.conf.update(broker_url=url, result_backend=url)
    with ThreadPoolExecutor(IN_FLIGHT) as clients:
        list(clients.map(_one, range(IN_FLIGHT)))
        begun = time.perf_counter()
        list(clients.map(_one, range(jobs)))
        took_s = time.perf_counter() - begun
    sys.stdout.write(json.dumps({"jobs_per_s": jobs / took_s}) + "\n")


def _one(_: int) -> None:
    task.delay().get(timeout=BOUND_S)


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


if __name__ == "__main__":
    main(int(sys.argv[1]))
else:
    import os

    APP.conf.update(broker_url=os.environ.get("CROWD_URL"), result_backend=os.environ.get("CROWD_URL"))
