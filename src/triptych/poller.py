"""Directories that are watched: each new or changed file in the directory of a dir_poll core becomes a job of that core."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple

import structlog

from triptych.contracts import Catalog, Clock
from triptych.cores import Cores
from triptych.engine import Engine
from triptych.errors import Invalid, TriptychError, Unavailable
from triptych.media.cores import Core, DirPoll, poll_wish
from triptych.media.inputs import check_uri, find_directory
from triptych.model import Submission

log = structlog.get_logger()

TICK = timedelta(milliseconds=500)
LOOK_BOUND_S = 10.0
MOST_REMEMBERED = 100_000
UNFINISHED = (".part", ".tmp", ".crdownload", "~")
"""How the names of files end that somebody still writes."""

Order = Callable[[Core, str], Awaitable[Submission]]
"""Returns what a core asks for on one input. Raises `Invalid` when its workflow cannot run here."""


class Stamp(NamedTuple):
    """What tells one state of a file from another."""

    size_bytes: int
    mtime_ns: int


Found = Mapping[str, Stamp]
"""The files of a directory by the inputUri that leads to each."""


class Poller:
    """Looks into the directories that are due. A file counts once it was the same in two looks, and each state of it counts once."""

    def __init__(self, *, cores: Cores, catalog: Catalog, engine: Engine, clock: Clock, roots: Sequence[str], order: Order) -> None:
        self._cores = cores
        self._catalog = catalog
        self._engine = engine
        self._clock = clock
        self._roots = roots
        self._order = order
        self._due: dict[str, timedelta] = {}
        self._before: dict[str, Found] = {}
        self._seen: dict[str, dict[str, Stamp]] = {}
        self._looks: dict[str, asyncio.Task[Found]] = {}
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Look around until cancelled; what fails is logged and the next look tries again."""
        while True:
            try:
                await self.run_once()
            except Exception:
                log.exception("polling failed")
            await self._clock.sleep(TICK)

    async def run_once(self) -> None:
        """Look into each directory that is due; none waits for another."""
        now = self._clock.monotonic()
        due = [core for core in self._cores if core.workflow and isinstance(core.settings, DirPoll) and self._due.get(core.id, now) <= now]
        await asyncio.gather(*(self._poll(core, core.settings, now) for core in due if isinstance(core.settings, DirPoll)))

    async def _poll(self, core: Core, settings: DirPoll, now: timedelta) -> None:
        self._due[core.id] = now + timedelta(seconds=settings.pollSeconds)
        try:
            found = await self._look(core, settings)
            await self._submit(core, found)
        except TriptychError as fault:
            self._tell(core, fault.message)
        else:
            self._told.pop(core.id, None)

    async def _look(self, core: Core, settings: DirPoll) -> Found:
        """Return the files of a directory. Raises `Unavailable` while its file system does not answer; the same look goes on then."""
        key = f"{core.id} {core.version}"
        look = self._looks.pop(key, None) or asyncio.create_task(asyncio.to_thread(files, settings, self._roots))
        done, _ = await asyncio.wait({look}, timeout=LOOK_BOUND_S)
        if not done:
            self._looks[key] = look
            raise Unavailable("directory does not answer")
        return await look

    async def _submit(self, core: Core, found: Found) -> None:
        """Make a job of each file that is as it was at the look before and not as it was when it last became one."""
        before, seen = self._before.get(core.id, {}), await self._remembered(core)
        self._before[core.id] = found
        for uri, stamp in found.items():
            if before.get(uri) == stamp != seen.get(uri):
                await self._engine.submit(_ask(core, uri, stamp, await self._order(core, uri)))
                await self._remember(core, uri, stamp)
        await self._forget(core, found)

    async def _remembered(self, core: Core) -> dict[str, Stamp]:
        if core.id not in self._seen:
            self._seen[core.id] = dict(_entry(key) for key in await self._catalog.keys(_shelf(core)))
        return self._seen[core.id]

    async def _remember(self, core: Core, uri: str, stamp: Stamp) -> None:
        seen = self._seen[core.id]
        before = seen.get(uri)
        await self._catalog.put(_shelf(core), _key(uri, stamp), {})
        seen[uri] = stamp
        if before is not None:
            await self._catalog.drop(_shelf(core), _key(uri, before))

    async def _forget(self, core: Core, found: Found) -> None:
        """Where too many are remembered, forget those that are gone; others stay, since a file may be back with its disk."""
        seen = self._seen[core.id]
        gone = [uri for uri in seen if uri not in found] if len(seen) > MOST_REMEMBERED else []
        for uri in gone:
            await self._catalog.drop(_shelf(core), _key(uri, seen.pop(uri)))

    def _tell(self, core: Core, reason: str) -> None:
        """Log why a core does nothing, once."""
        if self._told.get(core.id) != reason:
            self._told[core.id] = reason
            log.warning("directory not polled", core=core.name, reason=reason)


def files(settings: DirPoll, roots: Sequence[str]) -> Found:
    """Return the files that a directory holds now. Blocks. Raises `Invalid` when it is not there or outside the roots."""
    top = find_directory(settings.directory, roots)
    prefix = settings.directory.rstrip("/")
    return {f"{prefix}/{name}": stamp for name, stamp in _walk(top, "", settings) if _can_be_named(f"{prefix}/{name}")}


def _walk(folder: str, inside: str, settings: DirPoll) -> Iterator[tuple[str, Stamp]]:
    """Yield each file's path below the top with its stamp, in order; what vanishes meanwhile is left out."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in listed:
        if entry.name.startswith(".") or entry.name.endswith(UNFINISHED):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{inside}{entry.name}/", settings) if settings.recursive else ()
        elif fnmatchcase(entry.name, settings.pattern) and (stamp := _stamp(entry)) is not None:
            yield f"{inside}{entry.name}", stamp


def _stamp(entry: os.DirEntry[str]) -> Stamp | None:
    try:
        found = entry.stat()
        return Stamp(found.st_size, found.st_mtime_ns) if entry.is_file() else None
    except OSError:
        return None


def _can_be_named(uri: str) -> bool:
    """Say whether a file can be asked for at all: some names hold line breaks, or bytes that are no text."""
    try:
        check_uri(uri)
        uri.encode()
    except (Invalid, UnicodeEncodeError):
        return False
    return True


def _ask(core: Core, uri: str, stamp: Stamp, order: Submission) -> Submission:
    """Return the ask for one state of a file: made again after a crash, it is the same job."""
    key = f"dir_poll-{core.id}-{hashlib.sha256(_key(uri, stamp).encode()).hexdigest()}"
    return replace(order, origin="dir_poll", berth_wish=poll_wish(core.number), idempotency_key=key, fingerprint=key)


def _shelf(core: Core) -> str:
    return f"dir_poll {core.id}"


def _key(uri: str, stamp: Stamp) -> str:
    return f"{stamp.size_bytes} {stamp.mtime_ns} {uri}"


def _entry(key: str) -> tuple[str, Stamp]:
    size_bytes, mtime_ns, uri = key.split(" ", 2)
    return uri, Stamp(int(size_bytes), int(mtime_ns))
