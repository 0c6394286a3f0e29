"""The data folder: who owns it, and what is remembered in it by name."""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triptych.errors import Conflict, Invalid

MAX_WORKER_ID_BYTES = 200


@contextmanager
def own(data_dir: Path) -> Iterator[None]:
    """Make the data folder (0700) and hold it until the end of the block; the kernel gives it back when the process dies.

    Raises `Conflict` with code `data_dir_in_use` when another server holds it, `Invalid` when it cannot be made or written: nothing in it
    is touched then.
    """
    lock = _open_lock(data_dir)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            raise Conflict(f"the data folder {data_dir} is in use by another server (pid {holder})", code="data_dir_in_use") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _open_lock(data_dir: Path) -> int:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise Invalid(f"the data folder {data_dir} cannot be used: {fault.strerror}", field="data_dir") from fault


def worker_id(data_dir: Path, wanted: str | None) -> str:
    """Return the id of the local worker: the one wanted (workers W10), else the folder's own, made at the first call."""
    if wanted is not None:
        return _checked(wanted)
    note = data_dir / "worker-id"
    if not note.exists():
        aside = note.with_suffix(".new")
        aside.write_text(f"{uuid.uuid4()}\n")
        aside.rename(note)
    return note.read_text().strip()


def _checked(name: str) -> str:
    if not 1 <= len(name.encode()) <= MAX_WORKER_ID_BYTES or not name.isprintable():
        raise Invalid("worker id must be 1 to 200 bytes of text without control characters", field="worker_id")
    return name
