"""A shim's side of its line, with an agent that is slow, gone, or another one."""

import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.test_spool import no_file_over
from triptych.agent.channel import Begins, Enrol, FrameReader, Here, Ping, Pong, Up, decode_up, pack
from triptych.agent.spool import door_of, replay
from triptych.agent.wire import KEEP_BYTES, Wire
from triptych.errors import Unavailable
from triptych.messages import Answer, Answered, Asked, Output, Pause, Paused, Report

TOKEN = b"0123456789abcdef"
HERE = Here(job_id="j", attempt=1, pid=5, state="running", seq=3, page=1, offset=7)
PIECE = bytes(100_000)


class Ends:
    """A wire, and the agent's end of its line."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder / "spool")
        self.poller = select.poll()
        self.agent, theirs = socket.socketpair()
        self.wire = Wire(theirs, self.poller, lambda: HERE)
        self._reader = FrameReader()
        self.tell(Enrol(folder=self.folder, pid=1, start_ticks=2, boot_id="boot", token=TOKEN, cap_bytes=1 << 30))

    def turn(self) -> list[Asked]:
        """What the wire hears in one turn of its shim."""
        asked: list[Asked] = []
        for descriptor, event in self.poller.poll(0):
            assert self.wire.owns(descriptor)
            asked += self.wire.hear(event)
        self.wire.flush()
        return asked

    def tell(self, message: Enrol | Ping | Asked) -> list[Asked]:
        self.agent.sendall(pack(message))
        return self.turn()

    def hear(self) -> list[Up]:
        """Everything that waits, with as many turns as it takes."""
        self.agent.setblocking(False)
        heard: list[Up] = []
        while True:
            self.wire.flush()
            try:
                data = self.agent.recv(1 << 20)
            except BlockingIOError:
                return heard
            heard += map(decode_up, self._reader.feed(data))

    def knock(self, token: bytes = TOKEN) -> socket.socket:
        """Another agent at the door."""
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(10)
        _, path = door_of(self.folder)
        line.connect(path)
        line.sendall(token)
        return line

    def write(self, count: int) -> None:
        for number in range(count):
            self.wire.report("j", 1, Output(stream="stdout", offset=number, data=PIECE))


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    ends = Ends(tmp_path)
    yield ends
    ends.agent.close()
    for one in (ends.wire._line, ends.wire._listener):
        if one is not None:
            one.close()


def offsets(heard: list[Up]) -> list[int]:
    return [message.body.offset for message in heard if isinstance(message, Report) and isinstance(message.body, Output)]


def wait(condition: Callable[[], bool], ends: Ends) -> None:
    for _ in range(1000):
        ends.turn()
        if condition():
            return
    raise AssertionError


def test_a_slow_agent_costs_a_bounded_memory_and_gets_everything_in_order(ends: Ends) -> None:
    """workers P9, O5: what the line does not take is read from the spool again."""
    ends.write(200)
    ends.wire.answer(1, Answer())
    assert len(ends.wire._unsent) < KEEP_BYTES + 2 * len(PIECE)
    heard = ends.hear()
    assert offsets(heard) == list(range(200))
    assert Answered(number=1, reply=Answer()) in heard
    assert [message.seq for message in heard if isinstance(message, Report)] == list(range(1, 201))
    ends.wire.report("j", 1, Paused())
    assert [message.seq for message in ends.hear() if isinstance(message, Report)] == [201]


def test_a_ping_is_answered_and_renews_the_lease(ends: Ends) -> None:
    """workers K13, L4."""
    later = ends.wire.renewed_s + 100
    ends.tell(Ping(renewed_s=later))
    ends.tell(Ping(renewed_s=later - 50))
    assert ends.hear() == [Pong(), Pong()]
    assert ends.wire.renewed_s == later


def test_without_a_spool_nothing_is_begun(tmp_path: Path) -> None:
    """workers K11: what is about to be spawned is written down first."""
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(Unavailable):
        Wire(theirs, select.poll(), lambda: HERE).begin("j", 1)


def test_on_a_full_disk_nothing_is_begun_and_with_room_it_is(ends: Ends) -> None:
    with no_file_over(3), pytest.raises(Unavailable):
        ends.wire.begin("j", 1)
    ends.wire.begin("j", 1)


def test_a_spool_over_its_cap_begins_the_next_job(ends: Ends) -> None:
    """workers O8: over the cap output becomes a gap, and nothing else is refused."""
    spool = ends.wire._spool
    assert spool is not None
    spool._cap_bytes = 0
    ends.wire.begin("j", 1)
    while not spool._muted:
        ends.write(10)
    ends.wire.begin("k", 1)
    assert Begins(job_id="k", attempt=1) in list(replay(ends.folder))


def test_a_full_disk_loses_output_that_the_line_does_not_take_and_no_state(ends: Ends) -> None:
    """workers F9: the offsets jump, and all else arrives."""
    with no_file_over(20):
        ends.write(200)
        ends.wire.report("j", 1, Paused())
        heard = ends.hear()
    got = offsets(heard)
    assert got == list(range(len(got)))
    assert len(got) < 200
    assert any(isinstance(message, Report) and isinstance(message.body, Paused) for message in heard)


def test_the_next_agent_is_let_in_with_the_token_and_hears_what_comes_then(ends: Ends) -> None:
    """workers K11."""
    ends.wire.begin("j", 1)
    ends.write(3)
    ends.agent.close()
    wait(lambda: not ends.wire.connected, ends)
    ends.write(2)
    ends.agent = ends.knock()
    wait(lambda: ends.wire.connected, ends)
    ends.wire.report("j", 1, Paused())
    ends._reader = FrameReader()
    first, then = ends.hear()
    assert first == HERE
    assert isinstance(then, Report)
    assert then.seq == 6
    assert len([message for message in replay(ends.folder) if isinstance(message, Report)]) == 6
    assert ends.tell(Asked(number=1, request=Pause(job_id="j"))) == [Asked(number=1, request=Pause(job_id="j"))]


@pytest.mark.parametrize("token", [bytes(16), TOKEN[:-1]])
def test_nobody_else_is_let_in(ends: Ends, token: bytes) -> None:
    """workers K11: a token of 128 bits."""
    ends.agent.close()
    wait(lambda: not ends.wire.connected, ends)
    with ends.knock(token) as stranger:
        if len(token) < 16:
            stranger.shutdown(socket.SHUT_WR)
        ends.turn()
        assert stranger.recv(100) == b""
    assert not ends.wire.connected
    ends.agent = ends.knock()
    wait(lambda: ends.wire.connected, ends)
