"""The engine's verbs, over the store and bus in memory, with a worker that does as each test says."""

import asyncio
from datetime import timedelta

import pytest

from scripted import SOON, MovedClock, ScriptedWorker, annotate, becomes, command, engine_on, joined, ready, running, until
from triptych.buses.memory import MemoryBus
from triptych.errors import Conflict, Invalid, NotFound, StartFailed, StopNotConfirmed, TriptychError, Unavailable
from triptych.messages import Answer, Ask, Progress, Refused, Running
from triptych.model import End, EndReason, Query, State, Submission
from triptych.stores.memory import MemoryStore


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
async def engine(store, bus, tmp_path):
    async with engine_on(store, bus, tmp_path) as engine:
        yield engine


@pytest.fixture
async def worker(engine, bus):
    worker = ScriptedWorker(bus)
    await worker.join()
    await until(lambda: ready(engine))
    return worker


async def test_a_start_is_stored_then_handed_over_then_running(engine, worker):
    """workers W6."""
    job = await engine.submit(command())
    assert worker.started[0].job_id == job.id
    job = await running(engine, job.id)
    assert (job.pid, job.attempt, job.worker_id) == (4711, 1, "w")


async def test_a_start_on_an_unknown_worker_stores_nothing(engine, worker):
    with pytest.raises(NotFound, match="worker not found"):
        await engine.submit(command(worker_id="x"))
    assert (await engine.list(Query())).jobs == ()


async def test_a_spec_that_does_not_fit_its_kind_is_refused(engine, worker):
    with pytest.raises(Invalid):
        await engine.submit(command(spec={"argv": "true"}))
    with pytest.raises(Invalid, match="kind must be one of"):
        await engine.submit(command(kind="nosuch"))


async def test_a_start_that_the_worker_refuses_is_kept_as_never_started(engine, worker):
    """workers W6."""

    async def refuse(start):
        return Refused(code="start_failed", message="exec: no command")

    worker.on_start = refuse
    with pytest.raises(StartFailed, match="exec: no command"):
        await engine.submit(command())
    (job,) = (await engine.list(Query())).jobs
    assert job.end.reason is EndReason.NEVER_STARTED
    assert job.end.fault.message == "exec: no command"


async def test_the_slot_of_a_failed_start_comes_back(engine, worker):
    async def refuse(start):
        return Refused(code="start_failed", message="no")

    worker.on_start = refuse
    for _ in range(5):
        with pytest.raises(StartFailed):
            await engine.submit(command())


async def test_a_third_start_on_two_slots_is_refused_as_busy(engine, worker):
    await engine.submit(command())
    await engine.submit(command())
    with pytest.raises(Unavailable, match="worker busy"):
        await engine.submit(command())


async def test_the_same_key_gives_the_same_job_and_starts_nothing(engine, worker):
    """workers W8."""
    first = await engine.submit(command(idempotency_key="k", fingerprint="f"))
    again = await engine.submit(command(idempotency_key="k", fingerprint="f"))
    assert again.id == first.id
    assert len(worker.started) == 1
    with pytest.raises(Conflict) as refusal:
        await engine.submit(command(idempotency_key="k", fingerprint="other"))
    assert refusal.value.code == "key_reused"


async def test_a_key_whose_start_failed_gives_the_same_text_again(engine, worker):
    """workers W8."""

    async def refuse(start):
        return Refused(code="start_failed", message="exec: no command")

    worker.on_start = refuse
    for _ in range(2):
        with pytest.raises(StartFailed, match="exec: no command"):
            await engine.submit(command(idempotency_key="k", fingerprint="f"))
    assert len(worker.started) == 1


async def test_queued_jobs_start_by_priority_then_age_when_a_slot_comes_free(engine, worker):
    """engine E3."""
    first = await engine.submit(annotate())
    await running(engine, first.id)
    later = await engine.submit(annotate(priority=20))
    sooner = await engine.submit(annotate(priority=5))
    last = await engine.submit(annotate(priority=20))
    order = []
    for job_id in (first.id, sooner.id, later.id, last.id):
        order.append((await running(engine, job_id)).id)
        await worker.end(worker.start_of(job_id), EndReason.DONE)
        await engine.wait(job_id, SOON)
    assert order == [start.job_id for start in worker.started]


async def test_a_full_queue_takes_no_more(store, bus, tmp_path):
    """workers section 7, media 2.5."""
    async with engine_on(store, bus, tmp_path, most_queued=1) as engine:
        await engine.submit(annotate())
        with pytest.raises(Unavailable) as refusal:
            await engine.submit(annotate())
        assert refusal.value.code == "queue_full"
        assert len((await engine.list(Query())).jobs) == 1


async def test_a_queued_job_waits_for_a_worker_to_come(engine, bus):
    job = await engine.submit(annotate())
    assert job.state is State.QUEUED
    worker = ScriptedWorker(bus)
    await worker.join()
    await running(engine, job.id)


async def test_a_paused_queued_job_is_held_until_it_is_resumed(engine, bus):
    """engine 2.5."""
    job = await engine.submit(annotate())
    assert (await engine.pause(job.id, by="me")).state is State.PAUSED
    worker = ScriptedWorker(bus)
    await worker.join()
    await until(lambda: ready(engine))
    other = await engine.submit(annotate())
    await running(engine, other.id)
    await worker.end(worker.start_of(other.id), EndReason.DONE)
    assert (await engine.find(job.id)).state is State.PAUSED
    await engine.resume(job.id, by="me")
    await running(engine, job.id)


async def test_a_running_job_is_paused_and_resumed_by_its_worker(engine, worker):
    job = await engine.submit(command())
    assert (await engine.pause(job.id, by="me")).state is State.PAUSED
    assert (await engine.pause(job.id, by="me")).state is State.PAUSED
    assert (await engine.resume(job.id, by="me")).state is State.RUNNING


async def test_a_stop_answers_when_the_end_is_committed(engine, worker):
    job = await engine.submit(command())
    stopped = await engine.stop(job.id, by="me")
    assert stopped.end == End(reason=EndReason.STOPPED, signal=15)
    assert stopped.stopped_by == "me"


async def test_parallel_stops_share_one_request(engine, worker):
    """workers K3."""
    stops = []

    async def once(stop):
        stops.append(stop)
        await worker.end(worker.start_of(stop.job_id), stop.reason)
        return Answer()

    worker.on_stop = once
    job = await engine.submit(command())
    await asyncio.gather(*(engine.stop(job.id, by="me") for _ in range(5)))
    assert len(stops) == 1
    assert (await engine.stop(job.id, by="me")).state is State.ENDED
    assert len(stops) == 1


async def test_a_caller_that_hangs_up_does_not_cancel_the_stop(engine, worker):
    """workers K3."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(stop):
        asked.set()
        await go.wait()
        await worker.end(worker.start_of(stop.job_id), stop.reason)
        return Answer()

    worker.on_stop = slow
    job = await engine.submit(command())
    caller = asyncio.create_task(engine.stop(job.id, by="me"))
    await asked.wait()
    caller.cancel()
    go.set()
    assert (await engine.wait(job.id, SOON)).end.reason is EndReason.STOPPED


async def test_a_stop_that_is_not_confirmed_leaves_the_job_stopping(engine, worker):
    """workers K5."""

    async def stubborn(stop):
        return Refused(code="stop_not_confirmed", message="stop not confirmed: 2 alive")

    worker.on_stop = stubborn
    job = await engine.submit(command())
    with pytest.raises(StopNotConfirmed, match="2 alive"):
        await engine.stop(job.id, by="me")
    assert (await engine.find(job.id)).state is State.STOPPING


@pytest.mark.parametrize(("ask", "reason"), [(annotate(), EndReason.CANCELLED), (command(queue=True), EndReason.NEVER_STARTED)])
async def test_a_queued_job_that_is_stopped_ends_in_its_kinds_words(engine, bus, ask, reason):
    """workers K, media J6."""
    worker = ScriptedWorker(bus, slots={"command": 0, "annotate": 0})
    await worker.join()
    await until(lambda: ready(engine))
    job = await engine.submit(ask)
    assert (await engine.stop(job.id, by="me")).end.reason is reason
    assert worker.started == []


async def test_a_start_without_an_answer_is_never_guessed_and_is_revoked(engine, worker, monkeypatch):
    """workers L6."""
    go = asyncio.Event()

    async def late(start):
        await go.wait()
        await worker.report(start, Running(pid=1))
        return Answer()

    worker.on_start = late
    with pytest.raises(Unavailable) as refusal:
        await engine.submit(command())
    assert refusal.value.code == "worker_not_answering"
    (job,) = (await engine.list(Query())).jobs
    go.set()
    assert (await engine.wait(job.id, SOON)).end.reason is EndReason.STOPPED


async def test_progress_is_kept_by_part_and_watchers_see_it(engine, worker):
    job = await engine.submit(annotate())
    await running(engine, job.id)
    start = worker.start_of(job.id)
    await worker.report(start, Progress(parts={"IN_BLACK": 40.0}))
    await worker.end(start, EndReason.DONE)
    seen = []
    async for happening in engine.watch(after=0, job_id=job.id):
        seen.append((happening.note, happening.state))
        if happening.state is State.ENDED:
            break
    assert ("progress", State.RUNNING) in seen
    assert (await engine.find(job.id)).progress["IN_BLACK"] == 40.0


async def test_a_watcher_that_resumes_misses_and_repeats_nothing(engine, worker):
    """engine 3: events are resumable."""
    job = await engine.submit(annotate())
    await running(engine, job.id)
    await worker.end(worker.start_of(job.id), EndReason.DONE)
    await engine.wait(job.id, SOON)

    async def numbers(after, count):
        return [happening.number async for happening in _take(engine.watch(after=after), count)]

    whole = await numbers(0, 3)
    assert whole == sorted(set(whole))
    assert await numbers(whole[0], 2) == whole[1:]


async def _take(happenings, count):
    taken = 0
    async for happening in happenings:
        yield happening
        taken += 1
        if taken == count:
            return


async def test_a_probe_reaches_a_process_without_a_job(engine, worker):
    ask = Ask(process="camera:default", kind="camera", spec={"camera": "default"}, verb="state")
    assert await engine.probe(None, ask, SOON) == {"verb": "state"}
    with pytest.raises(TriptychError, match="no such verb"):
        await engine.probe("w", Ask(process="camera:default", kind="camera", spec={}, verb="bad"), SOON)


async def test_a_second_session_of_one_camera_is_refused(engine, bus):
    worker = ScriptedWorker(bus, slots={"camera": 2})
    await worker.join()
    await until(lambda: ready(engine))
    session = Submission(kind="camera", spec={"camera": "front"}, worker_id="w", queue=False)
    await engine.submit(session)
    with pytest.raises(Conflict) as refusal:
        await engine.submit(session)
    assert refusal.value.code == "process_busy"


async def test_an_ended_job_is_forgotten_and_a_live_one_is_not(engine, worker):
    job = await engine.submit(command())
    with pytest.raises(Conflict):
        await engine.forget(job.id)
    await engine.stop(job.id, by="me")
    await engine.forget(job.id)
    with pytest.raises(NotFound, match="job not found"):
        await engine.find(job.id)


async def test_closing_stops_what_cannot_outlive_the_server(engine, worker):
    """workers L8."""
    session = await engine.submit(Submission(kind="camera", spec={"camera": "front"}, worker_id="w", queue=False))
    job = await engine.submit(command())
    annotation = await engine.submit(annotate())
    await running(engine, annotation.id)
    await engine.close(stop_jobs=False)
    assert (await engine.find(session.id)).stopped_by == "shutdown"
    assert (await running(engine, job.id)).stopped_by is None
    await engine.close(stop_jobs=True)
    assert (await engine.find(job.id)).stopped_by == "shutdown"
    assert (await engine.find(annotation.id)).state is State.RUNNING


async def test_closing_does_not_wait_for_the_grace_of_a_stop_that_is_under_way(engine, worker, monkeypatch):
    """workers L8: its agent ends what is left."""
    monkeypatch.setattr("triptych.engine.CLOSE_BOUND", timedelta(seconds=0.1))
    asked = asyncio.Event()

    async def stubborn(stop):
        asked.set()
        await asyncio.Event().wait()

    worker.on_stop = stubborn
    job = await engine.submit(command())
    await running(engine, job.id)
    stopping = asyncio.create_task(engine.stop(job.id, by="me", grace_s=3600))
    await asked.wait()
    async with asyncio.timeout(30):
        await engine.close(stop_jobs=True)
    assert not stopping.done()
    stopping.cancel()


async def test_a_retry_is_a_new_attempt_that_begins_after_its_pause(store, bus, tmp_path):
    """workers section 7, retry: the record tells the end of each attempt."""
    clock = MovedClock()
    retry = {"max_attempts": 3, "backoff_s": 2, "factor": 3}
    async with engine_on(store, bus, tmp_path, clock=clock) as engine:
        worker = await joined(engine, bus)
        job = await engine.submit(command(queue=True, spec={"argv": ["x"], "retry": retry}))
        for attempt, pause_s in ((1, 2), (2, 6)):
            assert (await running(engine, job.id)).attempt == attempt
            await worker.end(worker.start_of(job.id), exit_code=attempt)
            assert (await becomes(engine, job.id, State.QUEUED)).end is None
            await later(engine, clock, pause_s - 1)
            assert (await engine.find(job.id)).not_before is not None
            await later(engine, clock, 1)
        assert (await running(engine, job.id)).attempt == 3
        await worker.end(worker.start_of(job.id), exit_code=9)
        ended = await engine.wait(job.id, SOON)
    assert (ended.end.reason, ended.end.exit_code) == (EndReason.EXITED, 9)
    assert [(one["attempt"], one["end_reason"], one["exit_code"]) for one in ended.facts["attempts"]] == [
        (1, "exited", 1),
        (2, "exited", 2),
        (3, "exited", 9),
    ]


async def test_a_retry_goes_on_after_a_restart_of_the_server(store, bus, tmp_path):
    """workers section 7, retry: no crash loses or doubles it."""
    spec = {"argv": ["x"], "retry": {"max_attempts": 2, "backoff_s": 60}}
    async with engine_on(store, bus, tmp_path) as engine:
        worker = await joined(engine, bus)
        job = await engine.submit(command(spec=spec))
        await running(engine, job.id)
        await worker.end(worker.start_of(job.id), exit_code=1)
        await becomes(engine, job.id, State.QUEUED)
    other, clock = MemoryBus(), MovedClock()
    async with engine_on(store, other, tmp_path, clock=clock) as engine:
        await joined(engine, other)
        await later(engine, clock, 50)
        assert (await engine.find(job.id)).state is State.QUEUED
        await later(engine, clock, 11)
        assert (await running(engine, job.id)).attempt == 2
    await other.close()


async def test_a_job_that_waited_for_too_long_never_started_held_or_not(store, bus, tmp_path):
    """workers section 7: queue_s."""
    clock = MovedClock()
    async with engine_on(store, bus, tmp_path, clock=clock) as engine:
        ask = command(worker_id=None, queue=True, deadline=clock.now() + timedelta(seconds=30))
        waiting, held = [await engine.submit(ask) for _ in range(2)]
        await engine.pause(held.id, by="me")
        await later(engine, clock, 29)
        assert (await engine.find(waiting.id)).state is State.QUEUED
        await later(engine, clock, 2)
        for job in (waiting, held):
            end = (await engine.find(job.id)).end
            assert (end.reason, end.fault.message) == (EndReason.NEVER_STARTED, "no worker took it within queue_s")


async def later(engine, clock, seconds):
    clock.ahead += timedelta(seconds=seconds)
    await engine.tick()


async def test_a_mark_is_kept_beside_what_is_known_whatever_the_state(engine, worker):
    """media 6: what a view remembers of a job."""
    job = await engine.submit(command())
    await engine.mark(job.id, seen=True)
    ended = await engine.stop(job.id, by="me")
    marked = await engine.mark(job.id, read=3)
    assert (marked.facts["seen"], marked.facts["read"], marked.end, marked.state) == (True, 3, ended.end, State.ENDED)
    with pytest.raises(NotFound):
        await engine.mark("none", seen=True)


async def test_a_pinned_job_says_so_and_its_end_stays_as_it_was(engine, worker):
    """workers O8."""
    job = await engine.submit(command())
    ended = await engine.stop(job.id, by="me")
    assert (await engine.pin(job.id)).facts["pinned"] is True
    unpinned = await engine.unpin(job.id)
    assert (unpinned.facts["pinned"], unpinned.end, unpinned.ended_at) == (False, ended.end, ended.ended_at)
