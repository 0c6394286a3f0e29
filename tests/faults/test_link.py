"""A link that is cut, over a real broker: nothing is started twice, a kept stop is carried out, and the same clock rules both ends."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from scripted import MovedClock, engine_on, joined, running
from scripted import command as a_command
from triptych.buses.nats import NatsBus
from triptych.errors import Unavailable
from triptych.model import EndReason, State, WorkerState
from triptych.stores.memory import MemoryStore

PAUSE_S = 0.05


@pytest.fixture
async def stack():
    async with AsyncExitStack() as stack:
        yield stack


async def connect(stack, server):
    bus = await NatsBus.connect(server.url)
    stack.push_async_callback(bus.close)
    return bus


@pytest.fixture
def clock():
    return MovedClock()


@pytest.fixture
async def engine(stack, nats_server, tmp_path, clock):
    bus = await connect(stack, nats_server)
    store = await stack.enter_async_context(MemoryStore())
    return await stack.enter_async_context(engine_on(store, bus, tmp_path / "output", clock=clock, patience=timedelta()))


@pytest.fixture
async def worker(stack, nats_server, engine):
    return await joined(engine, await connect(stack, nats_server))


async def beats_until(worker, engine, job_id, state):
    """Let the worker's heart beat until a job is in `state`."""
    async with asyncio.timeout(60):
        while (await engine.find(job_id)).state is not state:
            await worker.announce()
            await asyncio.sleep(PAUSE_S)
    return await engine.find(job_id)


async def test_a_job_goes_on_through_a_cut_and_is_started_once(engine, worker, clock, nats_server):
    """Workers F7, L3."""
    job = await engine.submit(a_command())
    await running(engine, job.id)
    nats_server.kill()
    clock.ahead += timedelta(seconds=11)
    await engine.sweep()
    assert (await engine.find(job.id)).state is State.UNREACHABLE
    nats_server.start()
    back = await beats_until(worker, engine, job.id, State.RUNNING)
    assert (back.attempt, back.pid, len(worker.started)) == (1, 4711, 1)
    assert worker.reconciled[-1] == ((job.id, 1),)
    assert (await engine.worker("w")).state is WorkerState.READY


async def test_a_stop_during_a_cut_is_carried_out_after_it(engine, worker, clock, nats_server):
    """Workers section 6, the table of calls."""
    job = await engine.submit(a_command())
    await running(engine, job.id)
    nats_server.kill()
    with pytest.raises(Unavailable, match="worker not"):
        await engine.stop(job.id, by="me", grace_s=0)
    nats_server.start()
    stopped = await beats_until(worker, engine, job.id, State.ENDED)
    assert (stopped.end.reason, stopped.stopped_by) == (EndReason.STOPPED, "me")


async def test_a_cut_that_outlasts_the_lease_ends_in_one_verdict(engine, worker, clock, nats_server):
    """Workers F7, L4: what the worker tells afterwards changes nothing."""
    job = await engine.submit(a_command())
    await running(engine, job.id)
    nats_server.kill()
    await engine.sweep()
    clock.ahead += timedelta(seconds=11)
    await engine.sweep()
    clock.ahead += timedelta(seconds=910)
    await engine.sweep()
    lost = await engine.find(job.id)
    assert lost.end.reason is EndReason.WORKER_LOST
    nats_server.start()
    await worker.end(worker.start_of(job.id), exit_code=0)
    after = await engine.submit(a_command(queue=True))
    await beats_until(worker, engine, after.id, State.RUNNING)
    assert (await engine.find(job.id)).end == lost.end
