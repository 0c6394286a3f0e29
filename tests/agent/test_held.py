"""What is known of an attempt follows its reports."""

import asyncio

import pytest

from triptych.agent.held import Held
from triptych.messages import Body, Paused, Report, Resumed, Running


@pytest.fixture
async def held() -> Held:
    loop = asyncio.get_running_loop()
    return Held(job_id="j", attempt=1, kind="command", process=loop.create_future(), started=loop.create_future())


@pytest.mark.parametrize(
    ("bodies", "state", "pid"),
    [
        ([Running(pid=5)], "running", 5),
        ([Running(pid=5), Paused()], "paused", 5),
        ([Paused(), Resumed()], "running", None),
    ],
)
async def test_its_state_is_what_was_reported_last(held: Held, bodies: list[Body], state: str, pid: int | None) -> None:
    for seq, body in enumerate(bodies, 1):
        held.take(Report(job_id="j", attempt=1, seq=seq, at_us=0, body=body))
    assert (held.state, held.pid, held.seq) == (state, pid, len(bodies))


async def test_a_job_that_is_stopping_stays_so(held: Held) -> None:
    held.state = "stopping"
    held.take(Report(job_id="j", attempt=1, seq=1, at_us=0, body=Resumed()))
    assert held.state == "stopping"


async def test_an_older_report_does_not_count_back(held: Held) -> None:
    held.seq = 9
    held.take(Report(job_id="j", attempt=1, seq=3, at_us=0, body=Resumed()))
    assert held.seq == 9
