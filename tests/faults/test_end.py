"""A clean end, and a second server on the same data folder."""

from pathlib import Path

import httpx

from faults.clip import make_long_clip
from faults.system import GONE_BOUND_S, WORKER, System, job_processes, users_of, wait_until

END_BOUND_S = 5.0
REFUSED = 2
IDLE_SHIMS = 8


def _start(system: System) -> str:
    answer = httpx.post(f"{system.url}/start", json={"worker_id": WORKER, "command": "sh", "path": "job.sh"}, trust_env=False)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["job_id"])


def _annotate(system: System) -> None:
    make_long_clip(system.media / "long.mp4", 100_000)
    body = {"inputUri": "/long.mp4", "features": ["IN_BLACK"]}
    assert httpx.post(f"{system.url}/api/ai/jobs", json=body, trust_env=False).status_code == httpx.codes.OK


def _track(system: System) -> None:
    answer = httpx.put(f"{system.url}/api/job", params={"cause": "track", "admin_id": "x"}, trust_env=False)
    assert answer.json() == {"status": "OK"}


def test_an_interrupt_ends_everything_within_five_seconds(system: System, tmp_path: Path) -> None:
    """Commands, their grandchildren in sessions of their own, an annotation and a tracking camera: nothing is left."""
    system.start()
    jobs = {_start(system) for _ in range(12)}
    _annotate(system)
    _track(system)
    assert system.stop(END_BOUND_S) == 0
    wait_until(lambda: not users_of(tmp_path), GONE_BOUND_S, lambda: f"still there: {users_of(tmp_path)}")
    assert not [pid for pid, job_id in job_processes() if job_id in jobs]


def test_after_a_clean_end_every_job_is_told_as_it_ended(system: System) -> None:
    system.start()
    jobs = {_start(system) for _ in range(8)}
    system.stop(END_BOUND_S)
    system.start()
    for job_id in jobs:
        record = httpx.get(f"{system.url}/api/v1/jobs/{job_id}", trust_env=False).raise_for_status().json()
        assert record["state"] == "ended"
        assert record["end_reason"] in {"exited", "stopped", "worker_lost"}
    assert set(system.evidence.values()) == {1}


def test_a_second_server_on_the_same_data_folder_is_refused_and_harms_nothing(system: System, tmp_path: Path) -> None:
    system.start()
    job_id = _start(system)
    second = System(_made(tmp_path / "second"), data=system.data)
    second.launch()
    assert second.process.wait(READ_BOUND_S) == REFUSED
    told = second.told().strip()
    assert len(told.splitlines()) == 1
    assert f"the data folder {system.data} is in use by another server (pid {system.process.pid})" in told
    answer = httpx.post(f"{system.url}/query", json={"worker_id": WORKER, "job_id": job_id}, trust_env=False)
    assert answer.status_code == httpx.codes.OK


READ_BOUND_S = 30.0


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_but_for_commands_nothing_outlives_a_killed_server_for_long(system: System, tmp_path: Path) -> None:
    """engine 2.4: job processes whose agent is gone finalise and exit within 5 s, idle shims and fork servers with them."""
    system.start()
    _annotate(system)
    _track(system)
    assert len(users_of(tmp_path)) > IDLE_SHIMS
    system.kill()
    wait_until(lambda: not users_of(tmp_path), GONE_BOUND_S, lambda: f"still there: {users_of(tmp_path)}")


def test_a_folder_that_a_killed_server_held_is_free_at_once(system: System) -> None:
    """Job processes and fork servers that outlive the server by a moment hold no lock of it."""
    system.start()
    _start(system)
    system.kill()
    system.start()
