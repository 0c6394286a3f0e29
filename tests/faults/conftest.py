"""Systems that are killed, ended and starved; nothing of them outlives its test."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from faults.system import System, job_processes

DISK = "24m"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    system = System(tmp_path)
    yield system
    _clear(system)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)], check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no right to mount a small file system")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def starved(tmp_path: Path, small_disk: Path) -> Iterator[System]:
    """A system whose data folder lies on the small disk, and what it logs beside it."""
    system = System(tmp_path, data=small_disk / "data")
    system.log = small_disk / "log"
    yield system
    _clear(system)


def _clear(system: System) -> None:
    """End what a failed test left: the server, and every process that its jobs left an environment in."""
    mine = {job_id for job_id, _ in system.evidence}
    system.kill()
    for pid, job_id in job_processes():
        if job_id in mine:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
