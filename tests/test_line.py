"""A call waits a moment for a link that is down, and no longer."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from triptych.buses.memory import MemoryBus
from triptych.errors import NotFound, TriptychError, Unavailable
from triptych.line import Line, answered
from triptych.messages import Answer, Pause, Refused
from triptych.model import Worker, WorkerState
from triptych.roster import Roster

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WORKER = Worker(id="w", state=WorkerState.READY, boot_id="b", started_at=NOW, seen_at=NOW, slots={"command": 1})
PAUSE = Pause(job_id="j")
SOON = timedelta(seconds=10)


@pytest.fixture
def roster():
    roster = Roster(timedelta(seconds=10))
    roster.announce(WORKER, timedelta())
    return roster


@pytest.fixture
async def bus():
    bus = MemoryBus()
    yield bus
    await bus.close()


async def test_a_worker_that_nobody_knows_is_not_waited_for(roster, bus):
    with pytest.raises(NotFound):
        await Line(bus, roster, SOON).ask("x", PAUSE, SOON)


async def test_a_link_that_stays_down_is_waited_for_once(roster, bus):
    """workers L9."""
    with pytest.raises(Unavailable) as refusal:
        await Line(bus, roster, timedelta(milliseconds=1)).ask("w", PAUSE, SOON)
    assert refusal.value.code == "worker_not_connected"
    with pytest.raises(Unavailable):
        await Line(bus, roster, timedelta()).any_ready()


async def test_a_worker_is_asked_as_soon_as_it_was_met(roster, bus):
    """workers L9, L3."""
    asked = []

    async def serve(request):
        asked.append(request)
        return Answer()

    await bus.serve("w", serve)
    asking = asyncio.create_task(Line(bus, roster, SOON).ask("w", PAUSE, SOON))
    await asyncio.sleep(0)
    assert asked == []
    roster.seat(WORKER)
    assert await asking == Answer()
    assert (await Line(bus, roster).any_ready()).id == "w"


async def test_a_refusal_becomes_an_error_again():
    assert answered(Answer(data={"a": 1})) == {"a": 1}
    with pytest.raises(TriptychError, match="no") as fault:
        answered(Refused(code="invalid", message="no"))
    assert fault.value.code == "invalid"
