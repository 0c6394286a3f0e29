"""The ledger remembers what was committed and nothing else."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from triptych import moves
from triptych.clock import SystemClock
from triptych.errors import NotFound
from triptych.ledger import Ledger
from triptych.model import Job, State, Worker, WorkerState
from triptych.roster import Roster
from triptych.stores.memory import MemoryStore

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WORKER = Worker(id="w", state=WorkerState.READY, boot_id="b", started_at=NOW, seen_at=NOW, slots={"command": 1})
JOB = Job(id="j", kind="command", spec={"argv": ["true"]}, created_at=NOW)
STARTING = replace(JOB, state=State.STARTING, attempt=1, worker_id="w")


@pytest.fixture
async def store():
    async with MemoryStore() as store:
        yield store


@pytest.fixture
def roster():
    roster = Roster(timedelta(seconds=10))
    roster.announce(WORKER, timedelta())
    roster.seat(WORKER)
    return roster


@pytest.fixture
def room():
    return []


@pytest.fixture
def ledger(store, roster, room):
    return Ledger(store, roster, SystemClock(), lambda: room.append(True))


async def test_a_kept_job_holds_its_slot_and_is_found(ledger, roster):
    kept = await ledger.keep(STARTING)
    assert not roster.fits(WORKER, "command")
    assert await ledger.find("j") == kept


async def test_a_repeated_key_gives_the_slot_back(ledger, roster):
    """workers W8."""
    await ledger.keep(replace(JOB, idempotency_key="k", fingerprint="f"))
    again = await ledger.keep(replace(STARTING, id="other", idempotency_key="k", fingerprint="f"))
    assert again.id == "j"
    assert roster.fits(WORKER, "command")


async def test_a_refused_insert_gives_the_slot_back(ledger, roster):
    await ledger.keep(replace(JOB, id="taken"))
    with pytest.raises(Exception, match=r"."):
        await ledger.keep(replace(STARTING, id="taken"))
    assert roster.fits(WORKER, "command")


async def test_a_change_whose_guard_fails_is_none_and_changes_nothing(ledger):
    kept = await ledger.keep(STARTING)
    assert await ledger.attempt(moves.hold(kept, NOW)) is None
    assert (await ledger.find("j")).state is State.STARTING


async def test_a_job_is_placed_when_it_comes_to_the_queue_and_when_another_leaves_its_worker(ledger, room):
    kept = await ledger.keep(STARTING)
    assert room == []
    await ledger.keep(replace(JOB, id="waiting"))
    assert room == [True]
    await ledger.apply([moves.refuse(kept, "no", NOW)])
    assert room == [True, True]


async def test_live_jobs_are_remembered_after_a_restart(ledger, store, roster):
    await ledger.keep(STARTING)
    fresh = Roster(timedelta(seconds=10))
    again = Ledger(store, fresh, SystemClock(), lambda: None)
    await again.load()
    assert [job.id for job in fresh.held("w")] == ["j"]


async def test_until_answers_with_what_there_is_when_the_time_is_up(ledger):
    await ledger.keep(STARTING)
    job = await ledger.until("j", {State.ENDED}, timedelta(milliseconds=1))
    assert job.state is State.STARTING


async def test_a_watcher_sees_each_change_once_and_in_order(ledger):
    kept = await ledger.keep(STARTING)
    seen = []

    async def watch():
        async for happening in ledger.watch(0, "j"):
            seen.append(happening.state)
            if happening.state is State.ENDED:
                return

    watching = asyncio.create_task(watch())
    await ledger.apply(moves.intend_stop(kept, "me", NOW))
    await ledger.apply([moves.refuse(kept, "no", NOW)])
    await asyncio.wait_for(watching, 10)
    assert seen == [State.STARTING, State.STOPPING, State.ENDED]


async def test_a_job_of_another_kind_is_not_found(ledger):
    await ledger.keep(JOB)
    with pytest.raises(NotFound, match="job not found"):
        await ledger.find("j", "annotate")
