"""Which worker a job goes to, and what becomes of one that is not taken."""

from datetime import timedelta

import pytest

from scripted import ScriptedWorker, annotate, becomes, command, engine_on, joined, running, until
from triptych.buses.memory import MemoryBus
from triptych.errors import StartFailed, Unavailable
from triptych.messages import Refused
from triptych.model import EndReason, Query, State
from triptych.stores.memory import MemoryStore

SLOTS = {"command": 3, "annotate": 2}


@pytest.fixture
async def bus():
    bus = MemoryBus()
    yield bus
    await bus.close()


@pytest.fixture
async def engine(bus, tmp_path):
    async with MemoryStore() as store, engine_on(store, bus, tmp_path, patience=timedelta()) as engine:
        yield engine


async def test_a_job_goes_to_the_worker_with_the_fewest_live_jobs_then_by_id(engine, bus):
    """workers section 7: labels."""
    for name in ("b", "a", "c"):
        await joined(engine, bus, name, slots=SLOTS)
    taken = [(await running(engine, (await engine.submit(command(worker_id=None, queue=True))).id)).worker_id for _ in range(5)]
    assert taken == ["a", "b", "c", "a", "b"]


async def test_waiting_jobs_are_spread_the_same_way(engine, bus):
    """workers section 7: labels."""
    for name, count in (("a", 1), ("b", 5)):
        await joined(engine, bus, name, slots={"annotate": count})
        await engine.drain(name)
    jobs = [await engine.submit(annotate()) for _ in range(4)]
    for name in ("a", "b"):
        await engine.undrain(name)

    async def all_run():
        return all([(await engine.find(job.id)).state is State.RUNNING for job in jobs])

    await until(all_run)
    assert [(await engine.find(job.id)).worker_id for job in jobs] == ["a", "b", "b", "b"]


async def test_a_job_goes_only_where_every_label_is(engine, bus):
    """workers section 7: labels."""
    plain, gpu = ScriptedWorker(bus, "a"), ScriptedWorker(bus, "b")
    for worker, labels in ((plain, {"arch": "x86"}), (gpu, {"arch": "x86", "gpu": "1"})):
        await bus.serve(worker.name, worker.answer)
        await worker.announce(labels=labels)
    job = await engine.submit(command(worker_id=None, queue=True, needs={"gpu": "1", "arch": "x86"}))
    assert (await running(engine, job.id)).worker_id == "b"
    waiting = await engine.submit(command(worker_id=None, queue=True, needs={"gpu": "2"}))
    assert waiting.state is State.QUEUED
    other = await engine.submit(command(worker_id=None, queue=True))
    await running(engine, other.id)


async def test_a_job_that_may_not_wait_runs_now_or_not_at_all(engine, bus):
    """workers section 7: queue_s 0."""
    worker = await joined(engine, bus, slots={"command": 1})
    now = engine.clock.now()
    for worker_id in (None, "w"):
        job = await engine.submit(command(worker_id=worker_id, queue=True, deadline=now))
        await running(engine, job.id)
        with pytest.raises(Unavailable) as refusal:
            await engine.submit(command(worker_id=worker_id, queue=True, deadline=now))
        assert refusal.value.code == "worker_busy"
        await engine.stop(job.id, by="me")
    assert len(worker.started) == 2


async def test_a_job_that_its_worker_leaves_behind_waits_for_another(engine, bus):
    worker = await joined(engine, bus)

    async def leaving(start):
        return Refused(code="worker_draining", message="worker draining")

    worker.on_start = leaving
    job = await engine.submit(annotate())
    await becomes(engine, job.id, State.QUEUED)
    worker.on_start = None
    await worker.announce()
    assert (await running(engine, job.id)).attempt > 1


async def test_a_legacy_start_that_finds_nobody_never_started(engine, bus):
    """workers L7: nothing queued."""
    await joined(engine, bus)
    bus._served.pop("w")
    with pytest.raises(Unavailable, match="worker not connected"):
        await engine.submit(command())
    (job,) = (await engine.list(Query())).jobs
    assert (job.state, job.end.reason) == (State.ENDED, EndReason.NEVER_STARTED)


async def test_a_refused_start_is_told_in_the_words_of_the_worker(engine, bus):
    """workers W6."""
    worker = await joined(engine, bus)

    async def refuse(start):
        return Refused(code="start_failed", message="exec: no command")

    worker.on_start = refuse
    with pytest.raises(StartFailed, match="exec: no command"):
        await engine.submit(command())


async def test_jobs_of_a_kind_with_berths_run_one_in_each(engine, bus):
    """media J7: one job per core, the free one with the lowest number."""
    await engine.berth("annotate", {"": (1, 2)})
    worker = await joined(engine, bus, slots={"annotate": 4, "command": 1})
    jobs = [await engine.submit(annotate()) for _ in range(3)]
    first, second = [await running(engine, job.id) for job in jobs[:2]]
    assert (first.berth, second.berth) == (1, 2)
    assert (await engine.find(jobs[2].id)).state is State.QUEUED
    assert {number: job.id for number, job in engine.berthed("annotate").items()} == {1: first.id, 2: second.id}
    await worker.end(worker.start_of(first.id), EndReason.DONE)
    assert (await running(engine, jobs[2].id)).berth == 1
    assert (await engine.find(first.id)).berth == 1
    assert (await running(engine, (await engine.submit(command(worker_id=None, queue=True))).id)).berth is None


async def test_a_job_that_waits_for_a_berth_holds_back_no_other_job(engine, bus):
    """media J7: a job with `target` waits for that core, whatever its priority."""
    await engine.berth("annotate", {"": (1, 2), "1": (1,), "2": (2,)})
    worker = await joined(engine, bus, slots={"annotate": 4})
    busy = await running(engine, (await engine.submit(annotate(berth_wish="2"))).id)
    waiting = await engine.submit(annotate(berth_wish="2", priority=0))
    assert (await running(engine, (await engine.submit(annotate())).id)).berth == 1
    assert (await engine.find(waiting.id)).state is State.QUEUED
    await worker.end(worker.start_of(busy.id), EndReason.DONE)
    assert (await running(engine, waiting.id)).berth == 2


async def test_berths_may_change_while_jobs_wait(engine, bus):
    await engine.berth("annotate", {"": ()})
    await joined(engine, bus, slots={"annotate": 4})
    job = await engine.submit(annotate())
    assert job.state is State.QUEUED
    await engine.berth("annotate", {"": (7,)})
    assert (await running(engine, job.id)).berth == 7
