"""The engine as one caller may use it: within what its token is bound to, at its rate, every deed noted in the audit chain."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

from triptych.audit import Audit
from triptych.engine import Engine
from triptych.errors import Forbidden, Unavailable
from triptych.model import Happening, Job, Json, Page, Query, Submission, Worker
from triptych.outputs import Frames, OutputSlice
from triptych.panels.http import Caller
from triptych.tokens import Token

COMMAND = "command"
FREE = frozenset({"clock", "changed", "health", "census"})
"""What of the engine a bound caller may use as it is: it tells nothing of any job."""
OF_WORKERS = frozenset({"drain", "undrain", "remove"})


class Rate:
    """How many starts a second each token may make: so many at once, and as many again each second."""

    def __init__(self, per_s: int) -> None:
        self._per_s = float(per_s)
        self._left: dict[str, tuple[float, timedelta]] = {}

    def admit(self, key: str, now: timedelta) -> None:
        """Count one start. Raises `Unavailable` with code `too_many_starts`."""
        left, since = self._left.get(key, (self._per_s, now))
        left = min(self._per_s, left + (now - since).total_seconds() * self._per_s)
        if left < 1:
            raise Unavailable("too many starts", code="too_many_starts")
        self._left[key] = (left - 1, now)


class Desk:
    """What a caller without bounds has: the whole engine, its deeds noted. `rate` is None where starts are not limited."""

    def __init__(self, engine: Engine, caller: Caller, audit: Audit, rate: Rate | None) -> None:
        self._engine = engine
        self._caller = caller
        self._audit = audit
        self._rate = rate

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._engine, name)
        return partial(self._change_worker, verb, f"worker.{name}") if name in OF_WORKERS else verb

    async def submit(self, ask: Submission) -> Job:
        """Submit a job."""
        if self._rate is not None and self._caller.token is not None:
            self._rate.admit(self._caller.token.id, self._engine.clock.monotonic())
        job = await self._engine.submit(ask)
        self._note("job.start", job=job.id, kind=job.kind, worker=ask.worker_id, command=_command(job.spec))
        return job

    async def stop(self, job_id: str, *, by: str, grace_s: float | None = None) -> Job:
        """Stop a job."""
        self._note("job.stop", job=job_id)
        return await self._engine.stop(job_id, by=by, grace_s=grace_s)

    async def pause(self, job_id: str, *, by: str) -> Job:
        """Pause a job."""
        self._note("job.pause", job=job_id)
        return await self._engine.pause(job_id, by=by)

    async def resume(self, job_id: str, *, by: str) -> Job:
        """Let a job go on."""
        self._note("job.resume", job=job_id)
        return await self._engine.resume(job_id, by=by)

    async def forget(self, job_id: str) -> None:
        """Delete an ended job."""
        self._note("job.forget", job=job_id)
        await self._engine.forget(job_id)

    async def _change_worker(self, verb: Callable[[str], Awaitable[Worker]], deed: str, worker_id: str) -> Worker:
        self._note(deed, worker=worker_id)
        return await verb(worker_id)

    def _note(self, deed: str, **what: object) -> None:
        self._audit.note(self._caller.who, deed, **what)


class BoundDesk(Desk):
    """What a caller has whose token is bound: command jobs on its workers with its commands, and nothing else."""

    def __init__(self, engine: Engine, caller: Caller, audit: Audit, rate: Rate | None, token: Token) -> None:
        super().__init__(engine, caller, audit, rate)
        self._workers = None if token.workers is None else frozenset(token.workers)
        self._commands = None if token.commands is None else frozenset(token.commands)

    def __getattr__(self, name: str) -> Any:
        if name not in FREE:
            _refuse()
        return getattr(self._engine, name)

    async def submit(self, ask: Submission) -> Job:
        """Submit a job."""
        if ask.kind != COMMAND or not self._covers(ask.worker_id, ask.spec):
            _refuse()
        return await super().submit(ask)

    async def stop(self, job_id: str, *, by: str, grace_s: float | None = None) -> Job:
        """Stop a job."""
        await self.find(job_id)
        return await super().stop(job_id, by=by, grace_s=grace_s)

    async def pause(self, job_id: str, *, by: str) -> Job:
        """Pause a job."""
        await self.find(job_id)
        return await super().pause(job_id, by=by)

    async def resume(self, job_id: str, *, by: str) -> Job:
        """Let a job go on."""
        await self.find(job_id)
        return await super().resume(job_id, by=by)

    async def forget(self, job_id: str) -> None:
        """Delete an ended job."""
        await self.find(job_id)
        await super().forget(job_id)

    async def find(self, job_id: str, *, kind: str | None = None) -> Job:
        """Return a job of this caller's workers and commands."""
        job = await self._engine.find(job_id, kind=kind)
        if not self._is_ours(job):
            _refuse()
        return job

    async def wait(self, job_id: str, timeout: timedelta) -> Job:
        """Return such a job once it has ended, or as it is after `timeout`."""
        await self.find(job_id)
        return await self._engine.wait(job_id, timeout)

    async def begun(self, job_id: str) -> Job:
        """Return such a job once its worker has begun or refused it."""
        await self.find(job_id)
        return await self._engine.begun(job_id)

    async def output(self, job_id: str, stream: str, **which: Any) -> OutputSlice:
        """Return what such a job wrote to one stream."""
        await self.find(job_id)
        return await self._engine.output(job_id, stream, **which)

    async def frames(self, job_id: str, **which: Any) -> Frames:
        """Return what such a job wrote, in order."""
        await self.find(job_id)
        return await self._engine.frames(job_id, **which)

    async def list(self, query: Query) -> Page:
        """Return those of a page that are this caller's; a page may be shorter for it."""
        page = await self._engine.list(query)
        return replace(page, jobs=tuple(job for job in page.jobs if self._is_ours(job)))

    async def watch(self, *, after: int | None = None, job_id: str | None = None) -> AsyncIterator[Happening]:
        """Yield what happens to jobs of this caller."""
        async for happening in self._engine.watch(after=after, job_id=job_id):
            if self._is_ours(await self._engine.find(happening.job_id)):
                yield happening

    async def workers(self) -> Sequence[Worker]:
        """Return the workers of this caller."""
        return [worker for worker in await self._engine.workers() if self._has(worker.id)]

    async def worker(self, worker_id: str) -> Worker:
        """Return one of them."""
        if not self._has(worker_id):
            _refuse()
        return await self._engine.worker(worker_id)

    async def reach(self, worker_id: str) -> Worker:
        """Return one of them once its link is up."""
        await self.worker(worker_id)
        return await self._engine.reach(worker_id)

    def _is_ours(self, job: Job) -> bool:
        return job.kind == COMMAND and self._covers(job.worker_id or job.pinned, job.spec)

    def _covers(self, worker_id: str | None, spec: Json) -> bool:
        return self._has(worker_id) and (self._commands is None or _command(spec) in self._commands)

    def _has(self, worker_id: str | None) -> bool:
        return self._workers is None or worker_id in self._workers


@dataclass(frozen=True, slots=True)
class Nothing:
    """What a bound caller has in place of a part that its token does not cover."""

    def __getattr__(self, name: str) -> NoReturn:
        _refuse()


def _command(spec: Json) -> str | None:
    argv = spec.get("argv")
    return str(argv[0]) if isinstance(argv, list | tuple) and argv else None


def _refuse() -> NoReturn:
    raise Forbidden("not authorised", code="not_authorised")
