"""Retention goes by the clock that it is given."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock
from triptych.engine import Engine
from triptych.model import End, EndReason, Job, Query, State
from triptych.outputs import Outputs
from triptych.stores.memory import MemoryStore
from triptych.upkeep import Upkeep, is_past

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class SetClock(SystemClock):
    """A clock whose wall time a test sets."""

    def __init__(self, now):
        self.wall = now

    def now(self):
        return self.wall


def job(age_days, kind="annotate", **fields):
    created_at = NOW - timedelta(days=age_days)
    spec = {"ttl_days": 5} if kind == "annotate" else {}
    ended = {"state": State.ENDED, "ended_at": created_at, "end": End(reason=EndReason.EXITED)}
    return Job(**{"id": f"{kind}-{age_days}", "kind": kind, "spec": spec, "created_at": created_at} | ended | fields)


@pytest.mark.parametrize(("age_days", "past"), [(4, False), (6, True)])
def test_an_annotation_is_kept_for_the_days_that_it_asked_for(age_days, past):
    """media T1."""
    assert is_past(job(age_days), NOW) is past


@pytest.mark.parametrize(("age_days", "past"), [(29, False), (31, True)])
def test_a_command_is_kept_for_thirty_days(age_days, past):
    """workers O8."""
    assert is_past(job(age_days, "command"), NOW) is past


async def test_a_round_forgets_what_is_past_and_never_what_is_live(tmp_path):
    """media T1: counted from `insertTime`, also where a job ended only now."""
    bus = MemoryBus()
    clock = SetClock(NOW)
    async with MemoryStore() as store:
        live = job(40, state=State.QUEUED, ended_at=None, end=None)
        pinned = job(60, "command", id="pinned", facts={"pinned": True})
        late = job(7, id="late", ended_at=NOW - timedelta(minutes=1))
        for kept in (job(6), job(1), live, late, pinned, *(job(age, "command") for age in range(29, 290))):
            await store.add(kept)
        async with Outputs(tmp_path) as outputs, Engine(store=store, bus=bus, outputs=outputs, clock=clock) as engine:
            await Upkeep(engine, clock).run_once()
            left = {row.id for row in (await engine.list(Query())).jobs}
    await bus.close()
    assert left == {"annotate-1", "annotate-40", "command-29", "command-30", "pinned"}


async def test_a_job_that_ran_for_long_is_kept_from_its_end_on():
    """workers O8."""
    assert not is_past(job(90, "command", ended_at=NOW - timedelta(days=3)), NOW)


async def test_the_rounds_go_on_while_one_of_them_waits_and_after_one_failed(tmp_path):
    """workers L4: a lease is renewed whatever else is slow."""
    done = asyncio.Event()
    rounds = []

    class Slow(Engine):
        async def sweep(self):
            await asyncio.Event().wait()

        async def tick(self):
            raise RuntimeError

        async def renew(self):
            rounds.append(1)
            if len(rounds) == 3:
                done.set()

    bus = MemoryBus()
    async with (
        MemoryStore() as store,
        Outputs(tmp_path) as outputs,
        Slow(store=store, bus=bus, outputs=outputs, clock=SystemClock()) as engine,
    ):
        running = asyncio.create_task(Upkeep(engine, SystemClock()).run())
        await asyncio.wait_for(done.wait(), 20)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await bus.close()
