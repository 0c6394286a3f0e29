"""Keeps what command jobs write, byte for byte at its own offset and in its order, under the data folder (workers O1-O5, O8-O10)."""

import asyncio
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec
import structlog

from triptych import reels
from triptych.errors import Invalid, Unavailable
from triptych.messages import Ended, Key, Output, Report
from triptych.model import EndReason, Job
from triptych.reels import MAX_OFFSET, STREAMS, Frame, Gap, Reel, State, StreamName

OPEN_REELS = 128
REMEMBERED = 64
READ_BYTES = 8 * 1024 * 1024
POOL = 4
FEW = 16
"""Attempts that are made durable one by one; of more, the whole disk is, in one go."""

Result = TypeVar("Result")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """What both streams got, in order. `next_seq` is where to read on, `complete` says that nothing will ever follow it."""

    frames: tuple[Frame, ...]
    next_seq: int
    complete: bool


class Outputs:
    """The output of every attempt, in the folder `<folder>/<job id>/<attempt>`. What else a job left lies in `<beside>/<job id>`.

    Appending never raises for the disk's sake: what cannot be written becomes a gap, and writing goes on when it can.
    """

    def __init__(self, folder: Path, *, beside: Path | None = None, open_reels: int = OPEN_REELS) -> None:
        self._folder = folder
        self._beside = beside
        self._open_reels = open_reels
        self._reels: OrderedDict[Key, Reel] = OrderedDict()
        self._remembered: OrderedDict[Path, tuple[tuple[int, int], State]] = OrderedDict()
        self._lock = threading.Lock()
        self._unfinished: set[Key] = set()
        self._dirty: set[Key] = set()
        self._syncing = asyncio.Lock()
        self._writer = ThreadPoolExecutor(1, "output-writer")
        self._pool = ThreadPoolExecutor(POOL, "output")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self._in(self._writer, self._close)
        await self.sync()
        self._writer.shutdown()
        self._pool.shutdown()

    async def append(self, reports: Sequence[Report]) -> None:
        """Keep the bytes of these output reports; a repeated chunk changes nothing, a hole before a chunk becomes a gap."""
        keys = {(report.job_id, report.attempt) for report in reports}
        self._unfinished |= keys
        try:
            await self._in(self._writer, partial(self._append, reports))
        finally:
            self._dirty |= keys

    async def finish(self, reports: Sequence[Report]) -> Sequence[Report]:
        """Close the output of every attempt that one of these reports ends, and return the reports, such an end with what was kept.

        What the worker read and never sent becomes a gap. Free for an attempt that wrote nothing.
        """
        ends = [report for report in reports if self._wrote(report)]
        if not ends:
            return reports
        keys = {(end.job_id, end.attempt) for end in ends}
        self._unfinished -= keys
        kept = await self._in(self._writer, partial(self._finish, ends))
        self._dirty |= keys
        return [kept.get(id(report), report) for report in reports]

    async def sync(self) -> frozenset[Key]:
        """Make everything appended so far durable; return the attempts of which something is not, for another try."""
        async with self._syncing:
            dirty, self._dirty = self._dirty, set()
            paths = {key: self._path(*key) for key in dirty if _NAME.fullmatch(key[0])}
            if len(paths) > FEW:
                lost = set(paths) if await self._in(self._pool, partial(_sync_disk, self._folder)) else set()
            else:
                done = [self._in(self._pool, partial(_sync, path)) for path in paths.values()]
                lost = {key for key, failed in zip(paths, await asyncio.gather(*done), strict=True) if failed}
            failed = frozenset(lost | {key for key in paths if self._owes(key)})
            self._dirty |= failed
            return failed

    async def read(self, job_id: str, attempt: int, stream: str, offset: int, limit: int, *, ended: bool = False) -> OutputSlice:
        """Return at most `limit` bytes (never over 8 MiB) from `offset` on; a read ends at a gap.

        `ended` says that an attempt of which nothing is kept wrote nothing. Raises `Invalid` for an unknown stream, `Unavailable` when
        the disk fails.
        """
        named = next((name for name in STREAMS if name == stream), None)
        if named is None:
            raise Invalid("stream must be stdout or stderr", field="stream")
        return await self._look(partial(self._read, self._path(job_id, attempt), named, offset, min(limit, READ_BYTES), ended))

    async def frames(self, job_id: str, attempt: int, after: int, limit: int, *, ended: bool = False) -> Frames:
        """Return what lies behind the first `after` bytes of both streams, until it is `limit` bytes or more. Raises `Unavailable`."""
        return await self._look(partial(self._frames, self._path(job_id, attempt), after, min(limit, READ_BYTES), ended))

    async def forget(self, job_id: str) -> None:
        """Delete the output of every attempt of a job, and what else it left."""
        self._unfinished = {key for key in self._unfinished if key[0] != job_id}
        self._dirty = {key for key in self._dirty if key[0] != job_id}
        await self._in(self._writer, partial(self._forget, job_id))

    async def shed(self, job_id: str) -> None:
        """Delete what a job wrote; what is left tells how much that was, as a gap over everything. Raises `Unavailable`."""
        self._dirty = {key for key in self._dirty if key[0] != job_id}
        try:
            await self._in(self._writer, partial(self._shed, job_id))
        except OSError as fault:
            raise Unavailable("output cannot be shed", code="store_unavailable") from fault

    async def sizes(self) -> dict[str, int]:
        """Return how many bytes of disk the output of each job takes, of those whose output was not shed."""
        return await self._look(partial(_sizes, self._folder))

    def disk_bytes(self) -> int:
        """Return the size of the disk that this output lies on."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return shutil.disk_usage(self._folder).total

    def _path(self, job_id: str, attempt: int) -> Path:
        if not _NAME.fullmatch(job_id):
            raise Invalid("job id is not one", field="job_id")
        return self._folder / job_id / str(attempt)

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    async def _look(self, work: Callable[[], Result]) -> Result:
        try:
            return await self._in(self._pool, work)
        except OSError as fault:
            raise Unavailable("output cannot be read", code="store_unavailable") from fault

    def _append(self, reports: Sequence[Report]) -> None:
        self._settle()
        touched: set[Reel] = set()
        for report in reports:
            try:
                self._keep(report, touched)
            except (Invalid, OSError) as fault:
                log.warning("output lost", job_id=report.job_id, attempt=report.attempt, reason=str(fault))
        for reel in touched:
            _tell(reel)

    def _keep(self, report: Report, touched: set[Reel]) -> None:
        chunk = report.body
        if not isinstance(chunk, Output) or not 0 <= chunk.offset <= MAX_OFFSET:
            raise Invalid("no output at an offset")
        reel = self._reel(report.job_id, report.attempt)
        touched.add(reel)
        known = reel.state.streams[chunk.stream]
        losing = bool(known.gaps) and known.gaps[-1][1] == known.end
        with suppress(OSError) if losing else nullcontext():
            reel.put(chunk.stream, chunk.offset, chunk.data, chunk.t_us)

    def _finish(self, ends: Sequence[Report]) -> dict[int, Report]:
        self._settle()
        kept = {}
        for end in ends:
            try:
                kept[id(end)] = self._finished(end)
            except (Invalid, OSError) as fault:
                log.warning("output not closed", job_id=end.job_id, attempt=end.attempt, reason=str(fault))
        return kept

    def _finished(self, report: Report) -> Report:
        reel = self._reel(report.job_id, report.attempt)
        body = report.body
        if not isinstance(body, Ended):
            return report
        for stream, size_bytes in _told(body).items():
            reel.miss(stream, size_bytes)
        if body.end.reason is not EndReason.WORKER_LOST:
            reel.finish()
        self._put_away((report.job_id, report.attempt))
        return msgspec.structs.replace(report, body=msgspec.structs.replace(body, facts={**body.facts, "output": _summary(reel.state)}))

    def _wrote(self, report: Report) -> bool:
        if not isinstance(report.body, Ended):
            return False
        return (report.job_id, report.attempt) in self._unfinished or any(_told(report.body).values())

    def _settle(self) -> None:
        for reel in [reel for reel in self._reels.values() if reel.owes]:
            _tell(reel)

    def _reel(self, job_id: str, attempt: int) -> Reel:
        key = (job_id, attempt)
        reel = self._reels.get(key) or Reel(self._path(job_id, attempt))
        with self._lock:
            self._reels[key] = reel
            self._reels.move_to_end(key)
        if len(self._reels) > self._open_reels:
            for oldest in list(self._reels)[: -self._open_reels]:
                self._put_away(oldest)
        return reel

    def _put_away(self, key: Key) -> None:
        reel = self._reels[key]
        _tell(reel)
        reel.close()
        if not reel.owes:
            with self._lock:
                del self._reels[key]

    def _owes(self, key: Key) -> bool:
        with self._lock:
            return key in self._reels and self._reels[key].owes

    def _forget(self, job_id: str) -> None:
        self._drop(job_id)
        shutil.rmtree(self._path(job_id, 0).parent, ignore_errors=True)
        if self._beside is not None:
            shutil.rmtree(self._beside / job_id, ignore_errors=True)

    def _shed(self, job_id: str) -> None:
        self._settle()
        self._drop(job_id)
        for attempt in list(self._path(job_id, 0).parent.iterdir()):
            reels.shed(attempt)

    def _drop(self, job_id: str) -> None:
        for key in [key for key in self._reels if key[0] == job_id]:
            self._reels[key].close()
            with self._lock:
                del self._reels[key]

    def _close(self) -> None:
        self._settle()
        for reel in self._reels.values():
            reel.close()

    def _state(self, folder: Path) -> State:
        with self._lock:
            reel = self._reels.get((folder.parent.name, int(folder.name)))
        return reel.state if reel is not None else self._recall(folder)

    def _recall(self, folder: Path) -> State:
        """Return what a folder tells, from memory as long as its list is the same file of the same size."""
        try:
            status = (folder / reels.ORDER).stat()
        except FileNotFoundError:
            return reels.NOTHING
        stamp = status.st_size, status.st_mtime_ns
        with self._lock:
            known = self._remembered.get(folder)
        if known is None or known[0] != stamp:
            known = stamp, reels.recall(folder)
            with self._lock:
                self._remembered[folder] = known
                if len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)
        return known[1]

    def _read(self, folder: Path, stream: StreamName, offset: int, limit: int, ended: bool) -> OutputSlice:  # noqa: FBT001 - called by `partial`
        state = self._state(folder)
        known = state.streams[stream]
        ended = state.ended or (ended and not state.entries)
        gap = next((gap for gap in known.gaps if gap[1] > offset), None)
        if gap is None or gap[0] > offset:
            until = min(offset + limit, known.end if gap is None else gap[0])
            data = reels.read_bytes(folder / stream, offset, until - offset) if until > offset else b""
            following = offset + len(data)
            if data or until <= offset:
                return OutputSlice(data=data, next_offset=following, complete=ended and following >= known.end)
            gap = offset, known.end if gap is None else gap[1]
        return OutputSlice(data=b"", next_offset=gap[1], complete=ended and gap[1] >= known.end, gap=gap)

    def _frames(self, folder: Path, after: int, limit: int, ended: bool) -> Frames:  # noqa: FBT001 - called by `partial`
        state = self._state(folder)
        found: list[Frame] = []
        for frame in reels.frames(folder, after):
            found.append(frame)
            limit -= len(frame.data)
            if limit <= 0:
                break
        following = found[-1].seq if found else after
        ended = state.ended or (ended and not state.entries)
        return Frames(frames=tuple(found), next_seq=following, complete=ended and following >= state.seq)


def _sizes(folder: Path) -> dict[str, int]:
    jobs = list(folder.iterdir()) if folder.is_dir() else []
    sizes = {job.name: sum(reels.size_bytes(attempt) for attempt in job.iterdir()) for job in jobs}
    return {job_id: size for job_id, size in sizes.items() if size}


def _sync(folder: Path) -> OSError | None:
    try:
        reels.make_durable(folder)
    except OSError as fault:
        log.warning("output not durable", folder=str(folder), reason=str(fault))
        return fault
    return None


def _sync_disk(folder: Path) -> OSError | None:
    try:
        reels.sync_disk(folder)
    except OSError as fault:
        log.warning("output not durable", folder=str(folder), reason=str(fault))
        return fault
    return None


def _tell(reel: Reel) -> None:
    with suppress(OSError):
        reel.tell()


def wrote_all(job: Job, attempt: int | None) -> bool:
    """Say whether an attempt (None: the newest) of which nothing is kept wrote nothing."""
    if attempt is not None and attempt < job.attempt:
        return True
    return job.end is not None and job.end.reason is not EndReason.WORKER_LOST


def _told(ended: Ended) -> dict[StreamName, int]:
    """Return how many bytes of each stream the worker read, by its last report."""
    told = ended.facts.get("output")
    sizes = {stream: told.get(stream) for stream in STREAMS} if isinstance(told, dict) else {}
    counts = {stream: size.get("bytes") for stream, size in sizes.items() if isinstance(size, dict)}
    return {stream: count for stream, count in counts.items() if isinstance(count, int) and 0 <= count <= MAX_OFFSET}


def _summary(state: State) -> dict[str, dict[str, object]]:
    return {stream: {"bytes": known.end, "gaps": [list(gap) for gap in known.gaps]} for stream, known in state.streams.items() if known.end}
