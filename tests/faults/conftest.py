"""Systems that are killed, ended and starved; nothing of them outlives its test."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from faults.system import System, users_of

DISK = "24m"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    system = System(tmp_path)
    yield system
    clear(system)


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
    clear(system)


def clear(system: System) -> None:
    """End what a failed test left: the server, and every process that it or its jobs left an environment in."""
    system.kill()
    for pid in users_of(system.folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
