"""The alarms and recordings that media jobs told of, kept as the documents that clients read (media 3.3, 3.4)."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
import structlog

from triptych.clock import to_text
from triptych.contracts import Catalog, Clock
from triptych.cores import Cores
from triptych.engine import Engine
from triptych.errors import Conflict, NotFound, TriptychError
from triptych.model import Happening, Job, Json, State
from triptych.webhooks import CAMERA_ALARM, Event

log = structlog.get_logger()

KIND, CAMERA = "annotate", "camera"
SHELVES: Mapping[str, "Shelf"] = {"alarm": "alarms", "recording": "recordings"}
"""Where a document goes by the note that it was told with."""
CURSOR = "registrar", "cursor"
PAGE = 500
PAUSE = timedelta(milliseconds=500)
SWEEP_EVERY = timedelta(minutes=10)
SETTLE_BOUND = timedelta(seconds=5)
MEDIA, THUMBNAIL = ".mp4", ".jpg"

Shelf = Literal["alarms", "recordings"]
Document = dict[str, Any]


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of an alarm, as it is told; `core` and `acknowledged` are put in here."""

    id: str = msgspec.field(name="_id")
    job: str
    core: str | None = None
    feature: str
    severity: float
    startTimeOffset: str  # noqa: N815 - as documented
    endTimeOffset: str  # noqa: N815 - as documented
    startTime: str  # noqa: N815 - as documented
    endTime: str | None  # noqa: N815 - as documented
    open: bool
    recording: str | None
    acknowledged: Document | None = None


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One recording, as it is told; `name`, `core` and `media`, where its film is, are put in here."""

    id: str = msgspec.field(name="_id")
    name: str = ""
    job: str
    core: str | None = None
    feature: str
    alarm: str
    startTimeOffset: str  # noqa: N815 - as documented
    endTimeOffset: str  # noqa: N815 - as documented
    startTime: str  # noqa: N815 - as documented
    endTime: str | None  # noqa: N815 - as documented
    state: Literal["recording", "ready", "failed"]
    bytes: int
    sha256: str | None
    media: str | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A document, the attempt that told it, and the number of the happening that it was last told by."""

    number: int
    attempt: int
    document: Document


class Registrar:
    """Follows the log from where it was left off, so that each document is taken in once, restarts or not.

    `folder` holds the files of each job's recordings; `announce` is told of alarms and ends of jobs, with what `tell` says of a job.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        catalog: Catalog,
        clock: Clock,
        cores: Cores,
        folder: Path,
        announce: Callable[[Event], Awaitable[None]],
        tell: Callable[[Job], Json],
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._clock = clock
        self._cores = cores
        self._folder = folder
        self._announce = announce
        self._tell = tell
        self._cursor = 0
        self._shelves: dict[Shelf, dict[str, Kept]] = {"alarms": {}, "recordings": {}}
        self._by_job: defaultdict[tuple[Shelf, str], dict[str, Kept]] = defaultdict(dict)
        self._turn = asyncio.Lock()
        self._sweep_at = timedelta(0)

    async def load(self) -> None:
        """Read what was kept, and how far the log was read."""
        found = await self._catalog.get(*CURSOR) or {}
        self._cursor = msgspec.convert(found.get("number", 0), int)
        for shelf in self._shelves:
            for kept in msgspec.convert(await self._catalog.all(shelf), list[Kept]):
                self._put(shelf, kept)

    async def run(self) -> None:
        """Follow the log until cancelled; what fails is logged and tried again."""
        while True:
            try:
                await self.run_once()
            except TriptychError as fault:
                log.warning("log not followed", reason=fault.message)
            except Exception:
                log.exception("registrar failed")
            await self._clock.sleep(PAUSE)

    async def run_once(self) -> None:
        """Take in what is new, and every ten minutes let go of what belongs to no job any more."""
        await self.catch_up()
        if self._clock.monotonic() >= self._sweep_at:
            await self.sweep()
            self._sweep_at = self._clock.monotonic() + SWEEP_EVERY

    async def catch_up(self) -> None:
        """Take in all that has happened until now."""
        async with self._turn:
            while happenings := await self._engine.log(after=self._cursor, limit=PAGE):
                for happening in happenings:
                    if happening.kind == KIND:
                        await self._take(happening)
                    elif happening.kind == CAMERA and happening.note == "alarm":
                        await self._announce(_camera_alarm(happening))
                    self._cursor = happening.number
                await self._catalog.put(*CURSOR, {"number": self._cursor})

    async def sweep(self) -> None:
        """Drop the documents of jobs that are gone."""
        for job_id in {job_id for _, job_id in self._by_job}:
            async with self._turn:
                if await self._job(job_id) is None:
                    await self._drop_of(job_id)

    def all(self, shelf: Shelf) -> list[Document]:
        """Return the documents of a shelf, newest first."""
        documents = [kept.document for kept in self._shelves[shelf].values()]
        return sorted(documents, key=lambda document: (document["startTime"], document["_id"]), reverse=True)

    def find(self, shelf: Shelf, document_id: str) -> Document:
        """Return a document. Raises `NotFound`."""
        return self._kept(shelf, document_id).document

    def file(self, recording: Document, suffix: str) -> Path:
        """Return where the film (`.mp4`) or thumbnail (`.jpg`) of a recording lies once it is ready."""
        return Path(self._folder, recording["job"], f"{recording['_id']}{suffix}")

    async def acknowledge(self, alarm_id: str, operator: str) -> Document:
        """Note who has seen an alarm; the first to say so stays. Raises `NotFound`."""
        async with self._turn:
            kept = self._kept("alarms", alarm_id)
            if kept.document["acknowledged"] is None:
                seen = {"operator": operator, "time": to_text(self._clock.now())}
                kept = await self._keep("alarms", kept, {"acknowledged": seen})
        return kept.document

    async def erase(self, recording_id: str) -> None:
        """Delete a recording with its files. Raises `NotFound`, or `Conflict` while it is being made."""
        async with self._turn:
            recording = self.find("recordings", recording_id)
            if recording["state"] == "recording":
                raise Conflict("recording is being made", code="recording_live")
            await self._drop("recordings", recording_id)

    async def forget(self, job_id: str, forget: Callable[[str], Awaitable[None]]) -> None:
        """Take in what a job told, `forget` it, and drop its documents: nothing of it comes back."""
        await self.catch_up()
        async with self._turn:
            await forget(job_id)
            await self._drop_of(job_id)

    async def drop(self, job_ids: Sequence[str]) -> None:
        """Drop the documents of jobs that were forgotten."""
        async with self._turn:
            for job_id in job_ids:
                await self._drop_of(job_id)

    async def _take(self, happening: Happening) -> None:
        """Take in one happening; where that breaks it is left out, or nothing behind it would ever be read."""
        try:
            if happening.note in SHELVES:
                await self._take_document(SHELVES[happening.note], happening)
            elif happening.note == "state" and happening.state is State.ENDED:
                await self._take_end(happening)
        except TriptychError:
            raise
        except Exception:
            log.exception("happening left out", job_id=happening.job_id, note=happening.note)

    async def _take_document(self, shelf: Shelf, happening: Happening) -> None:
        job, before = await self._job(happening.job_id), self._shelves[shelf].get(str(happening.data.get("_id")))
        if job is None or not _is_news(happening, before):
            return
        await self._drop_of(job.id, before_attempt=happening.attempt)
        core = next((core.name for core in self._cores if core.number == job.berth), None)
        try:
            made = _alarm(happening, core, before) if shelf == "alarms" else _recording(happening, core)
        except msgspec.ValidationError as fault:
            log.warning("document not kept", job_id=job.id, note=happening.note, reason=str(fault))
            return
        if shelf == "alarms":
            await self._announce_alarm(made, before, happening)
        await self._keep(shelf, Kept(number=happening.number, attempt=happening.attempt, document=made), {})

    async def _take_end(self, happening: Happening) -> None:
        """Close what an ended job left open, and tell of the end."""
        await self._drop_of(happening.job_id, before_attempt=happening.attempt)
        now: Document = {"endTime": to_text(happening.at)}
        for kept in self._of("alarms", happening.job_id):
            if kept.document["open"]:
                closed = {**kept.document, **now, "open": False}
                await self._announce_alarm(closed, kept, happening)
                await self._keep("alarms", kept, closed)
        for kept in self._of("recordings", happening.job_id):
            if kept.document["state"] == "recording":
                await self._keep("recordings", kept, {**now, "state": "failed"})
        if await self._job(happening.job_id) is not None:
            # The log is committed a moment before the engine knows it.
            told = self._tell(await self._engine.wait(happening.job_id, SETTLE_BOUND))
            await self._announce(Event(name=f"job.{told['status']}", subject=happening.job_id, at=happening.at, data=told))

    async def _announce_alarm(self, alarm: Document, before: Kept | None, happening: Happening) -> None:
        if before is None or before.document["open"] is not alarm["open"]:
            name = "alarm.opened" if alarm["open"] else "alarm.closed"
            await self._announce(Event(name=name, subject=alarm["_id"], at=happening.at, data=alarm))

    async def _job(self, job_id: str) -> Job | None:
        try:
            return await self._engine.find(job_id, kind=KIND)
        except NotFound:
            return None

    def _of(self, shelf: Shelf, job_id: str) -> list[Kept]:
        return list(self._by_job[shelf, job_id].values()) if (shelf, job_id) in self._by_job else []

    def _kept(self, shelf: Shelf, document_id: str) -> Kept:
        found = self._shelves[shelf].get(document_id)
        if found is None:
            raise NotFound(f"{shelf.removesuffix('s')} not found", code=f"{shelf.removesuffix('s')}_not_found")
        return found

    async def _keep(self, shelf: Shelf, kept: Kept, changes: Document) -> Kept:
        made = msgspec.structs.replace(kept, document={**kept.document, **changes})
        await self._catalog.put(shelf, made.document["_id"], msgspec.to_builtins(made))
        self._put(shelf, made)
        return made

    def _put(self, shelf: Shelf, kept: Kept) -> None:
        document = kept.document
        self._shelves[shelf][document["_id"]] = self._by_job[shelf, document["job"]][document["_id"]] = kept

    async def _drop_of(self, job_id: str, before_attempt: int | None = None) -> None:
        """Drop the documents of a job, or those that attempts before one told."""
        if before_attempt == 1:
            return
        for shelf in self._shelves:
            for kept in self._of(shelf, job_id):
                if before_attempt is None or kept.attempt < before_attempt:
                    await self._drop(shelf, kept.document["_id"])

    async def _drop(self, shelf: Shelf, document_id: str) -> None:
        """Drop a document; a recording's files go first, so that none is left without one."""
        if shelf == "recordings":
            recording = self.find(shelf, document_id)
            await asyncio.to_thread(_unlink, self.file(recording, MEDIA), self.file(recording, THUMBNAIL))
        await self._catalog.drop(shelf, document_id)
        job_id = self._shelves[shelf].pop(document_id).document["job"]
        del self._by_job[shelf, job_id][document_id]
        if not self._by_job[shelf, job_id]:
            del self._by_job[shelf, job_id]


def _is_news(happening: Happening, before: Kept | None) -> bool:
    """Say whether a document has an id that no other job's has, and is not one that was taken in already."""
    if before is not None:
        return before.document["job"] == happening.job_id and before.number < happening.number
    return _ID.fullmatch(str(happening.data.get("_id"))) is not None


def _camera_alarm(happening: Happening) -> Event:
    """Return what the webhook of a camera is told of a visitor (camera 4, secure)."""
    alarm = dict(happening.data)
    target = CAMERA_ALARM.target(str(alarm.get("camera")))
    return Event(name=CAMERA_ALARM.name, subject=str(alarm.get("id")), at=happening.at, data=alarm, target=target)


def _alarm(happening: Happening, core: str | None, before: Kept | None) -> Document:
    told = msgspec.convert(happening.data, Alarm)
    acknowledged = None if before is None else before.document["acknowledged"]
    return _plain(msgspec.structs.replace(told, job=happening.job_id, core=core, acknowledged=acknowledged))


def _recording(happening: Happening, core: str | None) -> Document:
    told = msgspec.convert(happening.data, Recording)
    media = f"/api/ai/recordings/{told.id}/media" if told.state == "ready" else None
    return _plain(msgspec.structs.replace(told, name=told.id, job=happening.job_id, core=core, media=media))


def _plain(document: Alarm | Recording) -> Document:
    return cast("Document", msgspec.to_builtins(document))


def _unlink(*files: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)


_ID = re.compile(r"[0-9a-f]{24}")
