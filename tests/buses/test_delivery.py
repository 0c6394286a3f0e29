"""The parts that every bus shares."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from buses.making import Taken, make_report
from triptych.buses.delivery import Slot, Tasks, answer, deliver, tell
from triptych.errors import NotFound
from triptych.messages import Answer, Ask, Refused, Reply, Request

ASK = Ask(process="camera:1", kind="camera", spec={}, verb="mark")


async def test_a_picture_nobody_fetched_gives_way_to_the_newer_one() -> None:
    slot = Slot()
    slot.put(b"old")
    slot.put(b"new")
    assert await slot.fetch() == b"new"
    fetching = asyncio.create_task(slot.fetch())
    slot.put(b"next")
    assert await fetching == b"next"


async def test_a_closed_slot_lets_its_reader_go_each_time() -> None:
    slot = Slot()
    fetching = asyncio.create_task(slot.fetch())
    await asyncio.sleep(0)
    slot.close()
    assert await fetching is None
    assert await slot.fetch() is None


async def test_cancelled_tasks_have_ended_when_cancel_returns() -> None:
    tasks, started, ended = Tasks(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    tasks.start(work())
    await started.wait()
    await tasks.cancel()
    assert ended.is_set()


async def test_a_task_that_cancels_the_others_goes_on_itself() -> None:
    tasks = Tasks()

    async def end_all() -> str:
        await tasks.cancel()
        return "still here"

    hanging = tasks.start(asyncio.Event().wait())
    assert await tasks.start(end_all()) == "still here"
    assert hanging.cancelled()


async def test_waiting_for_tasks_ends_with_them_or_at_the_bound() -> None:
    tasks = Tasks()
    await tasks.wait(timedelta(hours=1))
    quick, go_on = asyncio.Event(), asyncio.Event()
    tasks.start(quick.wait())
    quick.set()
    await tasks.wait(timedelta(hours=1))
    held = tasks.start(go_on.wait())
    await tasks.wait(timedelta(milliseconds=10))
    assert not held.done()
    await tasks.cancel()


async def test_an_answer_is_the_handlers_reply() -> None:
    async def handle(request: Request) -> Reply:
        return Answer(data={"verb": request.verb if isinstance(request, Ask) else None})

    assert await answer(handle, ASK) == Answer(data={"verb": "mark"})


@pytest.mark.parametrize(
    ("fault", "refused"),
    [
        (NotFound("job not found", code="job_not_found"), Refused(code="job_not_found", message="job not found")),
        (KeyError("inner"), Refused(code="internal", message="internal fault")),
    ],
)
async def test_what_a_handler_raises_is_a_refusal(fault: Exception, refused: Refused) -> None:
    async def handle(request: Request) -> Reply:
        raise fault

    with capture_logs():
        assert await answer(handle, ASK) == refused


async def test_a_batch_that_is_not_taken_is_logged_with_its_jobs() -> None:
    batch = [make_report("b", 1), make_report("a", 1), make_report("b", 2)]
    with capture_logs() as logs:
        assert not await deliver(Taken(faults=1), batch)
        assert await deliver(Taken(), batch)
    assert [(entry["event"], entry["job_ids"], entry["reports"]) for entry in logs] == [("reports not taken", ["a", "b"], 3)]


async def test_a_watchers_fault_is_logged_with_the_worker() -> None:
    async def handle(worker_id: str, worker: object) -> None:
        raise RuntimeError("the store is away")

    with capture_logs() as logs:
        await tell(handle, "w-1", None)
    assert [(entry["event"], entry["worker_id"]) for entry in logs] == [("presence not taken", "w-1")]
