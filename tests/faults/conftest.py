"""Systems that are killed, ended and starved; nothing of them outlives its test."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from faults.system import GONE_BOUND_S, System, users_of, wait_until

DISK = "24m"
END_BOUND_S = 20.0


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
    """End what a test started. Where a server lives it must do so itself: nobody may be left of it, its shims and its jobs."""
    was_alive = system.is_alive
    try:
        if was_alive:
            system.stop(END_BOUND_S)
            wait_until(lambda: not users_of(system.folder), GONE_BOUND_S, lambda: f"still there: {users_of(system.folder)}")
    finally:
        system.kill()
        for pid in users_of(system.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
