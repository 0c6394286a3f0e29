"""Connections to judged addresses; tests/media/test_fetch.py and tests/test_posts.py send over them."""

import socket
from contextlib import closing

import pytest

from triptych.errors import Invalid
from triptych.media.hosts import Target
from triptych.media.lines import addresses, connected


def _target(port: int, *, private: bool) -> Target:
    return Target(scheme="http", host="media.example", port=port, path="/", private=private)


def test_the_address_that_was_judged_is_the_one_connected_to() -> None:
    """media U3: resolved once."""
    asked = []

    def resolve(host, port):
        asked.append((host, port))
        return ["127.0.0.1"]

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with closing(connected(_target(port, private=True), resolve, silence_s=5)) as connection:
            assert connection.sock.getpeername() == ("127.0.0.1", port)
            assert connection.sock.gettimeout() == 5
        assert asked == [("media.example", port)]


def test_one_private_address_among_all_is_enough_to_refuse() -> None:
    """media U3: nothing is connected to then."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        with pytest.raises(Invalid):
            connected(_target(server.getsockname()[1], private=False), lambda *_: ["93.184.215.14", "127.0.0.1"], silence_s=5)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_next_address_is_tried_where_one_takes_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = _target(server.getsockname()[1], private=True)
        with closing(connected(target, lambda *_: ["127.0.0.2", "127.0.0.1"], silence_s=5)) as connection:
            assert connection.sock.getpeername()[0] == "127.0.0.1"
    with pytest.raises(ConnectionError):
        connected(target, lambda *_: ["127.0.0.1"], silence_s=5)


def test_a_name_is_asked_for_its_addresses() -> None:
    assert addresses("127.0.0.1", 80) == ["127.0.0.1"]
