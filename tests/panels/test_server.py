import asyncio
import signal
import socket
from pathlib import Path

import pytest

from panels.door import Open, request
from panels.sample import SECOND
from triptych.errors import Forbidden, Unavailable
from triptych.panels.server import bind, check_listen
from triptych.settings import Settings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", ""])
def test_off_loopback_the_server_refuses_to_listen(tmp_path: Path, host: str) -> None:
    """Workers 9."""
    with pytest.raises(Forbidden, match="without tokens and TLS") as caught:
        check_listen(Settings(data_dir=tmp_path, host=host))
    assert caught.value.code == "listen_refused"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_allowed(tmp_path: Path, host: str) -> None:
    check_listen(Settings(data_dir=tmp_path, host=host))


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1 port {port}: address already in use"):
            bind(Settings(data_dir=tmp_path, port=port))


@pytest.mark.parametrize("path", ["/api/tick", "/api/pictures"])
async def test_endless_answers_end_when_the_server_goes_down(open_door: Open, path: str) -> None:
    door = await open_door(SECOND)
    async with door.line() as line, door.line() as idle:
        await line.send(request("GET", path))
        await line.reader.readuntil(b"\r\n\r\n")
        door.stop.set()
        async with asyncio.timeout(5):
            assert (await line.reader.read()).endswith(b"0\r\n\r\n")
            assert await idle.is_closed()
            await door.running


async def test_no_signal_handler_is_taken(open_door: Open) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    await open_door(SECOND)
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
