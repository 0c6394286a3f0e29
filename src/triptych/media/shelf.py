"""Finished chunks on disk, so that a job that begins again need not decode them again (media J5)."""

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from triptych import __version__
from triptych.media.chunks import Chunk
from triptych.media.measured import Finished, FromDecoder, decode, encode

SIZE_BYTES = 4


def fingerprint(source: int, ask: bytes) -> str:
    """Return what names the measuring of this very file, as it is now, for this very ask, by this very version."""
    found = os.fstat(source)
    told = (__version__, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    return hashlib.sha256(repr(told).encode() + ask).hexdigest()[:32]


class Shelf:
    """The chunks of one job in a folder of its own; what lies there for another fingerprint is of no use and goes.

    A disk that takes nothing more costs the reuse, never the job.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._home = folder / name

    def put(self, chunk: Chunk) -> "Slot":
        """Return where the messages of a chunk go as they come."""
        return Slot(self._home / _name(chunk))

    def has(self, chunk: Chunk) -> bool:
        """Say whether a whole chunk lies here."""
        path = self._home / _name(chunk)
        with suppress(OSError, ValueError):
            return any(isinstance(last, Finished) for last in deque(_messages(path), maxlen=1))
        return False

    def take(self, chunk: Chunk) -> Iterator[FromDecoder]:
        """Yield the messages of a chunk that lies here."""
        yield from _messages(self._home / _name(chunk))

    def tidy(self) -> None:
        """Remove what was kept for other asks."""
        for other in self._folder.iterdir() if self._folder.is_dir() else ():
            if other != self._home:
                shutil.rmtree(other, ignore_errors=True)

    def clear(self) -> None:
        """Remove everything: the job is over."""
        shutil.rmtree(self._folder, ignore_errors=True)


class Slot:
    """One chunk on its way to the shelf; it lies there once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_suffix(".part")
        self._file: BinaryIO | None = None
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("wb")

    def add(self, message: FromDecoder) -> None:
        """Keep the next message; with `Finished` the chunk is whole."""
        if self._file is None:
            return
        data = encode(message)
        try:
            self._file.write(len(data).to_bytes(SIZE_BYTES) + data)
            if isinstance(message, Finished):
                self.close()
                self._part.rename(self._path)
        except OSError:
            self.close()

    def close(self) -> None:
        """Take nothing more."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None


def _name(chunk: Chunk) -> str:
    return f"{chunk.first}-{chunk.last}"


def _messages(path: Path) -> Iterator[FromDecoder]:
    """Yield the messages in a file; raises `ValueError` where it is none."""
    with path.open("rb") as file:
        while head := file.read(SIZE_BYTES):
            yield decode(file.read(int.from_bytes(head)))
