"""Connections to hosts whose addresses were judged, for all that this server sends to the network by itself (media U3)."""

import http.client
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from triptych.media.hosts import Target, check_address

CONNECT_S = 10.0

Resolve = Callable[[str, int], list[str]]
Check = Callable[[str], None]
"""Judges an address: raises `Invalid` for one that is not allowed."""


def addresses(host: str, port: int) -> list[str]:
    """Ask the name service once for the addresses of `host`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connected(target: Target, resolve: Resolve = addresses, *, silence_s: float) -> http.client.HTTPConnection:
    """Return a connection to an address of the host that was judged; the host's own name is what its certificate must carry.

    The name service is asked once. Each wait on the connection ends after `silence_s`. Raises `Invalid` for a host with an address that is
    not allowed, `OSError` where nobody takes the connection.
    """
    check = None if target.private else check_address
    context = None if target.scheme == "http" else ssl.create_default_context()
    line = judged_line(target.host, target.port, check, resolve, tls=context, silence_s=silence_s)
    kind = http.client.HTTPConnection if target.scheme == "http" else http.client.HTTPSConnection
    connection = kind(target.host, target.port)
    connection.sock = line
    return connection


def judged_line(
    host: str,
    port: int,
    check: Check | None,
    resolve: Resolve = addresses,
    *,
    tls: ssl.SSLContext | None,
    silence_s: float,
    connect_s: float = CONNECT_S,
) -> socket.socket:
    """Return a connection, by TLS if asked for, to the first address of `host` that takes one; `check` judges each of them before.

    The name service is asked once. Each wait on the connection ends after `silence_s`. Raises what `check` raises, `OSError` where nobody
    takes the connection.
    """
    found = resolve(host, port)
    if check is not None:
        for address in found:
            check(address)
    line = _line_to(found, port, connect_s)
    try:
        line.settimeout(silence_s)
        return line if tls is None else tls.wrap_socket(line, server_hostname=host)
    except BaseException:
        line.close()
        raise


def _line_to(found: list[str], port: int, connect_s: float) -> socket.socket:
    """Return a connection to the first of these addresses that takes one."""
    for address in found:
        with suppress(OSError):
            return socket.create_connection((address, port), timeout=connect_s)
    raise ConnectionError("no address takes a connection")
