"""Disks that are really full: a small file system of its own where the machine allows one, and a limit on the size of files."""

import os
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def small_disk() -> Iterator[Path]:
    """Yield the folder of a file system of 2 MiB. Raises `OSError` where we may not make one."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as fault:
            raise OSError(f"no file system of our own: {fault}") from fault
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def disk_that_fills() -> Iterator[tuple[Path, Callable[[], None], Callable[[], None]]]:
    """Yield a folder, what fills its disk to the last byte, and what makes room again."""
    with small_disk() as folder:
        ballast = folder / "ballast"

        def fill() -> None:
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))

        yield folder, fill, ballast.unlink


@contextmanager
def files_that_stop_growing() -> Iterator[tuple[Path, Callable[[], None], Callable[[], None]]]:
    """Yield a folder, what forbids this process to make a file longer than any is in it, and what allows it again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def fill() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (max(path.stat().st_size for path in folder.iterdir()), hard))

        def free() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        try:
            yield folder, fill, free
        finally:
            free()


def kinds() -> dict[str, Callable[[], object]]:
    """Return every way to run out of space that this machine has, by name."""
    ways: dict[str, Callable[[], object]] = {"a limit on files": files_that_stop_growing}
    if os.geteuid() == 0:
        with suppress(OSError), small_disk():
            ways["a full disk"] = disk_that_fills
    return ways
