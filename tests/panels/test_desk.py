"""Workers 9: what of the engine a caller has, and how fast."""

from datetime import timedelta

import pytest

from panels.system import WORKER_ID, System
from triptych.errors import Forbidden, Unavailable
from triptych.model import Submission
from triptych.panels.desk import BoundDesk, Nothing, Rate
from triptych.panels.http import Caller
from triptych.tokens import Role

SECOND = timedelta(seconds=1)


async def bound_desk(system: System) -> BoundDesk:
    service = system.door.app.service
    token, _ = await service.tokens.create(name="t", role=Role.OPERATOR, by="test", workers=(WORKER_ID,))
    return BoundDesk(system.engine, Caller(who="token:t", role=Role.OPERATOR, token=token), service.audit, None, token)


@pytest.mark.parametrize("kind", ["annotate", "camera"])
async def test_a_bound_caller_submits_commands_only(system: System, kind: str) -> None:
    desk = await bound_desk(system)
    with pytest.raises(Forbidden):
        await desk.submit(Submission(kind=kind, spec={}, origin="x", worker_id=WORKER_ID))


@pytest.mark.parametrize("verb", ["probe", "pictures", "place", "settle", "close", "renew", "pin", "drain", "whatever_comes"])
async def test_a_bound_caller_has_no_verb_that_nobody_thought_of(system: System, verb: str) -> None:
    desk = await bound_desk(system)
    with pytest.raises(Forbidden):
        getattr(desk, verb)


async def test_a_bound_caller_reaches_its_own_workers_only(system: System) -> None:
    desk = await bound_desk(system)
    assert (await desk.reach(WORKER_ID)).id == WORKER_ID
    with pytest.raises(Forbidden):
        await desk.reach("another")


def test_what_is_not_there_for_a_bound_caller_refuses_everything() -> None:
    with pytest.raises(Forbidden):
        Nothing().put("cameras", "c", {})


def test_starts_are_admitted_at_their_rate_each_token_by_itself() -> None:
    """Workers 9: per-token 200 starts/s."""
    rate, now = Rate(200), timedelta()
    assert sum(_admitted(rate, "a", now) for _ in range(300)) == 200
    assert _admitted(rate, "b", now)
    assert sum(_admitted(rate, "a", now + SECOND / 2) for _ in range(300)) == 100
    assert sum(_admitted(rate, "a", now + 60 * SECOND) for _ in range(300)) == 200


def _admitted(rate: Rate, key: str, now: timedelta) -> bool:
    try:
        rate.admit(key, now)
    except Unavailable:
        return False
    return True
