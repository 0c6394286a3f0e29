import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from panels.door import Open
from panels.sample import FIRST, SECOND
from triptych.errors import Unavailable
from triptych.panels import guards
from triptych.panels.guards import Peer, hostname, owner


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


EVERY = [("POST", "/start"), ("OPTIONS", "/start"), ("GET", "/nowhere"), ("GET", "/api/job"), ("PATCH", "/api/job"), ("GET", "/api/tick")]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"host": "evil.example"}, "host_not_allowed"),
        ({"host": "localhost.evil.example"}, "host_not_allowed"),
        ({"host": "192.168.0.1"}, "host_not_allowed"),
        ({"host": ""}, "host_not_allowed"),
        ({"origin": "http://evil.example"}, "cross_site"),
        ({"origin": "null"}, "cross_site"),
        ({"origin": "http://127.0.0.1:1"}, "cross_site"),
        ({"sec-fetch-site": "cross-site"}, "cross_site"),
        ({"sec-fetch-site": "same-site"}, "cross_site"),
        ({"origin": "http://127.0.0.1", "sec-fetch-site": "same-site"}, "cross_site"),
    ],
)
async def test_forged_headers_are_refused_on_every_route(open_door: Open, headers: dict[str, str], code: str) -> None:
    """Workers 9: forged Origin, Host and fetch headers on every route."""
    door = await open_door(FIRST, SECOND)
    for method, path in EVERY:
        reply = await door.ask(method, path, **headers)
        assert (reply.status, code.encode() in reply.body) == (418, True)
        assert not any(name.startswith("access-control") for name in reply.headers)


async def test_our_own_names_and_pages_pass(open_door: Open) -> None:
    """Workers 9."""
    settings = {"allowed_hosts": ("box.example", "other.example:1"), "allowed_origins": ("https://page.example",)}
    door = await open_door(FIRST, **settings)
    for host in ("localhost", "LOCALHOST:8700", "127.0.0.1:99", "[::1]:8700", "box.example", "other.example:1"):
        assert (await door.ask("POST", "/start", host=host)).status == 200
        assert (await door.ask("POST", "/start", host=host, origin=f"http://{host}", sec_fetch_site="same-origin")).status == 200
    assert (await door.ask("POST", "/start", sec_fetch_site="none")).status == 200
    assert (await door.ask("POST", "/start", origin="https://page.example", sec_fetch_site="cross-site")).status == 200


async def test_two_hosts_or_none_are_refused(open_door: Open) -> None:
    door = await open_door(FIRST)
    for head in (b"POST /start HTTP/1.1\r\n", b"POST /start HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n"):
        async with door.line() as line:
            await line.send(head + b"\r\n")
            assert b"host_not_allowed" in (await line.reply()).body


async def test_a_second_user_is_not_authorised(open_door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers 9: connect as a second uid. Only root can become one; elsewhere the server takes itself for somebody else."""
    if os.getuid() != 0:
        monkeypatch.setattr(os, "getuid", lambda: 12345)
    door, trusting = await open_door(FIRST), await open_door(FIRST, loopback_trust="any")
    assert b"not_authorised" in await ask_as_nobody(door.port)
    assert b"200 OK" in await ask_as_nobody(trusting.port)


async def ask_as_nobody(port: int) -> bytes:
    code = f"""
import encodings.idna, os, socket
if os.getuid() == 0:
    os.setuid(65534)
line = socket.create_connection(("127.0.0.1", {port}))
line.sendall(b"POST /start HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n")
print(line.makefile().read())
"""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    return out


def test_a_verdict_is_reached_once_per_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            peer = Peer(server.getsockname(), server.getpeername())
            assert peer.is_same_user
            client.close()
            assert peer.is_same_user


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"] if _has_ipv6() else ["127.0.0.1"])
def test_the_owner_of_a_connection_is_known_until_it_is_closed(host: str) -> None:
    """Workers 9: only an ESTABLISHED entry with an inode counts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener, socket.create_connection(listener.getsockname()[:2]) as client:
        server, _ = listener.accept()
        with server:
            ends = server.getsockname()[:2], server.getpeername()[:2]
            assert owner(*ends) == os.getuid()
            client.close()
            assert owner(*ends) is None
            assert not Peer(*ends).is_same_user


def test_a_mapped_address_is_found_in_either_table() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            ours, theirs = (("::ffff:" + end[0], end[1]) for end in (server.getsockname(), client.getsockname()))
            assert owner(ours, theirs) == os.getuid()


def test_a_peer_without_an_address_is_nobody() -> None:
    assert not Peer(None, None).is_same_user


@pytest.mark.parametrize(("host", "name"), [("a:1", "a"), ("a", "a"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("", "")])
def test_the_name_is_cut_from_a_host_header(host: str, name: str) -> None:
    assert hostname(host) == name


def test_a_table_that_cannot_be_read_is_not_taken_for_a_stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """workers section 9, resource exhaustion (F10): out of descriptors, say."""
    monkeypatch.setattr(guards, "CONNECTION_TABLES", (tmp_path / "absent",))
    assert owner(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    monkeypatch.setattr(guards, "CONNECTION_TABLES", (tmp_path,))
    with pytest.raises(Unavailable, match="the caller cannot be told: is a directory"):
        owner(("127.0.0.1", 1), ("127.0.0.1", 2))
