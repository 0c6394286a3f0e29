"""Every message survives the line, whole and in order."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from triptych.agent.channel import HEADER, MAX_FRAME_BYTES, FrameReader, SocketChannel, decode_up, pack
from triptych.errors import ChannelClosed
from triptych.messages import (
    Answer,
    Answered,
    Ask,
    Asked,
    Body,
    Ended,
    Finding,
    Output,
    Pause,
    Paused,
    Progress,
    Refused,
    Report,
    Request,
    Resume,
    Resumed,
    Running,
    Shown,
    Start,
    Stop,
)
from triptych.model import End, EndReason, Fault

BODIES: list[Body] = [
    Running(pid=1, facts={"a": [1, "x"]}),
    Paused(),
    Resumed(),
    Progress(parts={"x": 50.0}),
    Finding(note="alarm", data={"at": 1}),
    Output(stream="stderr", offset=3, data=bytes(range(256))),
    Ended(end=End(reason=EndReason.FAILED, exit_code=2, fault=Fault(code="internal", message="no")), result={"x": 1}),
]
REQUESTS: list[Request] = [
    Start(job_id="j", kind="command", attempt=1, process="j", spec={"argv": ["true"]}),
    Stop(job_id="j", by="me", grace_s=0.5, reason="cancelled"),
    Pause(job_id="j"),
    Resume(job_id="j"),
    Ask(process="camera:1", kind="camera", spec={}, verb="look", data={"x": None}),
]


@pytest.fixture
def line() -> Iterator[tuple[SocketChannel, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(30)
        yield SocketChannel(ours), theirs


def heard(line: socket.socket, count: int) -> list[Report | Answered | Shown]:
    reader, messages = FrameReader(), []
    while len(messages) < count:
        messages += [decode_up(frame) for frame in reader.feed(line.recv(1 << 16))]
    return messages


def test_every_report_arrives_numbered_in_order(line: tuple[SocketChannel, socket.socket]) -> None:
    channel, agent = line
    for body in BODIES:
        channel.report("j", 1, body)
    reports = heard(agent, len(BODIES))
    assert [report.body for report in reports if isinstance(report, Report)] == BODIES
    assert [report.seq for report in reports if isinstance(report, Report)] == list(range(1, len(BODIES) + 1))


def test_each_attempt_has_numbers_of_its_own_and_the_last_report_ends_them(line: tuple[SocketChannel, socket.socket]) -> None:
    channel, agent = line
    for job_id, attempt, body in (("a", 1, Paused()), ("b", 1, Paused()), ("a", 2, Paused()), ("a", 2, BODIES[-1]), ("a", 1, Resumed())):
        channel.report(job_id, attempt, body)
    assert [report.seq for report in heard(agent, 5) if isinstance(report, Report)] == [1, 1, 1, 2, 2]
    assert set(channel._numbers) == {("a", 1), ("b", 1)}


def test_every_request_arrives_and_is_answered(line: tuple[SocketChannel, socket.socket]) -> None:
    channel, agent = line
    agent.sendall(b"".join(pack(Asked(number=number, request=request)) for number, request in enumerate(REQUESTS)))
    for number, request in enumerate(REQUESTS):
        assert channel.receive() == Asked(number=number, request=request)
    channel.answer(1, Answer(data={"pid": 3}))
    channel.answer(2, Refused(code="invalid", message="no"))
    assert heard(agent, 2) == [
        Answered(number=1, reply=Answer(data={"pid": 3})),
        Answered(number=2, reply=Refused(code="invalid", message="no")),
    ]


def test_a_frame_may_arrive_byte_by_byte(line: tuple[SocketChannel, socket.socket]) -> None:
    channel, agent = line
    for byte in pack(Asked(number=1, request=Pause(job_id="j"))):
        assert channel.receive(timedelta(0)) is None
        agent.sendall(bytes([byte]))
    assert channel.receive(timedelta(seconds=30)) == Asked(number=1, request=Pause(job_id="j"))


def test_a_receive_without_news_ends_with_its_time(line: tuple[SocketChannel, socket.socket]) -> None:
    assert line[0].receive(timedelta(milliseconds=1)) is None


def test_a_closed_line_is_an_exception(line: tuple[SocketChannel, socket.socket]) -> None:
    channel, agent = line
    agent.close()
    with pytest.raises(ChannelClosed):
        channel.receive()
    with pytest.raises(ChannelClosed):
        channel.report("j", 1, Paused())


def test_a_frame_beyond_the_bound_closes_the_line(line: tuple[SocketChannel, socket.socket]) -> None:
    channel, agent = line
    agent.sendall(HEADER.pack(MAX_FRAME_BYTES + 1))
    with pytest.raises(ChannelClosed):
        channel.receive()


def test_a_sender_waits_for_a_slow_agent(line: tuple[SocketChannel, socket.socket]) -> None:
    channel, agent = line
    data = os.urandom(2_000_000)
    sender = threading.Thread(target=channel.report, args=("j", 1, Output(stream="stdout", offset=0, data=data)))
    sender.start()
    (report,) = heard(agent, 1)
    sender.join()
    assert isinstance(report, Report)
    assert report.body == Output(stream="stdout", offset=0, data=data)


def test_a_picture_is_dropped_when_the_line_is_full(line: tuple[SocketChannel, socket.socket]) -> None:
    channel, agent = line
    with suppress(BlockingIOError):
        while True:
            channel._line.send(bytes(1 << 16))
    assert not channel.show("camera:1", b"jpeg")
    channel._line.close()
    while data := agent.recv(1 << 20):
        assert not any(data)
