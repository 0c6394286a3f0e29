"""Server and worker meet, agree on what runs where, and give each other up by the same clock."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from scripted import SOON, MovedClock, ScriptedWorker, annotate, becomes, command, engine_on, joined, ready, running, seated, until
from triptych.buses.memory import MemoryBus
from triptych.errors import Conflict, NotFound, Unavailable
from triptych.messages import Answer, Output, Refused, Running, Stock
from triptych.model import EndReason, Job, State, WorkerState
from triptych.stores.memory import MemoryStore

NO_PATIENCE = timedelta()


@pytest.fixture
async def store():
    async with MemoryStore() as store:
        yield store


@pytest.fixture
async def bus():
    bus = MemoryBus()
    yield bus
    await bus.close()


@pytest.fixture
def clock():
    return MovedClock()


@pytest.fixture
async def engine(store, bus, tmp_path, clock):
    async with engine_on(store, bus, tmp_path, clock=clock, patience=NO_PATIENCE) as engine:
        yield engine


@pytest.fixture
async def worker(engine, bus):
    return await joined(engine, bus)


async def silent_for(engine, clock, seconds):
    """Let the worker say nothing for so long, as the server sees it."""
    clock.ahead += timedelta(seconds=seconds)
    await engine.sweep()


async def test_a_silent_worker_is_lost_and_its_jobs_unreachable_until_it_is_back(engine, worker, clock):
    """workers section 6: worker_lease_s."""
    job = await engine.submit(command())
    await running(engine, job.id)
    await silent_for(engine, clock, 9)
    assert (await engine.find(job.id)).state is State.RUNNING
    await silent_for(engine, clock, 2)
    assert (await engine.find(job.id)).state is State.UNREACHABLE
    assert (await engine.worker("w")).state is WorkerState.LOST
    with pytest.raises(Unavailable, match="worker not connected"):
        await engine.submit(command())
    await worker.announce()
    back = await becomes(engine, job.id, State.RUNNING)
    assert (back.attempt, back.pid) == (1, 4711)
    assert worker.reconciled[-1] == ((job.id, 1),)


async def test_a_set_clock_makes_nobody_silent(engine, worker, clock):
    """workers F11."""
    job = await engine.submit(command())
    await running(engine, job.id)
    for days in (1, -1):
        clock.set_by = timedelta(days=days)
        await engine.sweep()
        await engine.tick()
    assert (await engine.find(job.id)).state is State.RUNNING
    assert (await engine.worker("w")).state is WorkerState.READY


async def test_a_worker_is_asked_what_it_has_before_it_is_given_anything(engine, bus):
    """workers L3."""
    job = await engine.submit(annotate())
    worker = ScriptedWorker(bus)
    order = []

    def stock(jobs):
        order.append("reconcile")
        return Stock()

    async def start(request):
        order.append("start")
        await worker.report(request, Running(pid=1))
        return Answer()

    worker.stock, worker.on_start = stock, start
    await worker.join()
    await running(engine, job.id)
    assert order == ["reconcile", "start"]


async def test_strangers_are_ended_before_anything_new_starts(engine, bus):
    """workers L3, I2: a process of a job that is over, unknown, or elsewhere by now."""
    job = await engine.submit(annotate())
    worker = ScriptedWorker(bus)
    ended = asyncio.Event()

    async def stop(request):
        assert worker.started == []
        ended.set()
        return Answer()

    worker.stock = lambda jobs: Stock(strangers=(("unknown", 3),))
    worker.on_stop = stop
    await worker.join()
    await running(engine, job.id)
    assert ended.is_set()
    assert [(one.job_id, one.attempt) for one in worker.stops] == [("unknown", 3)]


async def test_a_stranger_that_ended_by_itself_keeps_nobody_waiting(engine, bus):
    """workers L3."""
    worker = ScriptedWorker(bus)

    async def gone(request):
        return Refused(code="job_not_found", message="job not found")

    worker.stock = lambda jobs: Stock(strangers=(("unknown", 1),))
    worker.on_stop = gone
    await worker.join()
    await seated(engine, "w")


async def test_a_worker_whose_stranger_lives_on_is_given_nothing(engine, bus):
    """workers L3: the next announcement is the next try."""
    worker = ScriptedWorker(bus)
    asked = asyncio.Event()

    async def stubborn(request):
        asked.set()
        return Refused(code="stop_not_confirmed", message="stop not confirmed: 1 alive")

    worker.stock = lambda jobs: Stock(strangers=(("unknown", 1),))
    worker.on_stop = stubborn
    await worker.join()
    await asked.wait()
    job = await engine.submit(annotate())
    assert not (await engine.health()).ready
    worker.stock = lambda jobs: Stock()

    async def is_met():
        await worker.announce()
        return await ready(engine)

    await until(is_met)
    await running(engine, job.id)


async def test_a_worker_that_begins_anew_while_it_is_met_is_met_once_more(engine, bus):
    """workers L3: what the life before had is not what this one has."""
    worker = ScriptedWorker(bus)
    began = datetime.now(UTC)
    go = asyncio.Event()

    async def slow(request):
        worker.reconciled.append(request)
        await go.wait()
        return Answer(data={"live": {}})

    await bus.serve("w", slow)
    await worker.announce(started_at=began)
    await until_renewed(worker.reconciled, 1)
    await worker.announce(started_at=began + timedelta(seconds=5))
    await bus.serve("w", worker.answer)
    go.set()
    await seated(engine, "w")
    assert len(worker.reconciled) == 2
    assert (await engine.worker("w")).started_at == began + timedelta(seconds=5)


async def test_a_new_engine_on_the_same_store_settles_what_the_old_one_held(store, tmp_path):
    """workers L3, L7, F1; media J5."""
    old_bus = MemoryBus()
    async with engine_on(store, old_bus, tmp_path) as old:
        await joined(old, old_bus, slots={"command": 4, "annotate": 1})
        jobs = {name: await old.submit(command()) for name in ("live", "gone", "told")}
        annotation = await old.submit(annotate())
        for job in (*jobs.values(), annotation):
            await running(old, job.id)
    await old_bus.close()
    now = datetime.now(UTC)
    starting = {"spec": {"argv": ["true"]}, "created_at": now, "state": State.STARTING, "attempt": 1, "worker_id": "w"}
    await store.add(Job(id="legacy", kind="command", deadline=now, **starting))
    await store.add(Job(id="native", kind="command", **starting))
    bus = MemoryBus()
    async with engine_on(store, bus, tmp_path) as new:
        assert (await new.find(jobs["live"].id)).state is State.RUNNING
        again = ScriptedWorker(bus, slots={"command": 9, "annotate": 1})
        again.stock = lambda held: Stock(
            live={jobs["live"].id: "running"},
            told=(jobs["told"].id,),
            gone=(jobs["gone"].id, annotation.id),
            never=("legacy", "native"),
        )
        await again.join()
        await seated(new, "w")
        assert set(again.reconciled[0]) == {(job.id, 1) for job in (*jobs.values(), annotation)} | {("legacy", 1), ("native", 1)}
        live = await new.find(jobs["live"].id)
        assert (live.state, live.attempt) == (State.RUNNING, 1)
        assert (await new.find(jobs["gone"].id)).end.reason is EndReason.WORKER_LOST
        assert (await new.find(jobs["told"].id)).state is State.RUNNING
        assert (await new.find("legacy")).end.reason is EndReason.NEVER_STARTED
        assert (await running(new, "native")).attempt == 2
        assert (await running(new, annotation.id)).attempt == 2
        assert {start.job_id for start in again.started} == {"native", annotation.id}
    await bus.close()


async def test_a_reboot_ends_the_open_jobs_of_its_host_at_once(engine, worker):
    """workers L5, F15."""
    jobs = [await engine.submit(command()) for _ in range(2)]
    for job in jobs:
        await running(engine, job.id)
    worker.stock = lambda held: Stock(told=(jobs[1].id,), gone=(jobs[0].id,))
    await worker.announce(boot_id="another", started_at=datetime.now(UTC) + timedelta(seconds=5))
    assert (await engine.wait(jobs[0].id, SOON)).end.reason is EndReason.WORKER_LOST
    assert (await engine.find(jobs[1].id)).state is State.RUNNING


async def test_a_stop_of_a_lost_worker_is_kept_and_carried_out_when_it_is_back(engine, worker, clock):
    """workers section 6, the table of calls."""
    job = await engine.submit(command())
    await running(engine, job.id)
    await silent_for(engine, clock, 11)
    with pytest.raises(Unavailable) as refusal:
        await engine.stop(job.id, by="me")
    assert refusal.value.code == "worker_not_connected"
    kept = await engine.find(job.id)
    assert (kept.state, kept.stopped_by) == (State.UNREACHABLE, "me")
    await worker.announce()
    stopped = await engine.wait(job.id, SOON)
    assert (stopped.end.reason, stopped.stopped_by) == (EndReason.STOPPED, "me")


async def test_the_verdict_comes_only_when_the_tree_must_be_dead(engine, worker, clock):
    """workers section 6: job_lease_s + grace_s + 15 s of silence; L4."""
    job = await engine.submit(command(spec={"argv": ["x"], "grace_s": 30}))
    await running(engine, job.id)
    await silent_for(engine, clock, 900 + 30 + 14)
    assert (await engine.find(job.id)).state is State.UNREACHABLE
    await silent_for(engine, clock, 2)
    assert (await engine.find(job.id)).end.reason is EndReason.WORKER_LOST


async def test_the_verdict_survives_restarts_of_the_server(store, tmp_path, clock):
    """workers section 6: the silence is counted on, on the clock since boot."""
    options = {"clock": clock, "patience": NO_PATIENCE, "job_lease_s": 60.0, "boot_id": "one"}
    bus = MemoryBus()
    async with engine_on(store, bus, tmp_path, **options) as engine:
        await joined(engine, bus)
        job = await engine.submit(command())
        await running(engine, job.id)
        await silent_for(engine, clock, 50)
    await bus.close()
    for seconds, state in ((28, State.UNREACHABLE), (4, State.ENDED)):
        async with engine_on(store, MemoryBus(), tmp_path, **options) as engine:
            await silent_for(engine, clock, seconds)
            assert (await engine.find(job.id)).state is state


async def test_a_lease_is_renewed_at_least_every_two_seconds_and_never_of_a_lost_worker(engine, worker, clock):
    """workers L4."""
    renewals = []

    async def answer(request):
        renewals.append(request)
        return Answer()

    await worker.bus.serve("w", answer)
    clock.ahead += timedelta(seconds=1.9)
    await engine.renew()
    await until_renewed(renewals, 1)
    await engine.renew()
    clock.ahead += timedelta(seconds=20)
    await engine.sweep()
    await engine.renew()
    await asyncio.sleep(0)
    assert len(renewals) == 1


async def until_renewed(renewals, count):
    async def is_so():
        return len(renewals) >= count

    await until(is_so)


async def test_a_job_is_started_with_the_lease_that_the_operator_set(store, bus, tmp_path):
    """workers section 6: job_lease_s."""
    async with engine_on(store, bus, tmp_path, job_lease_s=60.0) as engine:
        worker = await joined(engine, bus)
        await engine.submit(command())
    assert worker.started[0].lease_s == 60.0


async def test_what_is_committed_and_on_disk_is_acknowledged(engine, worker):
    """workers O5."""
    job = await engine.submit(command())
    start = worker.start_of(job.id)
    await worker.report(start, Output(stream="stdout", offset=0, data=b"x"))
    await worker.end(start, exit_code=0)
    await engine.wait(job.id, SOON)

    async def is_taken():
        await engine.renew()
        return worker.taken.get((job.id, 1)) == 3

    await until(is_taken)


async def test_what_could_not_be_acknowledged_is_acknowledged_later(engine, worker):
    """workers O5: a renewal that fails is no error."""
    job = await engine.submit(command())
    await worker.end(worker.start_of(job.id), exit_code=0)
    await engine.wait(job.id, SOON)
    failed = []

    async def refuse(request):
        failed.append(request)
        return Refused(code="internal", message="no")

    await worker.bus.serve("w", refuse)

    async def has_failed():
        await engine.renew()
        return any(request.taken for request in failed)

    await until(has_failed)
    await worker.bus.serve("w", worker.answer)

    async def is_taken():
        await engine.renew()
        return worker.taken.get((job.id, 1)) == 2

    await until(is_taken)


async def test_a_draining_worker_takes_nothing_new_until_it_is_undrained_restarts_included(store, bus, tmp_path):
    """workers L9 and the table of calls."""
    async with engine_on(store, bus, tmp_path) as engine:
        worker = await joined(engine, bus)
        job = await engine.submit(command())
        assert (await engine.drain("w")).state is WorkerState.DRAINING
        for queue in (False, True):
            with pytest.raises(Conflict) as refusal:
                await engine.submit(command(queue=queue))
            assert refusal.value.code == "worker_draining"
        await worker.announce(started_at=datetime.now(UTC) + timedelta(seconds=5))
        await seated(engine, "w", WorkerState.DRAINING)
        assert (await engine.stop(job.id, by="me")).state is State.ENDED
    other = MemoryBus()
    async with engine_on(store, other, tmp_path) as engine:
        waiting = await engine.submit(annotate())
        worker = ScriptedWorker(other)
        await worker.join()
        await seated(engine, "w", WorkerState.DRAINING)
        assert worker.started == []
        assert (await engine.undrain("w")).state is WorkerState.READY
        await running(engine, waiting.id)
    await other.close()


async def test_a_removed_worker_is_not_found_until_it_is_undrained(store, bus, tmp_path):
    """workers section 6: removed."""
    async with engine_on(store, bus, tmp_path) as engine:
        worker = await joined(engine, bus)
        job = await engine.submit(command())
        with pytest.raises(Conflict) as refusal:
            await engine.remove("w")
        assert refusal.value.code == "worker_has_jobs"
        await engine.stop(job.id, by="me")
        assert (await engine.remove("w")).state is WorkerState.REMOVED
        assert (await engine.find(job.id)).state is State.ENDED
    other = MemoryBus()
    async with engine_on(store, other, tmp_path) as engine:
        worker = ScriptedWorker(other)
        await worker.join()
        for verb in (
            engine.submit(command()),
            engine.submit(command(queue=True)),
            engine.drain("w"),
            engine.worker("w"),
            engine.drain("x"),
        ):
            with pytest.raises(NotFound, match="worker not found"):
                await verb
        assert await engine.workers() == []
        await engine.undrain("w")
        await worker.announce()
        await seated(engine, "w")
    await other.close()


async def test_a_worker_with_a_job_that_waits_for_it_by_name_is_not_removed(engine, worker):
    """workers L9."""
    await engine.submit(annotate(worker_id="w"))
    waiting = await engine.submit(annotate(worker_id="w"))
    assert waiting.state is State.QUEUED
    with pytest.raises(Conflict):
        await engine.remove("w")


async def test_a_call_waits_for_a_link_that_comes_back(store, bus, tmp_path):
    """workers L9: a restart of the worker is no error by itself."""
    async with engine_on(store, bus, tmp_path) as engine:
        worker = await joined(engine, bus)
        await bus.leave("w")
        await seated(engine, "w", WorkerState.LOST)
        start = asyncio.create_task(engine.submit(command()))
        await asyncio.sleep(0)
        await worker.join()
        assert (await running(engine, (await start).id)).worker_id == "w"


async def test_a_start_that_finds_the_link_down_goes_to_the_worker_that_was_met_again(store, bus, tmp_path):
    """workers L9, L3: the server learns only by asking that nobody is there."""
    async with engine_on(store, bus, tmp_path) as engine:
        worker = await joined(engine, bus)
        bus._served.pop("w")
        start = asyncio.create_task(engine.submit(command()))
        await seated(engine, "w", WorkerState.LOST)
        worker.stock = lambda jobs: Stock(never=tuple(job_id for job_id, _ in jobs))
        await worker.join()
        assert (await running(engine, (await start).id)).attempt == 1
        assert worker.reconciled == [(), ()]


async def test_a_native_submit_to_a_lost_worker_waits_if_it_may(engine, worker, bus):
    """workers section 6, the table of calls."""
    await bus.leave("w")
    await seated(engine, "w", WorkerState.LOST)
    later = engine.clock.now() + timedelta(hours=1)
    assert (await engine.submit(command(queue=True, deadline=later))).state is State.QUEUED
    with pytest.raises(Unavailable, match="worker not connected"):
        await engine.submit(command(queue=True, deadline=engine.clock.now()))


async def test_a_frozen_worker_delays_no_other(engine, bus, clock):
    """workers W7: meeting, renewing and losing one waits for nobody else."""
    frozen = ScriptedWorker(bus, "frozen")
    never = asyncio.Event()

    async def ignore(request):
        await never.wait()

    await bus.serve("frozen", ignore)
    await frozen.announce()
    worker = await joined(engine, bus)
    clock.ahead += timedelta(seconds=3)
    await engine.renew()
    await engine.submit(command())
    assert len(worker.started) == 1
    assert (await engine.worker("frozen")).state is WorkerState.LOST
