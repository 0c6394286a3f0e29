"""Connections to hosts whose addresses were judged, for all that this server sends to the network by itself (media U3)."""

import http.client
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from triptych.media.hosts import Target, check_address

CONNECT_S = 10.0

Resolve = Callable[[str, int], list[str]]


def addresses(host: str, port: int) -> list[str]:
    """Ask the name service once for the addresses of `host`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connected(target: Target, resolve: Resolve = addresses, *, silence_s: float) -> http.client.HTTPConnection:
    """Return a connection to an address of the host that was judged; the host's own name is what its certificate must carry.

    The name service is asked once. Each wait on the connection ends after `silence_s`. Raises `Invalid` for a host with an address that is
    not allowed, `OSError` where nobody takes the connection.
    """
    found = resolve(target.host, target.port)
    if not target.private:
        for address in found:
            check_address(address)
    line = _line_to(found, target.port)
    try:
        line.settimeout(silence_s)
        kind = http.client.HTTPConnection if target.scheme == "http" else http.client.HTTPSConnection
        connection = kind(target.host, target.port)
        connection.sock = line if target.scheme == "http" else ssl.create_default_context().wrap_socket(line, server_hostname=target.host)
    except BaseException:
        line.close()
        raise
    return connection


def _line_to(found: list[str], port: int) -> socket.socket:
    """Return a connection to the first of these addresses that takes one."""
    for address in found:
        with suppress(OSError):
            return socket.create_connection((address, port), timeout=CONNECT_S)
    raise ConnectionError("no address takes a connection")
