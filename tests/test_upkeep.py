"""Retention goes by the clock that it is given."""

from datetime import UTC, datetime, timedelta

import pytest

from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock
from triptych.engine import Engine
from triptych.model import Job, Query, State
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
    return Job(**{"id": f"{kind}-{age_days}", "kind": kind, "spec": spec, "created_at": created_at, "state": State.ENDED} | fields)


@pytest.mark.parametrize(("age_days", "past"), [(4, False), (6, True)])
def test_an_annotation_is_kept_for_the_days_that_it_asked_for(age_days, past):
    """media T1."""
    assert is_past(job(age_days), NOW) is past


@pytest.mark.parametrize(("age_days", "past"), [(29, False), (31, True)])
def test_a_command_is_kept_for_thirty_days(age_days, past):
    """workers O8."""
    assert is_past(job(age_days, "command"), NOW) is past


async def test_a_round_forgets_what_is_past_and_never_what_is_live(tmp_path):
    """media T1."""
    bus = MemoryBus()
    clock = SetClock(NOW)
    async with MemoryStore() as store:
        for kept in (job(6), job(1), job(40, state=State.QUEUED)):
            await store.add(kept)
        async with Outputs(tmp_path) as outputs, Engine(store=store, bus=bus, outputs=outputs, clock=clock) as engine:
            await Upkeep(engine, clock).run_once()
            left = {row.id for row in (await engine.list(Query())).jobs}
    await bus.close()
    assert left == {"annotate-1", "annotate-40"}
