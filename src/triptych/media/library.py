"""What is remembered of films that were indexed: one file each in the data folder, written and read by job processes (media 4.2, T1).

A film is known by its content. Its file is put in place whole, so that readers need no lock; one that expired is no more there for them.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
import structlog

FOLDER = "index"
SUFFIX = ".film"
HEAD = struct.Struct("<8sq")
"""Which form of hashes follows, and the second of 1970 at which the film expires."""
FORM = b"tript-1\n"
PIECES = 64
PIECE_BYTES = 65_536
ABANDONED_S = 86_400

log = structlog.get_logger()


class Film(msgspec.Struct, frozen=True, array_like=True):
    """One film as it is remembered: `times` are int64 microseconds from offset 0, `hashes` 32 bytes for each of them."""

    source: str
    times: bytes
    hashes: bytes


@dataclass(frozen=True, slots=True)
class Library:
    """The films below `data_dir`; there may be none, and no folder."""

    data_dir: Path

    def films(self, now: datetime, *, besides: str) -> Iterator[Film]:
        """Yield the films that have not expired at `now`, in the order of their content; never the one whose content is `besides`."""
        for path in self._paths():
            if path.stem != besides and (film := _read(path, now)) is not None:
                yield film

    def keep(self, content: str, film: Film, until: datetime) -> None:
        """Remember a film until then, in place of what was known of the same content. Raises `OSError`; then all is as before."""
        folder = self.data_dir / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        with NamedTemporaryFile(dir=folder, delete=False) as file:
            try:
                file.write(HEAD.pack(FORM, int(until.timestamp())) + msgspec.msgpack.encode(film))
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(folder / f"{content}{SUFFIX}")
            except OSError:
                Path(file.name).unlink()
                raise

    def sweep(self, now: datetime) -> None:
        """Delete what has expired at `now`, and what a writer that died has left."""
        for path in self._paths():
            if _expiry(path) <= now.timestamp():
                path.unlink(missing_ok=True)
        for path in self._paths(""):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < now.timestamp() - ABANDONED_S:
                    path.unlink()

    def _paths(self, suffix: str = SUFFIX) -> list[Path]:
        with suppress(FileNotFoundError):
            return sorted(path for path in (self.data_dir / FOLDER).iterdir() if path.suffix == suffix)
        return []


def content_of(descriptor: int) -> str:
    """Return what tells a file from every other: the hash of its size and of 64 pieces spread evenly over it, all of it up to 4 MiB."""
    size = os.fstat(descriptor).st_size
    digest = sha256(size.to_bytes(8, "little"))
    step = max(PIECE_BYTES, (size - PIECE_BYTES) // (PIECES - 1))
    for at in range(0, size, step):
        digest.update(os.pread(descriptor, PIECE_BYTES, at))
    return digest.hexdigest()


def _expiry(path: Path) -> float:
    """Return the second of 1970 at which a film expires; 0 for what is no film of this form."""
    with suppress(OSError, struct.error), path.open("rb") as file:
        form, expiry = HEAD.unpack(file.read(HEAD.size))
        return float(expiry) if form == FORM else 0.0
    return 0.0


def _read(path: Path, now: datetime) -> Film | None:
    if _expiry(path) <= now.timestamp():
        return None
    try:
        return msgspec.msgpack.decode(path.read_bytes()[HEAD.size :], type=Film)
    except (OSError, msgspec.DecodeError) as fault:
        log.warning("film not read", film=path.name, reason=type(fault).__name__)
        return None
