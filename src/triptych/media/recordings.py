"""Recordings of alarm episodes: a piece of the input as a file below the data folder, written whole or not at all (media 3.3)."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triptych.media import cutting
from triptych.media.cutting import Done, Piece, Stretch, Thumbnail
from triptych.media.sandbox import Allowance, Decoder, confine

CPU_S = 3600
GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording that is ready: where it lies, and [start, end) in microseconds from offset 0."""

    size_bytes: int
    sha256: str
    start_us: int
    end_us: int


class Cutter:
    """One recording in the making, by a sandboxed process that reads the input; this one writes what comes to `path`."""

    def __init__(self, source: int, stretch: Stretch, path: Path) -> None:
        """Start cutting; `source` stays the caller's. Raises `OSError` when nothing can be written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._part = path.with_suffix(".part")
        self._file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._decoder = Decoder(source, lambda source, send: _cut(source, stretch, send))
        self._done: Done | None = None
        self._failed = False
        self.is_over = False
        self.recording: Recording | None = None

    def fileno(self) -> int:
        """Return what to wait for."""
        return self._decoder.fileno()

    def work(self) -> None:
        """Write what has arrived; then `is_over` tells whether all has, and `recording` whether it is good."""
        messages = self._decoder.read()
        try:
            for message in messages or ():
                self._take(cutting.decode(message))
            if messages is None:
                self._close(whole=self._decoder.join() == 0 and self._done is not None)
        except OSError:
            self.end()

    def end(self) -> None:
        """Stop cutting and keep nothing."""
        self._decoder.end()
        self._close(whole=False)

    def _take(self, message: cutting.FromCutter) -> None:
        match message:
            case Piece():
                os.pwrite(self._file, message.data, message.at)
            case Thumbnail():
                self._path.with_suffix(".jpg").write_bytes(message.data)
            case Done():
                self._done = message

    def _close(self, *, whole: bool) -> None:
        if self.is_over:
            return
        if whole and self._done is not None:
            os.fsync(self._file)
            size = os.fstat(self._file).st_size
            digest = hashlib.file_digest(open(self._file, "rb", closefd=False), "sha256").hexdigest()  # noqa: SIM115 - it is not ours alone
            self._part.rename(self._path)
            self.recording = Recording(size_bytes=size, sha256=digest, start_us=self._done.start_us, end_us=self._done.end_us)
        else:
            self._part.unlink(missing_ok=True)
            self._path.with_suffix(".jpg").unlink(missing_ok=True)
        self.is_over = True
        os.close(self._file)


def has_room(folder: Path, min_free_gib: float) -> bool:
    """Say whether the disk of `folder` has more than `min_free_gib` GiB free (media T2)."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(place).free >= min_free_gib * GIB


def _cut(source: int, stretch: Stretch, send: Callable[[bytes], None]) -> None:
    confine(Allowance(cpu_s=CPU_S))
    cutting.cut(source, stretch, lambda message: send(cutting.encode(message)))
