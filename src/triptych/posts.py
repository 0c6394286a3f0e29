"""One POST to a host of somebody else: to an address that was judged, never led elsewhere, and over in time (media A5, U3)."""

import http.client
import ipaddress
import socket
from collections.abc import Mapping
from contextlib import closing, suppress
from threading import Timer
from urllib.parse import quote

from triptych import __version__
from triptych.errors import Invalid, Unavailable
from triptych.media.hosts import Target, check_address, read_url
from triptych.media.lines import Resolve, addresses, connected
from triptych.model import Inputs

BOUND_S = 15.0
MOST_URL = 2048
NOT_A_URL = "url must be an http or https address"
NOT_ALLOWED = "url host is not allowed"


def check_target(url: object, inputs: Inputs) -> Target:
    """Return where `url` leads. Raises `Invalid` for what is no URL, and for an address or port that no POST may go to.

    A name is judged by its addresses, once they are asked for; here only one that is an address itself.
    """
    if not isinstance(url, str) or len(url) > MOST_URL or not url.isprintable() or " " in url:
        raise Invalid(NOT_A_URL, field="url")
    if not url.lower().startswith(("http://", "https://")):
        raise Invalid(NOT_A_URL, field="url")
    try:
        target = read_url(url, inputs)
        if not target.private and _is_address(target.host):
            check_address(target.host)
    except Invalid:
        raise Invalid(NOT_ALLOWED, field="url") from None
    return target


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, inputs: Inputs, resolve: Resolve = addresses, bound_s: float = BOUND_S
) -> int:
    """Send `body` and return the status of the answer, of which no more is read. Blocks for little more than `bound_s`.

    Raises `Invalid` for a host that is not allowed, `Unavailable` where no answer comes; neither tells anything about the network.
    """
    target = check_target(url, inputs)
    try:
        with closing(connected(target, resolve, silence_s=bound_s)) as connection:
            return _send(connection, target, body, headers, bound_s)
    except Invalid:
        raise Invalid(NOT_ALLOWED, field="url") from None
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise Unavailable("no answer") from fault


def _send(connection: http.client.HTTPConnection, target: Target, body: bytes, headers: Mapping[str, str], bound_s: float) -> int:
    """Send and wait for the head of the answer; who sends that byte by byte is cut off."""
    line = connection.sock
    timer = Timer(bound_s, _cut, (line,))
    timer.daemon = True
    timer.start()
    try:
        ours = {"User-Agent": f"triptych/{__version__}", "Accept": "*/*", "Connection": "close"}
        connection.request("POST", quote(target.path, safe="/%?=&:@!$'()*+,;~"), body, {**ours, **headers})
        with closing(connection.getresponse()) as response:
            return response.status
    finally:
        timer.cancel()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
