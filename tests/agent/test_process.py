"""The agent's end of a line, with the test at the other."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from triptych.agent.channel import HEADER, Enrol, FrameReader, Pong, SocketChannel, decode_down, pack
from triptych.agent.forks import Born
from triptych.agent.process import Process
from triptych.agent.tree import Member
from triptych.messages import Answer, Paused, Refused, Report, Shown, Start

START = Start(job_id="j", kind="command", attempt=1, process="j", spec={"argv": ["x" * 1000]})


class Ends:
    """Both ends of one line."""

    def __init__(self) -> None:
        ours, self.socket = socket.socketpair()
        self.channel = SocketChannel(self.socket)
        self.heard: list[Report | Shown] = []
        self.lost = asyncio.Event()
        left: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.process = Process(
            "", Born(pid=1, line=ours, left=left), lambda _, message: self.heard.append(message), lambda _: self.lost.set()
        )
        self.process.listen()

    async def until_heard(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.heard) < count:
                await asyncio.sleep(0.001)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    ends = Ends()
    yield ends
    ends.process.close()
    ends.socket.close()


async def test_answers_find_their_requests_in_any_order(ends: Ends) -> None:
    first, second = ends.process.ask(START), ends.process.ask(START)
    numbers = [asked.number for asked in (ends.channel.receive(), ends.channel.receive()) if asked]
    ends.channel.answer(numbers[1], Answer(data={"n": 2}))
    ends.channel.answer(numbers[0], Answer(data={"n": 1}))
    assert (await first, await second) == (Answer(data={"n": 1}), Answer(data={"n": 2}))


async def test_an_answer_to_nothing_is_dropped(ends: Ends) -> None:
    ends.channel.answer(77, Answer())
    ends.channel.report("j", 1, Paused())
    await ends.until_heard(1)


async def test_reports_and_pictures_are_heard_in_order(ends: Ends) -> None:
    ends.channel.report("j", 1, Paused())
    ends.channel.show("here", b"picture")
    ends.channel.report("j", 1, Paused())
    await ends.until_heard(3)
    assert [type(message) for message in ends.heard] == [Report, Shown, Report]


async def test_what_was_said_before_the_end_is_heard(ends: Ends) -> None:
    for _ in range(100):
        ends.channel.report("j", 1, Paused())
    ends.socket.close()
    await ends.lost.wait()
    assert len(ends.heard) == 100
    assert ends.process.closed


async def test_a_hushed_process_waits_in_its_line(ends: Ends) -> None:
    ends.process.hush()
    ends.channel.report("j", 1, Paused())
    await asyncio.sleep(0.02)
    assert not ends.heard
    ends.process.listen()
    await ends.until_heard(1)


async def test_a_line_that_cannot_be_trusted_is_closed(ends: Ends) -> None:
    ends.socket.sendall(HEADER.pack(3) + b"\xc1\xc1\xc1")
    await ends.lost.wait()
    assert ends.process.closed


async def test_requests_to_a_slow_process_wait(ends: Ends) -> None:
    asked = [ends.process.ask(START) for _ in range(2000)]
    for _ in range(2000):
        async with asyncio.timeout(30):
            while (request := ends.channel.receive(timedelta(0))) is None:
                await asyncio.sleep(0)
        ends.channel.answer(request.number, Answer())
        await asyncio.sleep(0)
    assert await asyncio.gather(*asked) == [Answer()] * 2000


async def test_who_is_left_without_an_answer_is_told_so(ends: Ends) -> None:
    asked = ends.process.ask(START)
    ends.socket.close()
    await ends.lost.wait()
    late = ends.process.ask(START)
    ends.process.settle(lambda request: Refused(code="gone", message=request.job_id if isinstance(request, Start) else ""))
    assert await asked == await late == Refused(code="gone", message="j")


async def test_a_shim_that_says_nothing_is_told_by_the_calls_since(ends: Ends) -> None:
    """workers K13: whatever it says counts, and nothing does while nobody listens."""
    assert [ends.process.ping(1.0) for _ in range(5)] == [0, 0, 1, 2, 3]
    ends.socket.sendall(pack(Pong()))
    async with asyncio.timeout(30):
        while ends.process.ping(1.0):
            await asyncio.sleep(0.001)
    ends.process.hush()
    assert {ends.process.ping(1.0) for _ in range(9)} <= {0}


async def test_a_shim_is_told_first_who_it_is(ends: Ends) -> None:
    """workers K11."""
    identity = Enrol(folder="/x", pid=5, start_ticks=6, boot_id="boot", token=bytes(16), cap_bytes=9)
    ends.process.enrol(identity)
    assert (ends.process.spool, ends.process.member) == ("/x", Member(5, 6))
    ends.socket.setblocking(True)
    (frame,) = FrameReader().feed(ends.socket.recv(1000))
    assert decode_down(frame) == identity
