"""What is still to do for operations of v1 once their job is over: their response goes where it was asked for, their content goes (V6)."""

import asyncio
import os
import re
import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from triptych.contracts import Clock
from triptych.engine import Engine
from triptych.errors import Invalid, NotFound, TriptychError
from triptych.media import content
from triptych.model import LIVE, EndReason, Job, Query, State
from triptych.panels.googleasks import ORIGIN
from triptych.panels.googleviews import output_uri, response
from triptych.panels.submissions import KIND
from triptych.settings import Settings

log = structlog.get_logger()

PAUSE = timedelta(minutes=1)
IN_FLIGHT = timedelta(minutes=10)
"""Longer than a request needs from its content to its job."""
PAGE = 200
DELIVERED = "google_v1_delivered"
"""The mark of a job whose response was written."""

NO_OUTPUT = "outputUri must be gs://bucket/object in a bucket that is mapped as writable here"


class Courier:
    """Serves each operation when its job ends, and every minute those whose end was missed or whose folder could not be written."""

    def __init__(self, engine: Engine, settings: Settings, clock: Clock) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock

    async def clear(self, older_than: timedelta = timedelta(0)) -> None:
        """Delete the content that no live job needs. What is written now may be of a request whose job is about to be."""
        page = await self._engine.list(Query(kind=KIND, states=LIVE, limit=None))
        names = {str(job.spec.get("content")) for job in page.jobs}
        await asyncio.to_thread(content.drop_all_but, self._settings.data_dir, names, self._clock.now() - older_than)

    async def run(self) -> None:
        """Serve until cancelled; whatever fails is logged and tried again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._repeat())

    async def run_once(self) -> None:
        """Serve every operation that is over and was not served, and clear up after requests that broke off."""
        await self.clear(older_than=IN_FLIGHT)
        query = Query(kind=KIND, origin=ORIGIN, states=frozenset({State.ENDED}), limit=PAGE)
        while True:
            page = await self._engine.list(query)
            for job in page.jobs:
                await self.serve(job)
            if page.cursor is None:
                return
            query = replace(query, cursor=page.cursor)

    async def serve(self, job: Job) -> None:
        """Delete the content of a job that is over and write its response, once."""
        if isinstance(name := job.spec.get("content"), str):
            await asyncio.to_thread(content.drop, self._settings.data_dir, name)
        uri = output_uri(job)
        if uri is None or job.facts.get(DELIVERED) or job.end is None or job.end.reason is not EndReason.DONE:
            return
        try:
            await asyncio.to_thread(write, output_path(uri, self._settings), msgspec.json.encode(response(job, numbers=False)))
        except (OSError, Invalid) as fault:
            log.warning("response not written", job_id=job.id, reason=getattr(fault, "strerror", None) or str(fault))
            return
        await self._engine.mark(job.id, **{DELIVERED: True})

    async def _follow(self) -> None:
        while True:
            try:
                async for happening in self._engine.watch():
                    if happening.kind == KIND and happening.state is State.ENDED:
                        await self._serve(happening.job_id)
            except TriptychError as fault:
                log.warning("operations put off", reason=fault.message)
            except Exception:
                log.exception("operations failed")
            await self._clock.sleep(PAUSE)

    async def _serve(self, job_id: str) -> None:
        try:
            await self.serve(await self._engine.find(job_id))
        except NotFound:
            return

    async def _repeat(self) -> None:
        while True:
            try:
                await self.run_once()
            except TriptychError as fault:
                log.warning("operations put off", reason=fault.message)
            except Exception:
                log.exception("operations failed")
            await self._clock.sleep(PAUSE)


def output_path(uri: str, settings: Settings) -> Path:
    """Return the file that an `outputUri` names. Raises `Invalid` where no writable bucket stands for it, or it leads out of its folder."""
    found = _URI.fullmatch(uri)
    bucket = settings.inputs.buckets.get(found[1]) if found else None
    if found is None or bucket is None or not bucket.writable:
        raise Invalid(NO_OUTPUT, field="outputUri")
    home = Path(os.path.realpath(bucket.path))
    path = Path(os.path.realpath(home / found[2]))
    if home not in path.parents or path.is_dir() or not home.is_dir():
        raise Invalid(NO_OUTPUT, field="outputUri")
    return path


def write(path: Path, text: bytes) -> None:
    """Put `text` at `path` in one step: readers see all of it, or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name[:64]}.{secrets.token_hex(8)}")
    try:
        draft.write_bytes(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,221})/((?!/)[^*?\[\]\x00-\x1f\x7f]{1,1024}(?<!/))")
