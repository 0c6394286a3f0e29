"""A stop is kept, shared, and final."""

import asyncio
from datetime import timedelta

import pytest

from scripted import SOON, becomes, command, engine_on, joined, running
from triptych.buses.memory import MemoryBus
from triptych.errors import Unavailable
from triptych.messages import Answer, Ended, Refused, Stock
from triptych.model import End, EndReason, State
from triptych.stores.memory import MemoryStore


@pytest.fixture
async def bus():
    bus = MemoryBus()
    yield bus
    await bus.close()


class FullStore(MemoryStore):
    """A store that takes no change while it is full."""

    is_full = False

    async def move(self, changes):
        if self.is_full:
            raise Unavailable("store unavailable", code="store_unavailable")
        return await super().move(changes)


@pytest.fixture
async def store():
    async with FullStore() as store:
        yield store


@pytest.fixture
async def engine(store, bus, tmp_path):
    async with engine_on(store, bus, tmp_path, patience=timedelta()) as engine:
        yield engine


@pytest.fixture
async def worker(engine, bus):
    return await joined(engine, bus)


async def test_a_stop_names_the_attempt_that_it_means(engine, worker):
    """workers L6."""
    job = await engine.submit(command(spec={"argv": ["x"], "grace_s": 3}))
    await engine.stop(job.id, by="me")
    assert [(stop.job_id, stop.attempt, stop.grace_s) for stop in worker.stops] == [(job.id, 1, 3)]


async def test_a_stop_works_while_the_store_is_full(engine, store, worker):
    """workers, failure texts: store unavailable."""
    job = await engine.submit(command())
    await running(engine, job.id)

    async def stop(request):
        store.is_full = False
        await worker.end(worker.start_of(request.job_id), request.reason, signal=15)
        return Answer()

    worker.on_stop = stop
    store.is_full = True
    assert (await engine.stop(job.id, by="me")).end.reason is EndReason.STOPPED


@pytest.mark.parametrize(
    ("stock", "reason"), [(lambda job_id: Stock(never=(job_id,)), "never_started"), (lambda job_id: Stock(gone=(job_id,)), "stopped")]
)
async def test_a_stop_of_what_the_worker_does_not_know_asks_what_became_of_it(engine, worker, stock, reason):
    """workers L6."""
    job = await engine.submit(command())
    await running(engine, job.id)

    async def unknown(request):
        return Refused(code="job_not_found", message="job not found")

    worker.on_stop = unknown
    worker.stock = lambda jobs: stock(jobs[0][0])
    assert (await engine.stop(job.id, by="me")).end.reason == reason


async def test_a_stop_that_got_lost_is_carried_out_when_the_worker_next_speaks(engine, worker, monkeypatch):
    """workers, failure texts: none within the bound of K5 to a stop, then kept."""
    monkeypatch.setattr("triptych.stopper.STOP_BOUND", timedelta(milliseconds=-1990))
    job = await engine.submit(command())
    await running(engine, job.id)
    never = asyncio.Event()

    async def lost(request):
        await never.wait()

    worker.on_stop = lost
    with pytest.raises(Unavailable, match="worker not answering"):
        await engine.stop(job.id, by="me", grace_s=0)
    assert (await engine.find(job.id)).state is State.STOPPING
    worker.on_stop = None
    await worker.announce()
    assert (await engine.wait(job.id, SOON)).end.reason is EndReason.STOPPED


async def test_an_end_that_a_stop_overtakes_is_not_tried_again(engine, worker):
    """workers section 7, retry: never after a stop."""
    spec = {"argv": ["x"], "retry": {"max_attempts": 5, "on": ["nonzero", "signal"]}}
    job = await engine.submit(command(spec=spec))
    await running(engine, job.id)

    async def stop(request):
        await worker.report(worker.start_of(request.job_id), Ended(end=End(reason=EndReason.EXITED, exit_code=1)))
        return Answer()

    worker.on_stop = stop
    stopped = await engine.stop(job.id, by="me")
    assert (stopped.state, stopped.end.exit_code, stopped.attempt) == (State.ENDED, 1, 1)


async def test_a_stop_between_two_attempts_ends_the_job_in_the_queue(engine, worker):
    """workers section 7, retry: never after a stop."""
    spec = {"argv": ["x"], "retry": {"max_attempts": 5, "backoff_s": 60}}
    job = await engine.submit(command(spec=spec))
    await running(engine, job.id)
    await worker.end(worker.start_of(job.id), exit_code=1)
    await becomes(engine, job.id, State.QUEUED)
    stopped = await engine.stop(job.id, by="me")
    assert (stopped.end.reason, stopped.stopped_by, len(stopped.facts["attempts"])) == (EndReason.STOPPED, "me", 1)
    assert worker.stops == []
