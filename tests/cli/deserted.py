"""What a system leaves behind: processes that still use its folder."""

import time
from pathlib import Path

GONE_BOUND_S = 10.0
POLL_S = 0.05


def users_of(folder: Path) -> list[str]:
    """Return the command lines of processes that name `folder` in their words, variables, working directory or open files."""
    return [" ".join(_words(entry)) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _uses(entry, str(folder))]


def is_deserted(folder: Path) -> bool:
    """Wait until no process uses `folder`; False when some still do at the bound."""
    deadline = time.monotonic() + GONE_BOUND_S
    while users_of(folder) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return not users_of(folder)


def _uses(entry: Path, folder: str) -> bool:
    try:
        words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        links = [(entry / "cwd").readlink(), *(link.readlink() for link in (entry / "fd").iterdir())]
    except OSError:
        return False
    return folder.encode() in words or any(str(link).startswith(folder) for link in links)


def _words(entry: Path) -> list[str]:
    try:
        return (entry / "cmdline").read_text().split("\0")
    except OSError:
        return []
