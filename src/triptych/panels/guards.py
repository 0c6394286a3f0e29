"""Who may speak to the server at all: its own user or a token, from a page of ours or no page, by a name of ours (workers.md 9)."""

import ipaddress
import os
import socket
import struct
import time
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.types import Scope

from triptych.camera.parameters import credential
from triptych.errors import Forbidden, Invalid, Unavailable
from triptych.panels.http import Caller
from triptych.panels.lockout import Lockout
from triptych.settings import Settings
from triptych.tokens import Role, Token, Tokens

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
FOREIGN_SITES = frozenset({b"cross-site", b"same-site"})
CONNECTION_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
FORWARDED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
ESTABLISHED = "01"

Address = tuple[str, int]


class Peer:
    """The other end of one connection. Whose it is is looked up once, at the first question."""

    def __init__(self, ours: Address | None, theirs: Address | None) -> None:
        self._ours = ours
        self._theirs = theirs

    @cached_property
    def uid(self) -> int | None:
        """The user that the peer's socket belongs to, None where that cannot be told."""
        if self._ours is None or self._theirs is None:
            return None
        return owner(self._ours, self._theirs)

    @property
    def is_same_user(self) -> bool:
        """Say whether the peer's socket belongs to this process's user or to root."""
        return self.uid in {0, os.getuid()}


NOBODY = Peer(None, None)


class Guards:
    """The checks that come before everything else, in the order of workers W4. A listed origin may call from another site.

    Where only this machine can reach the server, its own user needs no token; what a proxy forwarded is not such a call.
    """

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._is_local = settings.is_local
        self._trusts_any = settings.loopback_trust == "any"
        self._tokens = tokens
        self._proxies = [ipaddress.ip_network(address) for address in settings.tls_proxy]
        self._hosts = LOOPBACK_NAMES | {settings.host, *settings.allowed_hosts}
        self._origins = frozenset(settings.allowed_origins)
        self._lockout = Lockout(time.monotonic)
        self._knows = lru_cache(maxsize=256)(self._is_our_name)

    def check(self, scope: Scope, *, takes_keys: bool = False, takes_admin_id: bool = False) -> Caller:
        """Return who asks; with `takes_keys` a token may come as an API key as well, with `takes_admin_id` as that (camera 2.7).

        Raises `Forbidden` with code `host_not_allowed`, `cross_site`, `not_authorised` or `not_authenticated`, and `Invalid` for two
        credentials that differ.
        """
        head = self._enter(scope)
        if takes_keys:
            head.take_key(scope)
        if takes_admin_id and not self._is_at_home(scope, head):
            return self._admin(scope, head)
        return self._caller(scope, head)

    def preflight(self, scope: Scope) -> bool:
        """Say whether a page of a listed origin asks what it may call, which browsers do without a credential. Raises as `check`."""
        return scope["method"] == "OPTIONS" and self.origin(scope) is not None and self._enter(scope).is_preflight

    def origin(self, scope: Scope) -> str | None:
        """Return the listed origin that a request comes from, None for any other and for none."""
        if not self._origins:
            return None
        head = Head(scope)
        told = head.origins[0].decode("latin-1") if len(head.origins) == 1 else None
        return told if told in self._origins else None

    def _enter(self, scope: Scope) -> "Head":
        head = Head(scope)
        listener = scope["server"][0] if scope.get("server") else ""
        if len(head.hosts) != 1 or not self._knows(head.hosts[0], listener):
            raise Forbidden("host not allowed", code="host_not_allowed")
        if (head.origins or head.site in FOREIGN_SITES) and not self._is_welcome(head):
            raise Forbidden("cross-site request refused", code="cross_site")
        if self._proxies and not self._is_proxy(scope):
            raise Forbidden("not authorised", code="not_authorised")
        return head

    def _caller(self, scope: Scope, head: "Head") -> Caller:
        scheme, _, spelled = head.credential.partition(b" ")
        if scheme.lower() == b"bearer":
            token = self._tokens.find(spelled.strip().decode("latin-1"))
            if token is None:
                raise Forbidden("not authorised", code="not_authenticated")
            return _of_token(token)
        if self._is_at_home(scope, head):
            return Caller(who=f"uid:{_peer(scope).uid}", role=Role.ADMIN)
        expects_token = not self._is_local or len(self._tokens) > 0
        raise Forbidden("not authorised", code="not_authenticated" if expects_token else "not_authorised")

    def _admin(self, scope: Scope, head: "Head") -> Caller:
        """Return who asks by `admin_id` or a header; whoever guesses is not heard for a while."""
        address = scope["client"][0] if scope.get("client") else ""
        if self._lockout.holds(address):
            raise Forbidden("not authorised", code="not_authenticated")
        head.take_admin_id(scope)
        try:
            return self._caller(scope, head)
        except Forbidden:
            if head.credential:
                self._lockout.note(address)
            raise

    def _is_at_home(self, scope: Scope, head: "Head") -> bool:
        """Say whether this machine's own user asks, and nobody else can."""
        return self._is_local and not head.is_forwarded and (self._trusts_any or _peer(scope).is_same_user)

    def _is_proxy(self, scope: Scope) -> bool:
        client = scope.get("client")
        if client is None:
            return False
        address = ipaddress.ip_address(client[0].removeprefix("::ffff:").partition("%")[0])
        return any(address in network for network in self._proxies)

    def _is_our_name(self, host: bytes, listener: str) -> bool:
        text = host.decode("latin-1").lower()
        name = hostname(text)
        return name in self._hosts or text in self._hosts or name == listener

    def _is_welcome(self, head: "Head") -> bool:
        if head.origins and all(origin.decode("latin-1") in self._origins for origin in head.origins):
            return True
        ours = {b"http://" + head.hosts[0], b"https://" + head.hosts[0]}
        return head.site not in FOREIGN_SITES and ours.issuperset(head.origins)


class Head:
    """What the headers of a request say about where it comes from."""

    __slots__ = ("credential", "hosts", "is_forwarded", "is_preflight", "key", "origins", "site")

    def __init__(self, scope: Scope) -> None:
        self.hosts: list[bytes] = []
        self.origins: list[bytes] = []
        self.site: bytes | None = None
        self.credential = b""
        self.key = b""
        self.is_forwarded = False
        self.is_preflight = False
        for name, value in scope["headers"]:
            if name == b"host":
                self.hosts.append(value)
            elif name == b"origin":
                self.origins.append(value)
            elif name == b"sec-fetch-site":
                self.site = value
            elif name == b"authorization":
                self.credential = value
            elif name == b"x-goog-api-key":
                self.key = value
            elif name == b"access-control-request-method":
                self.is_preflight = True
            elif name in FORWARDED:
                self.is_forwarded = True

    def take_key(self, scope: Scope) -> None:
        """Read an API key, from its header or the query, as the token that no Authorization header brings."""
        asked = dict(parse_qsl(scope["query_string"]))
        if not self.credential and (key := self.key or asked.get(b"key")):
            self.credential = b"Bearer " + key

    def take_admin_id(self, scope: Scope) -> None:
        """Read the token that `admin_id` brings. Raises `Invalid` when a header brings another one."""
        for name, word in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            spelled = credential(word) if name == "admin_id" else None
            if spelled is None:
                continue
            told = b"Bearer " + spelled.encode()
            if self.credential and self.credential != told:
                raise Invalid("admin_id and Authorization must bring the same credential.", field="admin_id")
            self.credential = told


def hostname(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def owner(ours: Address, theirs: Address) -> int | None:
    """Return the uid that holds the far end of an established connection on this machine, None when that cannot be told.

    A socket that was closed right after sending is listed with uid 0 and inode 0, so an entry without an inode does not count. Raises
    `Unavailable` when the kernel's tables cannot be read just now.
    """
    for table in CONNECTION_TABLES:
        for uid, inode in _entries(table, ours, theirs):
            if inode != 0:
                return uid
    return None


def _entries(table: Path, ours: Address, theirs: Address) -> Iterator[tuple[int, int]]:
    try:
        text = table.read_text()
    except FileNotFoundError:
        return
    except OSError as fault:
        raise Unavailable(f"the caller cannot be told: {os.strerror(fault.errno or 0).lower()}", code="caller_unknown") from fault
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


def _peer(scope: Scope) -> Peer:
    found: Peer = scope.get("state", {}).get("peer", NOBODY)
    return found


def _of_token(token: Token) -> Caller:
    return Caller(who=f"token:{token.id}", role=token.role, token=token)
