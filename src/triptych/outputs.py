"""Keeps what command jobs write, byte for byte at its own offset, as files under the data folder (workers O1-O4, O9)."""

import asyncio
import errno
import os
import re
import shutil
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from triptych.errors import Invalid, Unavailable
from triptych.messages import Key, Output, Report

STREAMS = ("stdout", "stderr")
OPEN_FILES = 256
READ_BYTES = 8 * 1024 * 1024
POOL = 4
MAX_OFFSET = 2**53

Gap = tuple[int, int]

_GAP = struct.Struct("<QQ")
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSlice:
    """A piece of a stream. `next_offset` is where to read on, `complete` says that nothing will ever follow it.

    A read that starts in a gap returns no data, the gap as [from, to), and `to` as the next offset.
    """

    data: bytes
    next_offset: int
    complete: bool
    gap: Gap | None = None


class Outputs:
    """The output of every attempt: `<folder>/<job id>/<attempt>/stdout|stderr`, and what is missing from it beside each.

    Appending never raises for the disk's sake: what cannot be written becomes a gap, and writing goes on when it can.
    """

    def __init__(self, folder: Path, *, open_files: int = OPEN_FILES) -> None:
        self._folder = folder
        self._open_files = open_files
        self._tapes: OrderedDict[Path, Tape] = OrderedDict()
        self._lock = threading.Lock()
        self._unfinished: set[Key] = set()
        self._dirty: set[Key] = set()
        self._syncing = asyncio.Lock()
        self._writer = ThreadPoolExecutor(1, "output-writer")
        self._pool = ThreadPoolExecutor(POOL, "output")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self._in_writer(self._close)
        self._writer.shutdown()
        self._pool.shutdown()

    async def append(self, reports: Sequence[Report]) -> None:
        """Keep the bytes of these output reports; a repeated chunk changes nothing, a hole before a chunk becomes a gap."""
        keys = {(report.job_id, report.attempt) for report in reports}
        self._unfinished |= keys
        await self._in_writer(partial(self._append, reports))
        self._dirty |= keys

    async def sync(self) -> frozenset[Key]:
        """Make everything appended so far durable; return the attempts of which something is not, for another try."""
        async with self._syncing:
            dirty, self._dirty = sorted(self._dirty), set()
            loop = asyncio.get_running_loop()
            done = await asyncio.gather(*(loop.run_in_executor(self._pool, self._synced, key) for key in dirty))
            failed = frozenset(key for key, durable in zip(dirty, done, strict=True) if not durable)
            self._dirty |= failed
            return failed

    async def finish(self, job_id: str, attempt: int) -> None:
        """Make an attempt's output durable and close its files; free for one that wrote nothing."""
        if (job_id, attempt) in self._unfinished:
            self._unfinished.discard((job_id, attempt))
            paths = [self._path(job_id, attempt, stream) for stream in STREAMS]
            await self._in_writer(partial(self._let_go, paths))
            # In the pool, not behind the writer: a file system makes several files durable in the time of one.
            await asyncio.get_running_loop().run_in_executor(self._pool, _make_durable, paths)

    async def read(self, job_id: str, attempt: int, stream: str, offset: int, limit: int, *, ended: bool = False) -> OutputSlice:
        """Return at most `limit` bytes (never over 8 MiB) from `offset` on; a read ends at a gap.

        `ended` says that the attempt's last report was taken. Raises `Invalid` for an unknown stream, `Unavailable` when the disk fails.
        """
        read = partial(self._read, self._path(job_id, attempt, stream), offset, min(limit, READ_BYTES), ended=ended)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, read)
        except OSError as fault:
            raise Unavailable("output cannot be read", code="store_unavailable") from fault

    async def forget(self, job_id: str) -> None:
        """Delete the output of every attempt of a job."""
        self._unfinished = {key for key in self._unfinished if key[0] != job_id}
        await self._in_writer(partial(self._forget, self._path(job_id, 0, STREAMS[0]).parent.parent))

    def _path(self, job_id: str, attempt: int, stream: str) -> Path:
        if stream not in STREAMS:
            raise Invalid("stream must be stdout or stderr", field="stream")
        if not _NAME.fullmatch(job_id):
            raise Invalid("job id is not one", field="job_id")
        return self._folder / job_id / str(attempt) / stream

    async def _in_writer(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, work)

    def _append(self, reports: Sequence[Report]) -> None:
        self._settle()
        for report in reports:
            try:
                self._keep(report)
            except (Invalid, OSError) as fault:
                log.warning("output lost", job_id=report.job_id, attempt=report.attempt, reason=str(fault))

    def _keep(self, report: Report) -> None:
        chunk = report.body
        if not isinstance(chunk, Output) or not 0 <= chunk.offset <= MAX_OFFSET:
            raise Invalid("no output at an offset")
        tape = self._tape(self._path(report.job_id, report.attempt, chunk.stream))
        owed = tape.owes
        with suppress(OSError) if owed else nullcontext():
            tape.put(chunk.offset, chunk.data)

    def _synced(self, key: Key) -> bool:
        try:
            paths = [self._path(*key, stream) for stream in STREAMS]
        except Invalid:
            return True
        with self._lock:
            owes = any(path in self._tapes and self._tapes[path].owes for path in paths)
        return _make_durable(paths) and not owes

    def _settle(self) -> None:
        for tape in [tape for tape in self._tapes.values() if tape.owes]:
            with suppress(OSError):
                tape.settle()

    def _tape(self, path: Path) -> "Tape":
        tape = self._tapes.get(path) or Tape(path)
        with self._lock:
            self._tapes[path] = tape
            self._tapes.move_to_end(path)
        if len(self._tapes) > self._open_files:
            for oldest in list(self._tapes)[: -self._open_files]:
                self._put_away(oldest)
        return tape

    def _put_away(self, path: Path) -> None:
        self._tapes[path].close()
        if not self._tapes[path].owes:
            with self._lock:
                del self._tapes[path]

    def _let_go(self, paths: Sequence[Path]) -> None:
        self._settle()
        for path in paths:
            if path in self._tapes:
                self._put_away(path)

    def _forget(self, folder: Path) -> None:
        for path in [path for path in self._tapes if path.is_relative_to(folder)]:
            self._tapes[path].close()
            with self._lock:
                del self._tapes[path]
        shutil.rmtree(folder, ignore_errors=True)

    def _close(self) -> None:
        self._settle()
        for tape in self._tapes.values():
            tape.close()

    def _read(self, path: Path, offset: int, limit: int, *, ended: bool) -> OutputSlice:
        with self._lock:
            tape = self._tapes.get(path)
        known = tape.known if tape is not None else _recall(path)
        gap = next((gap for gap in known.gaps if gap[1] > offset), None)
        if gap is not None and gap[0] <= offset:
            return OutputSlice(data=b"", next_offset=gap[1], complete=ended and gap[1] >= known.end, gap=gap)
        until = min(offset + limit, known.end if gap is None else gap[0])
        data = _read_file(path, offset, until - offset) if until > offset else b""
        following = offset + len(data)
        return OutputSlice(data=data, next_offset=following, complete=ended and following >= known.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How far a stream has come: every byte below `end` is in the file or in one of `gaps`, which rise and never touch."""

    end: int
    gaps: tuple[Gap, ...] = ()

    def without(self, until: int) -> "Known":
        """Return what is known once everything up to `until` is a gap."""
        before, start = self.gaps, self.end
        if before and before[-1][1] >= start:
            before, start = before[:-1], before[-1][0]
        return Known(end=until, gaps=(*before, (start, until)))


class Tape:
    """One stream's file, open for writing, and its list of gaps. A gap is on disk before any byte behind it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._owed: Gap | None = None
        self.known = _recall(path)

    @property
    def owes(self) -> bool:
        """Say whether a gap could not be written down yet."""
        return self._owed is not None

    def put(self, offset: int, data: bytes) -> None:
        """Keep what is new of a chunk. Raises OSError when the disk does not take it: then it is a gap."""
        until = offset + len(data)
        if until <= self.known.end:
            return
        try:
            if offset > self.known.end:
                self._miss(offset)
            self.settle()
            self._write(memoryview(data)[self.known.end - offset :])
        except OSError:
            self._miss(until)
            raise

    def settle(self) -> None:
        """Write the owed gap down. Raises OSError when the disk does not take it."""
        if self._owed is not None:
            _add_gap(_gaps_path(self._path), self._owed)
            self._owed = None

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _miss(self, until: int) -> None:
        self._owed = (self._owed[0] if self._owed else self.known.end, until)
        self.known = self.known.without(until)

    def _write(self, rest: memoryview) -> None:
        if self._file is None:
            self._file = _open(self._path)
        while rest:
            written = os.pwrite(self._file, rest, self.known.end)
            self.known = Known(end=self.known.end + written, gaps=self.known.gaps)
            rest = rest[written:]


def _gaps_path(path: Path) -> Path:
    return path.with_suffix(".gaps")


def _recall(path: Path) -> Known:
    # The size first: a gap written meanwhile then lies behind every byte that is counted.
    known = Known(end=_size(path))
    try:
        listed = _gaps_path(path).read_bytes()
    except FileNotFoundError:
        return known
    whole = len(listed) - len(listed) % _GAP.size
    gaps = Known(end=0)
    for start, until in _GAP.iter_unpack(listed[:whole]):
        gaps = replace(gaps, end=start).without(until)
    return replace(gaps, end=max(known.end, gaps.end))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, flags, 0o600)


def _add_gap(path: Path, gap: Gap) -> None:
    """Append a gap durably; what an attempt cut short left behind is overwritten."""
    listing = _open(path)
    try:
        size = os.fstat(listing).st_size
        if os.pwrite(listing, _GAP.pack(*gap), size - size % _GAP.size) < _GAP.size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fdatasync(listing)
    finally:
        os.close(listing)


def _read_file(path: Path, offset: int, size_bytes: int) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), size_bytes, offset)
    except FileNotFoundError:
        return b""


def _make_durable(paths: Sequence[Path]) -> bool:
    durable = True
    for path in paths:
        try:
            _sync(path)
        except FileNotFoundError:
            continue
        except OSError as fault:
            durable = False
            log.warning("output not durable", path=str(path), reason=str(fault))
    return durable


def _sync(path: Path) -> None:
    # The file alone: ext4, XFS and btrfs make the new names that lead to it durable with it.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
