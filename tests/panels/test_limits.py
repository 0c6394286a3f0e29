from datetime import UTC, datetime

import pytest

from triptych.errors import Forbidden, Invalid
from triptych.model import Worker, WorkerState
from triptych.panels.asks import CommandAsk, LimitsAsk
from triptych.panels.limits import check

NOON = datetime(2026, 1, 2, tzinfo=UTC)


def worker(name: str, **facts: object) -> Worker:
    labels = {"rack": name[0]}
    return Worker(id=name, state=WorkerState.READY, boot_id="b", started_at=NOON, seen_at=NOON, slots={}, labels=labels, facts=facts)


BIG, SMALL = worker("a1", max_limits={"memory_bytes": 100}), worker("a2", max_limits={"memory_bytes": 10})
BARE = worker("b1", limits={"memory_bytes": "watchdog", "cpu": "none"})


def refusal(asked: CommandAsk) -> tuple[str, str | None, str]:
    with pytest.raises(Invalid) as caught:
        check(asked, (BIG, SMALL, BARE))
    return caught.value.code, caught.value.field, caught.value.message


def test_a_limit_above_the_workers_own_is_refused() -> None:
    """workers Q1."""
    asked = CommandAsk(command="x", worker_id="a2", limits=LimitsAsk(memory_bytes=11))
    assert refusal(asked) == ("limit_too_high", "limits.memory_bytes", "memory_bytes may be at most 10 on worker a2")
    check(CommandAsk(command="x", worker_id="a1", limits=LimitsAsk(memory_bytes=100)), (BIG, SMALL, BARE))


def test_each_worker_that_may_take_the_job_must_allow_it() -> None:
    """workers Q1: any of them may be given it."""
    asked = CommandAsk(command="x", labels={"rack": "a"}, limits=LimitsAsk(memory_bytes=11))
    assert refusal(asked)[:2] == ("limit_too_high", "limits.memory_bytes")
    check(CommandAsk(command="x", labels={"rack": "b"}, limits=LimitsAsk(memory_bytes=11)), (BIG, SMALL, BARE))


def test_a_limit_that_nothing_can_enforce_is_refused_where_that_matters() -> None:
    """workers 7: 422 with `strict_limits`."""
    limits = LimitsAsk(memory_bytes=1, cpu=2)
    asked = CommandAsk(command="x", worker_id="b1", limits=limits, strict_limits=True)
    assert refusal(asked) == ("limit_not_enforced", "limits.cpu", "nothing on worker b1 can enforce cpu")
    check(CommandAsk(command="x", worker_id="b1", limits=limits), (BARE,))
    check(CommandAsk(command="x", worker_id="b1", limits=LimitsAsk(memory_bytes=1), strict_limits=True), (BARE,))


def test_a_worker_that_is_not_there_is_the_engines_to_refuse() -> None:
    check(CommandAsk(command="x", worker_id="z", limits=LimitsAsk(cpu=1), strict_limits=True), (BIG,))


def test_a_command_that_none_of_its_workers_lists_is_refused() -> None:
    """workers 7: 403, command not allowed."""
    listed, open_to_any = worker("a1", commands=["say"]), worker("a2", commands=None)
    asked = CommandAsk(command='i"d', worker_id="a1")
    with pytest.raises(Forbidden, match=r'^command not allowed: "i\\"d"$') as caught:
        check(asked, (listed, open_to_any))
    assert (caught.value.code, caught.value.field) == ("command_not_allowed", "command")
    check(CommandAsk(command="say", worker_id="a1"), (listed,))
    check(CommandAsk(command="id", labels={"rack": "a"}), (listed, open_to_any))
    check(CommandAsk(command="id", labels={"rack": "z"}), (listed,))


def test_a_script_that_begins_with_a_dash_is_refused() -> None:
    """workers S3"""
    with pytest.raises(Forbidden, match=r"^path starts with a dash$"):
        check(CommandAsk(command="sh", script="-c", worker_id="a1"), (worker("a1"),))
