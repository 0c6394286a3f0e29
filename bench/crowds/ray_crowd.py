"""Ray Jobs: a cluster of this machine alone, jobs by its HTTP API; each job gets a supervisor of its own, which is most of its time."""

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import ray
from ray.job_submission import JobSubmissionClient

IN_FLIGHT = 32
BOUND_S = 150.0
POLL_S = 0.05
OVER = {"SUCCEEDED", "FAILED", "STOPPED"}


def main(jobs: int) -> None:
    """Bring up a cluster, run `jobs` and print the rate."""
    if not jobs:
        return
    # Ray keeps a token in the home folder; a bench leaves nothing there.
    with tempfile.TemporaryDirectory(prefix="bench-ray-") as home:
        os.environ["HOME"] = home
        _measure(jobs)


def _measure(jobs: int) -> None:
    context = ray.init(include_dashboard=True, dashboard_port=0, num_cpus=os.cpu_count(), log_to_driver=False)
    try:
        client = JobSubmissionClient(f"http://{context.dashboard_url}")
        begun = time.perf_counter()
        with ThreadPoolExecutor(IN_FLIGHT) as clients:
            list(clients.map(lambda _: _one(client), range(jobs)))
        took_s = time.perf_counter() - begun
    finally:
        ray.shutdown()
    sys.stdout.write(json.dumps({"jobs_per_s": jobs / took_s}) + "\n")


def _one(client: JobSubmissionClient) -> None:
    job_id = client.submit_job(entrypoint="true")
    until = time.monotonic() + BOUND_S
    while str(client.get_job_status(job_id).value) not in OVER:
        if time.monotonic() > until:
            raise TimeoutError(job_id)
        time.sleep(POLL_S)


if __name__ == "__main__":
    main(int(sys.argv[1]))
