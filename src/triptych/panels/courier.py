"""What is still to do for operations of v1 once their job is over: their response goes where it was asked for, their content goes (V6)."""

import asyncio
import os
import re
import secrets
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import structlog

from triptych.background import Background
from triptych.contracts import Clock
from triptych.engine import Engine
from triptych.errors import Invalid, NotFound, TriptychError, Unavailable
from triptych.media import content
from triptych.model import EndReason, Job, Query, State
from triptych.panels.googleasks import ORIGIN
from triptych.panels.googleviews import output_uri, response
from triptych.panels.submissions import KIND
from triptych.settings import Settings

log = structlog.get_logger()

PAUSE = timedelta(minutes=1)
PAGE = 200
LONGEST_NAME_BYTES = 255
DELIVERED = "google_v1_delivered"
"""The mark of a job whose response was written."""

NO_OUTPUT = "outputUri must be gs://bucket/object in a bucket that is mapped as writable here"


class Courier:
    """Waits for the end of each job that leaves something to do, also of those that an earlier run of the server left."""

    def __init__(self, engine: Engine, settings: Settings, clock: Clock) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._background = Background()

    async def __aenter__(self) -> Self:
        """Take up what an earlier run left, and delete the content that no live job needs; no request may be served before."""
        needed: set[str] = set()
        query: Query | None = Query(kind=KIND, origin=ORIGIN, limit=PAGE)
        while query is not None:
            page = await self._engine.list(query)
            for job in page.jobs:
                needed |= {_content(job)} - {""} if job.state is not State.ENDED else set()
                self.expect(job)
            query = None if page.cursor is None else replace(query, cursor=page.cursor)
        await asyncio.to_thread(content.drop_all_but, self._settings.data_dir, needed)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self._background.close()

    def expect(self, job: Job) -> None:
        """Serve a job when it has ended, if there is anything to do for it."""
        if (_content(job) and job.state is not State.ENDED) or _owes(job):
            self._background.spawn(partial(self._attend, job))

    async def _attend(self, job: Job) -> None:
        while True:
            try:
                ended = await self._engine.wait(job.id, PAUSE)
                if ended.state is State.ENDED:
                    await self._serve(ended)
                    return
            except NotFound:
                await self._drop(job)
                return
            except TriptychError as fault:
                log.warning("operation put off", job_id=job.id, reason=fault.message)
                await self._clock.sleep(PAUSE)

    async def _serve(self, job: Job) -> None:
        """Delete the content of a job that is over and write its response. Raises `Unavailable`, or `Invalid` where it has no place now."""
        await self._drop(job)
        uri = output_uri(job)
        if uri is not None and _owes(job):
            try:
                text = msgspec.json.encode(response(job, numbers=False))
                await asyncio.to_thread(write, output_path(uri, self._settings), text)
            except OSError as fault:
                raise Unavailable(f"the response cannot be written: {os.strerror(fault.errno or 0).lower()}") from fault
            await self._engine.mark(job.id, **{DELIVERED: True})

    async def _drop(self, job: Job) -> None:
        if name := _content(job):
            await asyncio.to_thread(content.drop, self._settings.data_dir, name)


def _content(job: Job) -> str:
    name = job.spec.get("content")
    return name if isinstance(name, str) else ""


def _owes(job: Job) -> bool:
    """Say whether a response is or will be to be written."""
    may_have_one = job.end is None or job.end.reason is EndReason.DONE
    return output_uri(job) is not None and may_have_one and not job.facts.get(DELIVERED)


def output_path(uri: str, settings: Settings) -> Path:
    """Return the file that an `outputUri` names. Raises `Invalid` where no writable bucket stands for it, or it leads out of its folder."""
    found = _URI.fullmatch(uri)
    bucket = settings.inputs.buckets.get(found[1]) if found else None
    if found is None or bucket is None or not bucket.writable:
        raise Invalid(NO_OUTPUT, field="outputUri")
    home = Path(os.path.realpath(bucket.path))
    path = Path(os.path.realpath(home / found[2]))
    is_too_long = any(len(os.fsencode(part)) > LONGEST_NAME_BYTES for part in path.parts)
    if is_too_long or home not in path.parents or path.is_dir() or not home.is_dir():
        raise Invalid(NO_OUTPUT, field="outputUri")
    return path


def write(path: Path, text: bytes) -> None:
    """Put `text` at `path` in one step: readers see all of it, or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{secrets.token_hex(16)}")
    try:
        draft.write_bytes(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,221})/((?!/)[^*?\[\]\x00-\x1f\x7f]{1,1024}(?<!/))")
