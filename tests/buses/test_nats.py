"""What only the bus over NATS has to stand: servers that die, lines that break, strangers on the subjects (engine.md 2.3, E1, E4)."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from buses.making import Taken, make_report, without_repeats
from buses.natsserver import NatsServer, free_port
from triptych.buses.nats import PARTS, NatsBus, _part
from triptych.errors import Invalid, Unavailable
from triptych.messages import Answer, Ended, Pause, Refused, Reply, Report, Request
from triptych.model import End, EndReason

LONG = timedelta(seconds=20)


@pytest.fixture
def realm() -> str:
    return f"test-{uuid4().hex}"


@pytest.fixture
async def bus(nats_url: str, realm: str) -> AsyncIterator[NatsBus]:
    bus = await NatsBus.connect(nats_url, realm=realm)
    yield bus
    await bus.close()


@pytest.fixture
async def stranger(nats_url: str) -> AsyncIterator[Client]:
    client = Client()
    await client.connect(nats_url)
    yield client
    await client.close()


async def _echo(request: Request) -> Reply:
    return Answer()


async def test_reports_survive_a_killed_server(nats_server: NatsServer) -> None:
    """engine E4."""
    before = await NatsBus.connect(nats_server.url)
    for seq in range(1, 51):
        await before.publish(make_report("a", seq))
    await before.close()
    nats_server.kill()
    nats_server.start()
    after, taken = await NatsBus.connect(nats_server.url), Taken()
    await after.consume(taken)
    await taken.until(lambda: len(taken.seqs) >= 50)
    await after.close()
    assert taken.seqs == list(range(1, 51))


async def test_nothing_is_lost_or_overtaken_while_the_server_is_killed_under_load(nats_server: NatsServer) -> None:
    """engine E4: what is delivered again is a repeat, which the engine's guard drops; no report comes before an older one."""
    bus, taken = await NatsBus.connect(nats_server.url), Taken()

    async def publish() -> None:
        for seq in range(1, 301):
            await bus.publish(make_report("a", seq))

    with capture_logs():
        await bus.consume(taken)
        publishing = asyncio.create_task(publish())
        for reached in (50, 150):
            await taken.until(lambda reached=reached: len(taken.seqs) >= reached)
            nats_server.kill()
            nats_server.start()
        await publishing
        await taken.until(lambda: 300 in taken.seqs)
        await bus.close()
    assert without_repeats(taken.seqs) == list(range(1, 301))


async def test_a_worker_is_served_and_watched_again_after_the_server_was_away(nats_server: NatsServer) -> None:
    bus = await NatsBus.connect(nats_server.url)
    with capture_logs():
        await bus.serve("w-1", _echo)
        nats_server.kill()
        with pytest.raises(Unavailable):
            await bus.request("w-1", Pause(job_id="a"), timedelta(seconds=1))
        nats_server.start()
        async with asyncio.timeout(60):
            while not await _answers(bus):
                await asyncio.sleep(0.05)
    await bus.close()


async def _answers(bus: NatsBus) -> bool:
    try:
        return await bus.request("w-1", Pause(job_id="a"), LONG) == Answer()
    except Unavailable:
        return False


async def test_reports_that_a_dead_consumer_held_come_first_and_at_once(bus: NatsBus, nats_url: str, realm: str) -> None:
    """engine E4: a stopped server loses none, and its successor waits for no time-out."""
    held = asyncio.Event()

    async def hang(reports: Sequence[Report]) -> None:
        held.set()
        await asyncio.Event().wait()

    dying = await NatsBus.connect(nats_url, realm=realm)
    await dying.consume(hang)
    for seq in (1, 2):
        await bus.publish(make_report("a", seq))
    await held.wait()
    await dying.close()
    await bus.publish(make_report("a", 3))
    taken = Taken()
    await bus.consume(taken)
    async with asyncio.timeout(15):
        await taken.until(lambda: len(taken.seqs) >= 3)
    assert taken.seqs == [1, 2, 3]


async def test_a_report_that_went_astray_is_fetched_before_those_behind_it(bus: NatsBus, stranger: Client, realm: str) -> None:
    """engine E4: a message lost between server and consumer breaks the row, and the row is begun again."""
    taken, job_id = Taken(), "a"
    await bus.consume(taken)
    await bus.publish(make_report(job_id, 1))
    await taken.until(lambda: taken.seqs == [1])
    inbox = await stranger.subscribe(stranger.new_inbox())
    pull = f"$JS.API.CONSUMER.MSG.NEXT.{realm}-reports.part-{_part(job_id, PARTS)}"
    await stranger.publish(pull, json.dumps({"batch": 1, "expires": 10**10}).encode(), reply=inbox.subject)
    seq, stolen = 2, asyncio.create_task(inbox.next_msg(30))
    with capture_logs() as logs:
        while not stolen.done():
            await bus.publish(make_report(job_id, seq))
            seq += 1
        for behind in (seq, seq + 1):
            await bus.publish(make_report(job_id, behind))
        await taken.until(lambda: seq + 1 in taken.seqs)
    assert without_repeats(taken.seqs) == list(range(1, seq + 2))
    assert any("lost on the way" in entry["reason"] for entry in logs)


async def test_a_report_that_cannot_be_read_holds_up_none(bus: NatsBus, stranger: Client, realm: str) -> None:
    await stranger.publish(f"{realm}.report.{_part('a', PARTS)}", b"\xc1 no report")
    await stranger.flush()
    await bus.publish(make_report("a", 1))
    taken = Taken()
    with capture_logs() as logs:
        await bus.consume(taken)
        await taken.until(lambda: taken.seqs == [1])
    assert [entry["event"] for entry in logs] == ["report cannot be read"]


async def test_a_request_that_cannot_be_read_is_refused(bus: NatsBus, stranger: Client, realm: str) -> None:
    await bus.serve("w-1", _echo)
    answer = await stranger.request(f"{realm}.ask.w-1", b"\xc1 no request", timeout=20)
    assert b"invalid" in answer.data
    assert await bus.request("w-1", Pause(job_id="a"), LONG) == Answer()


async def test_presence_that_cannot_be_read_holds_up_none(bus: NatsBus, stranger: Client, realm: str) -> None:
    left = asyncio.Event()

    async def handle(worker_id: str, worker: object) -> None:
        left.set()

    with capture_logs():
        await bus.watch(handle)
        await stranger.publish(f"{realm}.presence.x", b"\xc1 no presence")
        await stranger.flush()
        await bus.leave("w-1")
        async with asyncio.timeout(30):
            await left.wait()


async def test_a_report_larger_than_the_server_takes_is_invalid(bus: NatsBus) -> None:
    end = Ended(end=End(reason=EndReason.DONE), result={"text": "x" * 2_000_000})
    with pytest.raises(Invalid, match="larger than the NATS server takes") as fault:
        await bus.publish(Report(job_id="a", attempt=1, seq=1, at_us=0, body=end))
    assert fault.value.code == "report_too_large"


async def test_a_picture_larger_than_the_server_takes_is_dropped(bus: NatsBus) -> None:
    await bus.show("camera:1", bytes(2_000_000))


@pytest.mark.parametrize("worker_id", ["a.b", "*", ">", "with space", "ü", "100%"])
async def test_any_worker_id_is_a_subject_of_its_own(bus: NatsBus, worker_id: str) -> None:
    await bus.serve(worker_id, _echo)
    assert await bus.request(worker_id, Pause(job_id="a"), LONG) == Answer()
    with pytest.raises(Unavailable):
        await bus.request("other", Pause(job_id="a"), LONG)


async def test_a_worker_that_serves_again_is_answered_once(bus: NatsBus) -> None:
    async def refuse(request: Request) -> Reply:
        return Refused(code="invalid", message="the old one")

    await bus.serve("w-1", refuse)
    await bus.serve("w-1", _echo)
    assert await bus.request("w-1", Pause(job_id="a"), LONG) == Answer()


async def test_a_caller_waiting_to_publish_is_let_go_by_close(nats_server: NatsServer) -> None:
    bus = await NatsBus.connect(nats_server.url)
    nats_server.kill()
    with capture_logs():
        publishing = asyncio.create_task(bus.publish(make_report("a", 1)))
        await asyncio.sleep(0)
        await bus.close()
        async with asyncio.timeout(30):
            with pytest.raises(Unavailable, match="bus is closed"):
                await publishing


async def test_no_server_is_unavailable() -> None:
    with capture_logs(), pytest.raises(Unavailable) as fault:
        await NatsBus.connect(f"nats://127.0.0.1:{free_port()}")
    assert fault.value.code == "bus_unavailable"


async def test_a_server_without_jetstream_is_unavailable(nats_binary: str, tmp_path: Path) -> None:
    with capture_logs(), NatsServer(nats_binary, tmp_path / "core", jetstream=False) as server, pytest.raises(Unavailable) as fault:
        await NatsBus.connect(server.url)
    assert fault.value.code == "bus_unavailable"
