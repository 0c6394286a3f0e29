import asyncio
import signal
import socket
import ssl
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from manualclock import ManualClock
from panels.door import Open, request
from panels.sample import SECOND
from panels.tls import Tls, made
from triptych.errors import Forbidden, Invalid, Unavailable
from triptych.panels import protocol, server
from triptych.panels.server import bind, check_listen, check_tokens, tls_context
from triptych.settings import Settings
from triptych.stores.memory import MemoryStore
from triptych.tokens import Role, Tokens


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


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return made(tmp_path)


@pytest.mark.parametrize("more", [{"tls_cert": Path("c"), "tls_key": Path("k")}, {"tls_proxy": ("10.0.0.1",)}])
async def test_off_loopback_tls_or_its_proxy_let_listen_but_not_serve_without_a_token(tmp_path: Path, more: dict[str, object]) -> None:
    """Workers 9: the refusal says what to do."""
    settings = Settings(data_dir=tmp_path, host="0.0.0.0", **more)  # type: ignore[arg-type]
    check_listen(settings)
    clock = ManualClock()
    tokens = Tokens(MemoryStore(), clock)
    with pytest.raises(Forbidden, match=f"triptych token create NAME --role admin --data {tmp_path}") as caught:
        check_tokens(settings, tokens)
    assert caught.value.code == "listen_refused"
    await tokens.create(name="t", role=Role.VIEWER, by="x", lifetime=timedelta(hours=1))
    check_tokens(settings, tokens)
    clock.time += timedelta(hours=1)
    with pytest.raises(Forbidden):
        check_tokens(settings, tokens)


async def test_behind_a_proxy_loopback_needs_a_token_too(tmp_path: Path) -> None:
    tokens = Tokens(MemoryStore(), ManualClock())
    check_tokens(Settings(data_dir=tmp_path), tokens)
    with pytest.raises(Forbidden, match="refusing to serve a proxy without a token"):
        check_tokens(Settings(data_dir=tmp_path, tls_proxy=("127.0.0.1",)), tokens)


def test_tls_files_that_do_not_serve_are_told(tmp_path: Path, tls: Tls) -> None:
    def context(cert: Path, key: Path) -> ssl.SSLContext | None:
        return tls_context(Settings(data_dir=tmp_path, tls_cert=cert, tls_key=key))

    assert tls_context(Settings(data_dir=tmp_path)) is None
    assert context(tls.cert, tls.key) is not None
    with pytest.raises(Invalid, match="No such file"):
        context(tls.cert, tmp_path / "nosuch")
    with pytest.raises(Invalid, match="TLS cannot begin"):
        context(tls.ca, tls.key)
    tls.key.chmod(0o644)
    with pytest.raises(Invalid, match="chmod 600"):
        context(tls.cert, tls.key)


async def test_requests_are_answered_over_tls(open_door: Open, tls: Tls) -> None:
    """Workers 9: the same protocol, `DEL` and the bound on heads included."""
    door = await open_door(SECOND, tls_cert=tls.cert, tls_key=tls.key)
    for request_line, answer in (
        (b"GET /api/job HTTP/1.1\r\n", b" 200 "),
        (b"DEL /api/job HTTP/1.1\r\n", b" 200 "),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n", b" 431 "),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, ssl=tls.trust)
        writer.write(request_line + b"Host: localhost\r\nConnection: close\r\n\r\n")
        assert answer in await reader.readline()
        writer.close()


async def test_old_tls_and_no_tls_get_nothing(open_door: Open, tls: Tls) -> None:
    door = await open_door(SECOND, tls_cert=tls.cert, tls_key=tls.key)
    async with door.line() as line:
        await line.send(request("GET", "/api/job"))
        assert b"200" not in await line.reader.read()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        tls.trust.minimum_version = tls.trust.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", door.port, ssl=tls.trust)


async def test_a_client_that_never_shakes_hands_is_cut(open_door: Open, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers 9, resource exhaustion: the handshake of TLS is bounded as a request is."""
    monkeypatch.setattr(server, "READ_TIMEOUT_S", 0.2)
    door = await open_door(SECOND, tls_cert=tls.cert, tls_key=tls.key)
    async with door.line() as line, asyncio.timeout(20):
        assert await line.is_closed()


async def test_a_flood_of_connections_is_cut(open_door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers 9, resource exhaustion."""
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 3)
    door = await open_door(SECOND)
    async with door.line() as first, door.line(), door.line():
        await first.send(request("GET", "/api/job"))
        assert (await first.reply()).status == 200
        async with door.line() as fourth, asyncio.timeout(20):
            with suppress(ConnectionError):
                assert await fourth.is_closed()
        await first.send(request("GET", "/api/job"))
        assert (await first.reply()).status == 200


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
