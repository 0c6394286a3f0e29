"""What is deleted of jobs that have ended, so that no disk fills up: their output, and the folders they worked in (workers O8, S9)."""

import asyncio
import os
import re
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import structlog

from triptych.contracts import Clock
from triptych.engine import Engine
from triptych.errors import NotFound, TriptychError
from triptych.media.library import Library
from triptych.model import LIVE, Job, Query, State
from triptych.outputs import Outputs

log = structlog.get_logger()

PAUSE = timedelta(minutes=10)
OUTPUT_DAYS = 7.0
OUTPUT_MAX_TOTAL_BYTES = 10 * 1024**3
DISK_PART = 5
WORK_DAYS = 1.0


class Retention:
    """Sheds output of jobs that ended `output_days` ago, and of those that ended first while all takes more than `output_max_total_bytes`.

    That is never more than a fifth of the disk. A folder below `work` goes `work_days` after its job, one below `media` with its job, and a
    film of the `library` when it expires. Live and pinned jobs keep everything.
    """

    def __init__(
        self,
        engine: Engine,
        outputs: Outputs,
        clock: Clock,
        *,
        work: Path,
        media: Path | None = None,
        library: Library | None = None,
        output_days: float = OUTPUT_DAYS,
        output_max_total_bytes: int = OUTPUT_MAX_TOTAL_BYTES,
        work_days: float = WORK_DAYS,
    ) -> None:
        self._engine = engine
        self._outputs = outputs
        self._clock = clock
        self._work = work
        self._library = library
        self._media = media
        self._output_keep = timedelta(days=output_days)
        self._output_max_total_bytes = output_max_total_bytes
        self._work_keep = timedelta(days=work_days)

    async def run(self) -> None:
        """Do a round every ten minutes until cancelled; one that fails is logged and the next one tries again."""
        while True:
            try:
                await self.run_once()
            except Exception:
                log.exception("retention failed")
            await self._clock.sleep(PAUSE)

    async def run_once(self) -> None:
        """Delete what is due."""
        await self._shed_output()
        await self._empty_work()
        await self._empty_media()
        if self._library is not None:
            await asyncio.to_thread(self._library.sweep, self._clock.now())

    async def _shed_output(self) -> None:
        sizes = await self._outputs.sizes()
        ended = [job for job_id in sizes if (job := await self._candidate(job_id)) is not None]
        ended.sort(key=lambda job: job.ended_at or job.created_at)
        excess = sum(sizes.values()) - min(self._output_max_total_bytes, await asyncio.to_thread(self._outputs.disk_bytes) // DISK_PART)
        due = self._clock.now() - self._output_keep
        for job in ended:
            if excess <= 0 and (job.ended_at is None or job.ended_at >= due):
                return
            await self._shed(job)
            excess -= sizes[job.id]

    async def _candidate(self, job_id: str) -> Job | None:
        """Return the job if its output may go; what belongs to no job any more goes at once."""
        try:
            job = await self._engine.find(job_id)
        except NotFound:
            await self._outputs.forget(job_id)
            return None
        return job if job.state is State.ENDED and not job.facts.get("pinned") else None

    async def _shed(self, job: Job) -> None:
        try:
            await self._engine.shed(job.id)
        except TriptychError as fault:
            log.warning("output not shed", job_id=job.id, reason=fault.message)

    async def _empty_work(self) -> None:
        jobs = (await self._engine.list(Query(states=LIVE, limit=None))).jobs
        used = {Path(str(job.facts.get("work_dir"))).name for job in jobs}
        until_s = (self._clock.now() - self._work_keep).timestamp()
        for folder in await asyncio.to_thread(_left, self._work, used, until_s):
            await asyncio.to_thread(_remove, folder, until_s)

    async def _empty_media(self) -> None:
        """Forget what media jobs left that are forgotten: a crash may have come between the two."""
        for name in () if self._media is None else await asyncio.to_thread(_named_like_jobs, self._media):
            await self._candidate(name)


def _named_like_jobs(media: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(media) if _JOB.fullmatch(entry.name)]
    except FileNotFoundError:
        return []


def _left(work: Path, used: set[str], until_s: float) -> Sequence[Path]:
    """Return the folders that no live job uses and nobody touched since."""
    try:
        entries = list(os.scandir(work))
    except FileNotFoundError:
        return ()
    return [
        Path(entry.path)
        for entry in entries
        if entry.name not in used and entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < until_s
    ]


def _remove(folder: Path, until_s: float) -> None:
    """Remove a folder, unless a shim took it meanwhile: it touches what it takes, and makes another where this one is gone."""
    try:
        if folder.lstat().st_mtime >= until_s:
            return
        # Root needs no permissions, and must not be led to change those of other files.
        if os.geteuid() != 0:
            _unlock(folder)
        shutil.rmtree(folder)
    except OSError as fault:
        log.warning("work folder not removed", folder=str(folder), reason=str(fault))


def _unlock(folder: Path) -> None:
    """Give back the permissions that a job took from its own folders."""
    folder.chmod(0o700)
    for path, names, _ in os.walk(folder):
        for inner in (Path(path, name) for name in names):
            if not inner.is_symlink():
                inner.chmod(0o700)


_JOB = re.compile(r"[0-9a-f]{24}")
