"""Who may speak to the server at all: the caller's own user, from a page of ours or no page, by a name of ours (workers.md 9)."""

import os
import socket
import struct
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path

from starlette.types import Scope

from triptych.errors import Forbidden
from triptych.panels.http import Role
from triptych.settings import Settings

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
FOREIGN_SITES = frozenset({b"cross-site", b"same-site"})
CONNECTION_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"

Address = tuple[str, int]


class Peer:
    """The other end of one connection. Whose it is is looked up once, at the first question."""

    def __init__(self, ours: Address | None, theirs: Address | None) -> None:
        self._ours = ours
        self._theirs = theirs

    @cached_property
    def is_same_user(self) -> bool:
        """Say whether the peer's socket belongs to this process's user or to root."""
        if self._ours is None or self._theirs is None:
            return False
        return owner(self._ours, self._theirs) in {0, os.getuid()}


class Guards:
    """The checks that come before everything else, in the order of workers W4. A listed origin may call from another site."""

    def __init__(self, settings: Settings) -> None:
        self._trusts_any = settings.loopback_trust == "any"
        self._hosts = LOOPBACK_NAMES | {settings.host, *settings.allowed_hosts}
        self._origins = frozenset(settings.allowed_origins)
        self._knows = lru_cache(maxsize=256)(self._is_our_name)

    def check(self, scope: Scope) -> None:
        """Raise `Forbidden` with code `host_not_allowed`, `cross_site` or `not_authorised`."""
        hosts, origins, site = _provenance(scope)
        listener = scope["server"][0] if scope.get("server") else ""
        if len(hosts) != 1 or not self._knows(hosts[0], listener):
            raise Forbidden("host not allowed", code="host_not_allowed")
        if (origins or site in FOREIGN_SITES) and not self._is_welcome(origins, site, hosts[0]):
            raise Forbidden("cross-site request refused", code="cross_site")
        if not (self._trusts_any or _is_same_user(scope)):
            raise Forbidden("not authorised", code="not_authorised")

    def role(self, _scope: Scope) -> Role:
        """Return what the caller may do: everything, as long as only this user's own programs get here."""
        return Role.ADMIN

    def _is_our_name(self, host: bytes, listener: str) -> bool:
        text = host.decode("latin-1").lower()
        name = hostname(text)
        return name in self._hosts or text in self._hosts or name == listener

    def _is_welcome(self, origins: list[bytes], site: bytes | None, host: bytes) -> bool:
        if origins and all(origin.decode("latin-1") in self._origins for origin in origins):
            return True
        ours = {b"http://" + host, b"https://" + host}
        return site not in FOREIGN_SITES and ours.issuperset(origins)


def hostname(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def owner(ours: Address, theirs: Address) -> int | None:
    """Return the uid that holds the far end of an established connection on this machine, None when that cannot be told.

    A socket that was closed right after sending is listed with uid 0 and inode 0, so an entry without an inode does not count.
    """
    for table in CONNECTION_TABLES:
        for uid, inode in _entries(table, ours, theirs):
            if inode != 0:
                return uid
    return None


def _entries(table: Path, ours: Address, theirs: Address) -> Iterator[tuple[int, int]]:
    try:
        text = table.read_text()
    except OSError:
        return
    for far, near in zip(_spellings(theirs), _spellings(ours), strict=True):
        _, found, rest = text.partition(f" {far} {near} {ESTABLISHED} ")
        if found:
            fields = rest.partition("\n")[0].split()
            yield int(fields[3]), int(fields[5])


def _spellings(address: Address) -> tuple[str, ...]:
    host, port = address
    try:
        packed = socket.inet_pton(socket.AF_INET, host.removeprefix("::ffff:"))
    except OSError:
        return (_hex(socket.inet_pton(socket.AF_INET6, host.partition("%")[0]), port), "-")
    mapped = b"\x00" * 10 + b"\xff\xff" + packed
    return (_hex(packed, port), _hex(mapped, port))


def _hex(packed: bytes, port: int) -> str:
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"


def _provenance(scope: Scope) -> tuple[list[bytes], list[bytes], bytes | None]:
    hosts, origins, site = [], [], None
    for name, value in scope["headers"]:
        if name == b"host":
            hosts.append(value)
        elif name == b"origin":
            origins.append(value)
        elif name == b"sec-fetch-site":
            site = value
    return hosts, origins, site


def _is_same_user(scope: Scope) -> bool:
    peer = scope.get("state", {}).get("peer")
    return isinstance(peer, Peer) and peer.is_same_user
