"""A full disk: answers as specified, nothing started, and everything goes on when space returns."""

import re
from io import FileIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from faults.system import WORKER, System, job_processes, wait_until

BACK_BOUND_S = 30.0
REFUSED = 2
STORE_UNAVAILABLE = {"error": "store unavailable"}


def _post(system: System, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{system.url}{path}", json=body, trust_env=False, timeout=30.0)


def _start(system: System) -> httpx.Response:
    return _post(system, "/start", {"worker_id": WORKER, "command": "sh", "path": "job.sh"})


def _sleep(system: System) -> str:
    answer = _post(system, "/start", {"worker_id": WORKER, "command": "sleep", "path": "600"})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["job_id"])


def _query(system: System, job_id: str) -> Any:
    return _post(system, "/query", {"worker_id": WORKER, "job_id": job_id}).json()


def _seen_at(system: System) -> str:
    (worker,) = httpx.get(f"{system.url}/api/v1/workers", trust_env=False).json()["workers"]
    return str(worker["seen_at"])


@pytest.fixture
def filler(small_disk: Path) -> Path:
    return small_disk / "filler"


def _fill(filler: Path) -> None:
    """Take every block that is free."""
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            with pytest.raises(OSError, match="No space left"):
                _write_for_ever(file, bytes(size))


def _write_for_ever(file: FileIO, data: bytes) -> None:
    while True:
        file.write(data)


def test_a_full_disk_starts_nothing_and_says_so(starved: System, filler: Path) -> None:
    """workers W3: `store unavailable`; nothing is started, and what was running is still told as running."""
    starved.start()
    running = _sleep(starved)
    _fill(filler)
    answers = [_start(starved) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {500}
    assert [answer.json() for answer in answers] == [STORE_UNAVAILABLE] * 5
    assert not starved.evidence
    assert _query(starved, running) == {"done": False, "error": False, "error_text": ""}


def test_everything_goes_on_when_space_returns(starved: System, filler: Path) -> None:
    starved.start()
    running = _sleep(starved)
    _fill(filler)
    assert _start(starved).json() == STORE_UNAVAILABLE
    filler.unlink()
    wait_until(lambda: _start(starved).status_code == httpx.codes.CREATED, BACK_BOUND_S, starved.told)
    assert _post(starved, "/stop", {"worker_id": WORKER, "job_id": running}).json() == {"success": True}
    assert _query(starved, running) == {"done": True, "error": True, "error_text": "signal: killed"}


def test_a_stop_works_on_a_full_disk(starved: System, filler: Path) -> None:
    """workers, failure texts: on `store unavailable` stops still work."""
    starved.start()
    running = _sleep(starved)
    _fill(filler)
    assert _start(starved).json() == STORE_UNAVAILABLE
    assert _post(starved, "/stop", {"worker_id": WORKER, "job_id": running}).json() == {"success": True}
    wait_until(lambda: running not in {job_id for _, job_id in job_processes()}, BACK_BOUND_S, starved.told)
    filler.unlink()
    wait_until(lambda: _query(starved, running)["done"], BACK_BOUND_S, starved.told)
    assert _query(starved, running) == {"done": True, "error": True, "error_text": "signal: killed"}


def test_a_worker_on_a_full_disk_stays_connected(starved: System, filler: Path) -> None:
    """What its journal cannot take does not silence it: its lease would run out."""
    starved.start()
    running = _sleep(starved)
    _fill(filler)
    for _ in range(3):
        before = _seen_at(starved)
        wait_until(lambda before=before: _seen_at(starved) > before, BACK_BOUND_S, starved.told)
    filler.unlink()
    assert _query(starved, running) == {"done": False, "error": False, "error_text": ""}


def test_a_start_on_a_full_disk_comes_up_or_is_refused_clearly_and_loses_nothing(starved: System, filler: Path, tmp_path: Path) -> None:
    """What it has to write may still fit into blocks that its files hold."""
    starved.start()
    running = _sleep(starved)
    starved.kill()
    _fill(filler)
    starved.log = tmp_path / "log"
    starved.launch()
    wait_until(lambda: starved.process.poll() is not None or starved.is_ready(), BACK_BOUND_S, starved.told)
    if starved.process.poll() is not None:
        assert starved.process.returncode == REFUSED
        assert re.fullmatch(r"triptych: (store unavailable|the store \S+ cannot be opened: .+)\n", starved.told())
    filler.unlink()
    starved.kill()
    starved.start()
    assert _query(starved, running) == {"done": False, "error": False, "error_text": ""}
