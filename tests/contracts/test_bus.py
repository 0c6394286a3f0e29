"""What every bus promises (contracts.Bus; engine.md 2.3, E1, E4)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from buses.making import Taken, make_report
from triptych.buses.memory import MemoryBus
from triptych.buses.nats import NatsBus
from triptych.contracts import Bus
from triptych.errors import Conflict, Unavailable
from triptych.messages import Answer, Ended, Output, Pause, Refused, Reply, Report, Request, Resume, Start
from triptych.model import End, EndReason, Fault, Worker, WorkerState

SHORT = timedelta(milliseconds=100)
LONG = timedelta(seconds=20)
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

Pair = tuple[Bus, Bus]


@pytest.fixture(params=["memory", "nats"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """The server's end and a worker's end of one bus: two connections, or twice the same object where there is none."""
    if request.param == "memory":
        server: Bus = MemoryBus()
        worker = server
    else:
        url, realm = request.getfixturevalue("nats_url"), f"test-{uuid4().hex}"
        server, worker = [await NatsBus.connect(url, realm=realm) for _ in range(2)]
    yield server, worker
    await worker.close()
    await server.close()


class Seen:
    """A watcher that keeps what it was told and can be waited for."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Worker | None]] = []
        self._changed = asyncio.Condition()

    async def __call__(self, worker_id: str, worker: Worker | None) -> None:
        self.told.append((worker_id, worker))
        async with self._changed:
            self._changed.notify_all()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: len(self.told) >= count)


def _worker(worker_id: str) -> Worker:
    return Worker(
        id=worker_id,
        state=WorkerState.READY,
        boot_id="b",
        started_at=NOW,
        seen_at=NOW,
        slots={"command": 256},
        labels={"os": "linux"},
        facts={"load": 0.5, "nested": {"a": [1, None]}},
    )


async def _echo(request: Request) -> Reply:
    return Answer(data={"asked": type(request).__name__})


async def test_a_request_reaches_the_worker_and_its_reply_comes_back(pair: Pair) -> None:
    server, worker = pair
    asked: list[Request] = []

    async def handle(request: Request) -> Reply:
        asked.append(request)
        return Answer(data={"pid": 7})

    await worker.serve("w-1", handle)
    start = Start(job_id="a", kind="command", attempt=2, process="a", spec={"argv": ["true"], "umask": 63, "stdin": None})
    assert await server.request("w-1", start, LONG) == Answer(data={"pid": 7})
    assert asked == [start]


async def test_a_refusal_comes_back_as_it_was_said(pair: Pair) -> None:
    server, worker = pair
    refused = Refused(code="start_failed", message="worker: a.sh: permission denied")

    async def handle(request: Request) -> Reply:
        return refused

    await worker.serve("w-1", handle)
    assert await server.request("w-1", Pause(job_id="a"), LONG) == refused


async def test_nobody_serving_is_worker_not_connected(pair: Pair) -> None:
    server, worker = pair
    await worker.serve("w-1", _echo)
    with pytest.raises(Unavailable, match="worker not connected") as fault:
        await server.request("w-2", Pause(job_id="a"), LONG)
    assert fault.value.code == "worker_not_connected"


async def test_silence_is_worker_not_answering_and_the_work_goes_on(pair: Pair) -> None:
    server, worker = pair
    go_on, finished = asyncio.Event(), asyncio.Event()

    async def handle(request: Request) -> Reply:
        await go_on.wait()
        finished.set()
        return Answer()

    await worker.serve("w-1", handle)
    with pytest.raises(Unavailable, match="worker not answering") as fault:
        await server.request("w-1", Pause(job_id="a"), SHORT)
    assert fault.value.code == "worker_not_answering"
    go_on.set()
    async with asyncio.timeout(30):
        await finished.wait()


async def test_a_slow_request_holds_up_no_other(pair: Pair) -> None:
    server, worker = pair
    released = asyncio.Event()

    async def handle(request: Request) -> Reply:
        if isinstance(request, Pause):
            await released.wait()
        else:
            released.set()
        return Answer()

    await worker.serve("w-1", handle)
    slow = asyncio.create_task(server.request("w-1", Pause(job_id="a"), LONG))
    assert await server.request("w-1", Resume(job_id="a"), LONG) == Answer()
    assert await slow == Answer()


async def test_a_caller_who_goes_away_ends_no_work(pair: Pair) -> None:
    server, worker = pair
    asked, go_on, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(request: Request) -> Reply:
        asked.set()
        await go_on.wait()
        finished.set()
        return Answer()

    await worker.serve("w-1", handle)
    caller = asyncio.create_task(server.request("w-1", Pause(job_id="a"), LONG))
    await asked.wait()
    caller.cancel()
    await asyncio.wait({caller})
    go_on.set()
    async with asyncio.timeout(30):
        await finished.wait()


async def test_a_handler_that_breaks_is_an_internal_refusal_and_is_logged(pair: Pair) -> None:
    server, worker = pair

    async def handle(request: Request) -> Reply:
        raise RuntimeError("secret detail")

    await worker.serve("w-1", handle)
    with capture_logs() as logs:
        reply = await server.request("w-1", Pause(job_id="j-9"), LONG)
    assert reply == Refused(code="internal", message="internal fault")
    assert [entry["job_id"] for entry in logs if entry["event"] == "request failed"] == ["j-9"]


async def test_a_fault_with_a_code_is_refused_by_that_code(pair: Pair) -> None:
    server, worker = pair

    async def handle(request: Request) -> Reply:
        raise Conflict("job is over", code="job_ended")

    await worker.serve("w-1", handle)
    assert await server.request("w-1", Pause(job_id="a"), LONG) == Refused(code="job_ended", message="job is over")


async def test_reports_arrive_whole(pair: Pair) -> None:
    server, worker = pair
    end = End(reason=EndReason.EXITED, exit_code=3, fault=Fault(code="x", message="y"))
    bodies = [Output(stream="stderr", offset=2**40, data=bytes(range(256))), Ended(end=end, result={"a": [1.5]}, facts={})]
    sent = [Report(job_id="a", attempt=3, seq=i, at_us=1_700_000_000_000_000, body=body) for i, body in enumerate(bodies, 1)]
    taken = Taken()
    await server.consume(taken)
    for report in sent:
        await worker.publish(report)
    await taken.until(lambda: len(taken.reports) >= 2)
    assert taken.reports == sent


async def test_reports_of_a_job_keep_their_order(pair: Pair) -> None:
    """engine E4."""
    server, worker = pair
    taken = Taken()
    await server.consume(taken)

    async def publish(job_id: str) -> None:
        for seq in range(1, 51):
            await worker.publish(make_report(job_id, seq))

    jobs = [f"job-{n}" for n in range(8)]
    await asyncio.gather(*[publish(job_id) for job_id in jobs])
    await taken.until(lambda: len(taken.reports) >= 400)
    by_job: dict[str, list[int]] = defaultdict(list)
    for report in taken.reports:
        by_job[report.job_id].append(report.seq)
    assert by_job == {job_id: list(range(1, 51)) for job_id in jobs}


async def test_reports_published_before_anyone_consumes_are_kept(pair: Pair) -> None:
    server, worker = pair
    taken = Taken()
    for seq in (1, 2, 3):
        await worker.publish(make_report("a", seq))
    await server.consume(taken)
    await taken.until(lambda: len(taken.reports) >= 3)
    assert [report.seq for report in taken.reports] == [1, 2, 3]


async def test_a_batch_that_is_not_taken_is_delivered_again_before_what_follows(pair: Pair) -> None:
    """engine E4: acknowledged after commit."""
    server, worker = pair
    taken = Taken(faults=2)
    for seq in (1, 2):
        await worker.publish(make_report("a", seq))
    with capture_logs() as logs:
        await server.consume(taken)
        await worker.publish(make_report("a", 3))
        await taken.until(lambda: bool(taken.reports) and taken.reports[-1].seq == 3 and len(taken.batches) > 2)
    seqs = [[report.seq for report in batch] for batch in taken.batches]
    assert seqs[0] == seqs[1] == seqs[2]
    assert [seq for batch in seqs[2:] for seq in batch] == [1, 2, 3]
    refused = [entry for entry in logs if entry["event"] == "reports not taken"]
    assert [entry["job_ids"] for entry in refused] == [["a"], ["a"]]


async def test_every_watcher_sees_every_worker_come_and_go(pair: Pair) -> None:
    server, worker = pair
    first, second = Seen(), Seen()
    await server.watch(first)
    await server.watch(second)
    await worker.announce(_worker("w-1"))
    await worker.announce(_worker("w-2"))
    await worker.announce(_worker("w-1"))
    await worker.leave("w-1")
    for seen in (first, second):
        await seen.until(4)
        assert seen.told == [("w-1", _worker("w-1")), ("w-2", _worker("w-2")), ("w-1", _worker("w-1")), ("w-1", None)]


async def test_a_watcher_that_breaks_sees_the_next_worker_all_the_same(pair: Pair) -> None:
    server, worker = pair
    seen = Seen()

    async def handle(worker_id: str, worker: Worker | None) -> None:
        await seen(worker_id, worker)
        raise RuntimeError("the store is away")

    with capture_logs() as logs:
        await server.watch(handle)
        await worker.announce(_worker("w-1"))
        await worker.announce(_worker("w-2"))
        await seen.until(2)
    assert any(entry["event"] == "presence not taken" and entry["worker_id"] == "w-1" for entry in logs)


async def test_a_worker_that_left_is_not_connected(pair: Pair) -> None:
    server, worker = pair
    await worker.serve("w-1", _echo)
    await server.request("w-1", Pause(job_id="a"), LONG)
    await worker.leave("w-1")
    with pytest.raises(Unavailable) as fault:
        await server.request("w-1", Pause(job_id="a"), LONG)
    assert fault.value.code == "worker_not_connected"


async def _keep_showing(bus: Bus, topic: str, picture: bytes) -> None:
    while True:
        await bus.show(topic, picture)
        await asyncio.sleep(0.01)


async def _first(pictures: AsyncIterator[bytes], bus: Bus, topic: str, picture: bytes) -> bytes:
    """Show until the reader has got its first: until then it may not be listening yet."""
    showing = asyncio.create_task(_keep_showing(bus, topic, picture))
    async with asyncio.timeout(30):
        got = await anext(pictures)
    showing.cancel()
    await asyncio.wait({showing})
    return got


async def test_a_picture_reaches_everyone_who_looks_at_its_topic(pair: Pair) -> None:
    server, worker = pair
    looks = [server.pictures("camera:1"), server.pictures("camera:1")]
    for look in looks:
        assert await _first(look, worker, "camera:1", b"\xff\xd8") == b"\xff\xd8"
        await look.aclose()  # type: ignore[attr-defined]


async def test_a_slow_reader_gets_the_newest_picture_and_misses_those_between(pair: Pair) -> None:
    server, worker = pair
    slow, other = server.pictures("camera:1"), server.pictures("camera:2")
    await _first(slow, worker, "camera:1", b"first")
    for n in range(1000):
        await worker.show("camera:1", b"%d" % n)
    await _first(other, worker, "camera:2", b"so all before has arrived")
    pictures = []
    async with asyncio.timeout(30):
        while not pictures or pictures[-1] != b"999":
            pictures.append(await anext(slow))
    assert len(pictures) <= 2
    for look in (slow, other):
        await look.aclose()  # type: ignore[attr-defined]


async def test_showing_to_nobody_is_no_fault(pair: Pair) -> None:
    _, worker = pair
    await worker.show("camera:1", b"x")


async def test_close_ends_readers_and_leaves_no_task(pair: Pair) -> None:
    server, worker = pair
    before = asyncio.all_tasks()
    hung, asked = asyncio.Event(), asyncio.Event()

    async def hang(request: Request) -> Reply:
        asked.set()
        await hung.wait()
        return Answer()

    await worker.serve("w-1", hang)
    await server.consume(Taken())
    await server.watch(Seen())
    look = server.pictures("camera:1")
    await _first(look, worker, "camera:1", b"x")
    rest = asyncio.create_task(_rest(look))
    pending = asyncio.create_task(server.request("w-1", Pause(job_id="a"), LONG))
    await asked.wait()
    await worker.close()
    await server.close()
    async with asyncio.timeout(30):
        await rest
        with pytest.raises(Unavailable):
            await pending
        # A task that was cancelled ends in the next turns of the loop; one that leaked never does.
        while not asyncio.all_tasks() <= before:
            await asyncio.sleep(0)


async def _rest(pictures: AsyncIterator[bytes]) -> list[bytes]:
    return [picture async for picture in pictures]


async def test_a_closed_bus_is_closed_once_more_without_fault(pair: Pair) -> None:
    server, _ = pair
    await server.close()
    await server.close()


@pytest.mark.parametrize("verb", [lambda bus: bus.publish(make_report("a", 1)), lambda bus: bus.request("w-1", Pause(job_id="a"), LONG)])
async def test_a_closed_bus_refuses(pair: Pair, verb: Callable[[Bus], Awaitable[object]]) -> None:
    server, _ = pair
    await server.close()
    with pytest.raises(Unavailable):
        await verb(server)
