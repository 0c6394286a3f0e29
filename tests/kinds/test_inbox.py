"""What is urgent is seen before what waits; camera S2."""

import socket
import threading
from datetime import timedelta

import pytest

from triptych.agent.channel import SocketChannel, pack
from triptych.errors import ChannelClosed
from triptych.kinds.inbox import Inbox
from triptych.messages import Ask, Asked

BOUND = timedelta(seconds=10)


@pytest.fixture
def line():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def ask(number, verb):
    return pack(Asked(number=number, request=Ask(process="p", kind="camera", spec={}, verb=verb, data={})))


def test_each_request_is_glanced_at_as_it_comes_and_served_in_its_turn(line):
    ours, theirs = line
    glanced, urgent = [], threading.Event()

    def glance(asked):
        glanced.append(asked.number)
        if asked.request.verb == "halt":
            urgent.set()

    inbox = Inbox(SocketChannel(theirs), glance)
    ours.sendall(ask(1, "track") + ask(2, "halt"))
    assert urgent.wait(BOUND.total_seconds())
    assert glanced == [1, 2]
    assert [inbox.receive(BOUND).number for _ in range(2)] == [1, 2]
    assert inbox.receive(timedelta(0)) is None
    inbox.close()


def test_the_end_of_the_line_comes_after_what_was_sent(line):
    ours, theirs = line
    inbox = Inbox(SocketChannel(theirs), lambda asked: None)
    ours.sendall(ask(1, "state"))
    ours.shutdown(socket.SHUT_RDWR)
    assert inbox.receive(BOUND).number == 1
    with pytest.raises(ChannelClosed):
        inbox.receive(BOUND)
    inbox.close()
