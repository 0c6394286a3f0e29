"""A worker that does as each test says, an engine over store and bus in memory, and a clock that a test moves."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec

from triptych.clock import SystemClock, to_us
from triptych.engine import Engine
from triptych.messages import (
    Answer,
    Ask,
    Ended,
    Pause,
    Paused,
    Reconcile,
    Refused,
    Renew,
    Report,
    Resume,
    Resumed,
    Running,
    Start,
    Stock,
    Stop,
)
from triptych.model import End, EndReason, State, Submission, Worker, WorkerState
from triptych.outputs import Outputs

SOON = timedelta(seconds=10)


class MovedClock(SystemClock):
    """The machine's clock, `ahead` of its time since boot and `set_by` off its wall-clock time."""

    def __init__(self):
        self.ahead = timedelta()
        self.set_by = timedelta()

    def now(self):
        return super().now() + self.ahead + self.set_by

    def monotonic(self):
        return super().monotonic() + self.ahead


class ScriptedWorker:
    """A worker that speaks the bus's protocol and runs nothing: each job stays where the test puts it."""

    def __init__(self, bus, name="w", slots=None):
        self.bus = bus
        self.name = name
        self.slots = slots or {"command": 2, "annotate": 1, "camera": 1}
        self.began = datetime.now(UTC)
        self.started = []
        self.seqs = {}
        self.on_start = None
        self.on_stop = None
        self.reconciled = []
        self.stops = []
        self.taken = {}
        self.stock = lambda jobs: Stock(live={job_id: "running" for job_id, _ in jobs})

    async def join(self):
        await self.bus.serve(self.name, self.answer)
        await self.announce()

    async def announce(self, **fields):
        now = datetime.now(UTC)
        worker = Worker(id=self.name, state=WorkerState.READY, boot_id="b", started_at=self.began, seen_at=now, slots=self.slots)
        await self.bus.announce(replace(worker, **fields))

    async def report(self, start, body):
        key = start.job_id, start.attempt
        self.seqs[key] = self.seqs.get(key, 0) + 1
        at_us = to_us(datetime.now(UTC))
        await self.bus.publish(Report(job_id=start.job_id, attempt=start.attempt, seq=self.seqs[key], at_us=at_us, body=body))

    async def end(self, start, reason=EndReason.EXITED, **fields):
        await self.report(start, Ended(end=End(reason=reason, **fields)))

    def start_of(self, job_id):
        return next(start for start in reversed(self.started) if start.job_id == job_id)

    async def answer(self, request):
        match request:
            case Start():
                self.started.append(request)
                if self.on_start is not None:
                    return await self.on_start(request)
                await self.report(request, Running(pid=4711))
            case Pause(job_id=job_id):
                await self.report(self.start_of(job_id), Paused())
            case Resume(job_id=job_id):
                await self.report(self.start_of(job_id), Resumed())
            case Stop(job_id=job_id, reason=reason):
                self.stops.append(request)
                if self.on_stop is not None:
                    return await self.on_stop(request)
                await self.end(self.start_of(job_id), reason, signal=15)
            case Reconcile(jobs=jobs):
                self.reconciled.append(jobs)
                return Answer(data=msgspec.to_builtins(self.stock(jobs)))
            case Renew(taken=taken):
                self.taken |= {(job_id, attempt): seq for job_id, attempt, seq in taken}
            case Ask(verb=verb):
                return Refused(code="invalid", message="no such verb") if verb == "bad" else Answer(data={"verb": verb})
        return Answer()


@asynccontextmanager
async def engine_on(store, bus, folder, **options):
    async with (
        Outputs(folder) as outputs,
        Engine(**{"store": store, "bus": bus, "outputs": outputs, "clock": SystemClock()} | options) as engine,
    ):
        yield engine


async def ready(engine):
    return (await engine.health()).ready


async def joined(engine, bus, name="w", **options):
    worker = ScriptedWorker(bus, name, **options)
    await worker.join()
    await seated(engine, name)
    return worker


async def seated(engine, name, state=WorkerState.READY):
    async def is_so():
        return any((worker.id, worker.state) == (name, state) for worker in await engine.workers())

    await until(is_so)


async def until(condition):
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0)


def command(**fields):
    return Submission(**{"kind": "command", "spec": {"argv": ["true"]}, "worker_id": "w", "queue": False} | fields)


def annotate(**fields):
    return Submission(**{"kind": "annotate", "spec": {"input_uri": "/a.mp4", "features": ["IN_BLACK"]}} | fields)


async def running(engine, job_id):
    return await becomes(engine, job_id, State.RUNNING)


async def becomes(engine, job_id, state):
    async def is_so():
        return (await engine.find(job_id)).state is state

    await until(is_so)
    return await engine.find(job_id)
