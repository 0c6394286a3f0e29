"""The audit chain: who did what, in a file that is only ever added to, each line holding the hash of the one before."""

import asyncio
import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog

from triptych.contracts import Catalog, Clock
from triptych.errors import Invalid, TriptychError

log = structlog.get_logger()

SHELF = "audit"
HEAD = "head"
BEGINNING = "0" * 64
BATCH = timedelta(milliseconds=250)
MOST_WAITING = 100_000
MOST_DENIALS = 20
DENIALS_EVERY = timedelta(minutes=1)
BLOCK_BYTES = 64 * 1024


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One deed. `before` is the SHA-256 of the line before it, `who` a user (`uid:0`), a token (`token:ID`) or `server`."""

    number: int
    at: datetime
    who: str
    deed: str
    what: dict[str, Any]
    before: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the chain is whole; `fault` says where it is not."""

    intact: bool
    entries: int
    fault: str | None = None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the chain as the catalog remembers it, so that a cut end or a changed last entry is seen, too."""

    number: int = 0
    digest: str = BEGINNING


class Audit:
    """Writes the chain, between `async with` and its end; `run` has to run meanwhile.

    `note` only fills a buffer; entries are on disk within a second, those of the last moment are lost with the process. Denials beyond
    20 a minute are counted, not listed, so that nobody who is refused can fill the disk.
    """

    def __init__(self, file: Path, catalog: Catalog, clock: Clock) -> None:
        self._file = file
        self._catalog = catalog
        self._clock = clock
        self._waiting: deque[tuple[datetime, str, str, dict[str, Any]]] = deque()
        self._denials = 0
        self._counting_since = clock.monotonic()
        self._missed = 0
        self._noted = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "audit")
        self._head = Head()
        self._descriptor = -1

    async def __aenter__(self) -> Self:
        self._head = await _remembered(self._catalog)
        torn_bytes = await self._in_thread(self._open)
        if torn_bytes:
            log.warning("audit chain had a torn last line", file=str(self._file), bytes=torn_bytes)
            self.note("server", "audit.torn", bytes=torn_bytes)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self._note_uncounted()
        await self.run_once()
        self._thread.shutdown()
        os.close(self._descriptor)

    def note(self, who: str, deed: str, **what: object) -> None:
        """Add an entry soon; never waits."""
        if len(self._waiting) >= MOST_WAITING:
            self._missed += 1
        else:
            self._waiting.append((self._clock.now(), who, deed, what))
        self._noted.set()

    def deny(self, who: str, **what: object) -> None:
        """Add that somebody was refused."""
        self._denials += 1
        if self._denials <= MOST_DENIALS:
            self.note(who, "denied", **what)

    async def run(self) -> None:
        """Write what is noted, for ever; what cannot be written is kept and tried again."""
        while True:
            await self._noted.wait()
            await self._clock.sleep(BATCH)
            await self.run_once()

    async def run_once(self) -> None:
        """Write all that waits."""
        self._noted.clear()
        if self._clock.monotonic() - self._counting_since >= DENIALS_EVERY:
            self._note_uncounted()
        self._note_missed()
        batch = list(self._waiting)
        self._waiting.clear()
        if not batch:
            return
        try:
            await self._in_thread(lambda: self._append(batch))
            await self._catalog.put(SHELF, HEAD, msgspec.to_builtins(self._head))
        except OSError as fault:
            log.error("audit entries wait", reason=fault.strerror, entries=len(batch))  # noqa: TRY400 - a full disk, told in one line
            self._waiting.extendleft(reversed(batch))
            self._noted.set()
        except TriptychError as fault:
            log.warning("head of the audit chain not stored", reason=fault.message)

    async def page(self, before: int | None, limit: int) -> tuple[list[Entry], int | None]:
        """Return entries, newest first, that lie before this offset of the file, and the offset to go on before."""
        await self.run_once()
        return await asyncio.to_thread(_read_back, self._file, before, limit)

    async def verify(self) -> Verdict:
        """Check the whole chain as it is on disk."""
        await self.run_once()
        return await verify(self._file, self._catalog)

    def _note_uncounted(self) -> None:
        denials, self._denials = self._denials - MOST_DENIALS, 0
        self._counting_since = self._clock.monotonic()
        if denials > 0:
            self.note("server", "denied.more", count=denials)

    def _note_missed(self) -> None:
        if self._missed and len(self._waiting) < MOST_WAITING:
            missed, self._missed = self._missed, 0
            self.note("server", "audit.missed", count=missed)

    def _open(self) -> int:
        """Open the chain at its end, and return how many bytes of a torn last line were cut off."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        torn_bytes = 0
        for line, is_whole in _lines_back(self._descriptor, os.fstat(self._descriptor).st_size):
            if is_whole:
                self._head = Head(number=_number(line) or self._head.number, digest=_digest(line))
                break
            torn_bytes = len(line)
        if torn_bytes:
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - torn_bytes)
        return torn_bytes

    def _append(self, batch: Sequence[tuple[datetime, str, str, dict[str, Any]]]) -> None:
        """Write entries durably, all or none."""
        head, lines = self._head, []
        for at, who, deed, what in batch:
            entry = Entry(number=head.number + 1, at=at, who=who, deed=deed, what=what, before=head.digest)
            line = _encode(entry)
            lines.append(line)
            head = Head(number=entry.number, digest=_digest(line))
        size = os.fstat(self._descriptor).st_size
        try:
            _write(self._descriptor, b"".join(lines))
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise
        self._head = head

    async def _in_thread(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


async def verify(file: Path, catalog: Catalog) -> Verdict:
    """Check a chain: that every entry holds the hash of the one before, and that its end is the one that the catalog remembers."""
    return await asyncio.to_thread(_verify, file, await _remembered(catalog))


async def _remembered(catalog: Catalog) -> Head:
    stored = await catalog.get(SHELF, HEAD)
    return Head() if stored is None else msgspec.convert(stored, Head)


def _verify(file: Path, head: Head) -> Verdict:
    last = Head()
    remembered = head.number == 0
    for line in _lines(file):
        if not line.endswith(b"\n"):
            return Verdict(intact=False, entries=last.number, fault=f"the last line is torn after entry {last.number}")
        try:
            entry = _decode(line)
        except Invalid:
            return Verdict(intact=False, entries=last.number, fault=f"the line after entry {last.number} is no entry")
        if entry.number != last.number + 1:
            return Verdict(intact=False, entries=last.number, fault=f"entry {last.number + 1} is missing")
        if entry.before != last.digest:
            return Verdict(intact=False, entries=last.number, fault=f"entry {last.number} was changed")
        last = Head(number=entry.number, digest=_digest(line))
        remembered = remembered or last == head
    if not remembered:
        fault = f"entry {head.number} was changed" if last.number >= head.number else f"entries after {last.number} were cut off"
        return Verdict(intact=False, entries=last.number, fault=fault)
    return Verdict(intact=True, entries=last.number)


def _lines(file: Path) -> Iterator[bytes]:
    if file.exists():
        with file.open("rb") as lines:
            yield from lines


def _read_back(file: Path, before: int | None, limit: int) -> tuple[list[Entry], int | None]:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        end = os.fstat(descriptor).st_size if before is None else min(before, os.fstat(descriptor).st_size)
        entries: list[Entry] = []
        for line, is_whole in _lines_back(descriptor, end):
            end -= len(line)
            if is_whole:
                entries.append(_decode(line))
            if len(entries) == limit:
                break
        return entries, end or None
    finally:
        os.close(descriptor)


def _lines_back(descriptor: int, end: int) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines before `end`, the last one first, each with whether it is whole."""
    rest = b""
    while end > 0 or rest:
        cut = rest.rfind(b"\n", 0, len(rest) - 1)
        while cut < 0 and end > 0:
            size = min(BLOCK_BYTES, end)
            end -= size
            rest = os.pread(descriptor, size, end) + rest
            cut = rest.rfind(b"\n", 0, len(rest) - 1)
        line, rest = rest[cut + 1 :], rest[: cut + 1]
        yield line, line.endswith(b"\n")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _decode(line: bytes) -> Entry:
    try:
        return msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Invalid("no entry of an audit chain", code="audit_broken") from fault


def _number(line: bytes) -> int:
    """Return the number of an entry, 0 where it is none: the chain goes on behind it, and `verify` tells."""
    try:
        return _decode(line).number
    except Invalid:
        return 0


def _encode(entry: Entry) -> bytes:
    return msgspec.json.encode(entry) + b"\n"


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
