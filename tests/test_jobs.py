"""The engine's memory holds only the newest committed rows."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from triptych.jobs import Jobs
from triptych.model import Job, State

JOB = Job(id="j", kind="command", spec={}, created_at=datetime(2026, 11, 22, tzinfo=UTC))


def test_an_older_row_never_takes_the_place_of_a_newer_one():
    jobs = Jobs()
    jobs.note(replace(JOB, state=State.ENDED, revision=3))
    jobs.note(replace(JOB, state=State.RUNNING, revision=2))
    assert jobs.get("j").state is State.ENDED


def test_waiting_counts_only_what_is_queued_now():
    jobs = Jobs()
    jobs.note(JOB)
    assert jobs.waiting("command")
    jobs.note(replace(JOB, state=State.STARTING, revision=2))
    assert not jobs.waiting("command")


def test_only_the_newest_ended_jobs_are_kept():
    jobs = Jobs(ended_kept=2)
    for name in "abc":
        jobs.note(replace(JOB, id=name, state=State.ENDED))
    assert [name for name in "abc" if jobs.get(name)] == ["b", "c"]


def test_what_ended_jobs_were_asked_does_not_fill_the_memory():
    """The store still has them."""
    jobs = Jobs(ended_bytes=10_000_000)
    for number in range(100):
        text = "x" * 1_000_000
        spec = [{"stdin": text}, {"env": {"A": text}}, {"argv": ("a", text)}][number % 3]
        jobs.note(replace(JOB, id=str(number), spec=spec, state=State.ENDED))
    assert sum(jobs.get(str(number)) is not None for number in range(100)) < 10
    assert jobs.get("99") is not None
    for number in range(100):
        jobs.drop(str(number))
    jobs.note(replace(JOB, state=State.ENDED))
    assert jobs.get("j") is not None


async def test_who_waits_for_a_job_is_woken_by_its_next_row():
    jobs = Jobs()
    jobs.note(JOB)
    waiting = asyncio.create_task(jobs.changed("j"))
    await asyncio.sleep(0)
    jobs.note(replace(JOB, state=State.STARTING, revision=2))
    await asyncio.wait_for(waiting, 5)
