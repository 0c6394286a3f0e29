"""Media that came in a request: files of the data folder, each the input of one job and gone when that is over (media V6)."""

import os
import re
import secrets
from collections.abc import Collection
from pathlib import Path

from triptych.errors import NotFound

FOLDER = "content"
NAME_BYTES = 16


def keep(data_dir: str | Path, content: bytes) -> str:
    """Write `content` to a new file that only this account can read, and return its name; it is on the disk then."""
    folder = Path(data_dir) / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    name = secrets.token_hex(NAME_BYTES)
    descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        drop(data_dir, name)
        raise
    return name


def open_content(data_dir: str | Path, name: str) -> int:
    """Return a read-only descriptor of the file; the caller closes it. Raises `NotFound` when it is gone or never was one."""
    try:
        return os.open(_path(data_dir, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as fault:
        raise NotFound("input not found", code="input_not_found", field="inputContent") from fault


def drop(data_dir: str | Path, name: str) -> None:
    """Delete the file; one that is gone already is no fault."""
    _path(data_dir, name).unlink(missing_ok=True)


def drop_all_but(data_dir: str | Path, names: Collection[str]) -> None:
    """Delete every such file that is not among `names`: the inputs of jobs that are over, or never came to be."""
    for path in (Path(data_dir) / FOLDER).glob("*"):
        if path.name not in names:
            path.unlink(missing_ok=True)


def _path(data_dir: str | Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise NotFound("input not found", code="input_not_found", field="inputContent")
    return Path(data_dir) / FOLDER / name


_NAME = re.compile(rf"[0-9a-f]{{{2 * NAME_BYTES}}}")
