"""Who may speak to the server at all: its own user or a token, from a page of ours or no page, by a name of ours (workers.md 9)."""

import ipaddress
import os
import socket
import struct
from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.types import Scope

from triptych.camera.parameters import credential
from triptych.contracts import Clock
from triptych.errors import Forbidden, Invalid, Unavailable
from triptych.panels.http import Caller, Panel
from triptych.settings import Settings
from triptych.tokens import Role, Token, Tokens

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
FOREIGN_SITES = frozenset({b"cross-site", b"same-site"})
CONNECTION_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
FORWARDED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
ESTABLISHED = "01"
MOST_FAILURES = 10
FAILURES_SPAN = timedelta(minutes=1)

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

    def __init__(self, settings: Settings, tokens: Tokens, clock: Clock) -> None:
        self._is_local = settings.is_local
        self._trusts_any = settings.loopback_trust == "any"
        self._tokens = tokens
        self._failures = Failures(clock)
        self._proxies = [ipaddress.ip_network(address) for address in settings.tls_proxy]
        self._hosts = LOOPBACK_NAMES | {settings.host, *settings.allowed_hosts}
        self._origins = frozenset(settings.allowed_origins)
        self._knows = lru_cache(maxsize=256)(self._is_our_name)

    def check(self, scope: Scope, panel: Panel) -> Caller:
        """Return who asks; the panel says how else a token may come than as a bearer's.

        Raises `Forbidden` with code `host_not_allowed`, `cross_site`, `not_authorised`, `not_authenticated` or `too_many_failures`, or
        `Invalid` for two credentials.
        """
        head = self._enter(scope)
        if panel.takes_keys:
            head.take_key(scope)
        if not panel.takes_admin_id or self._is_local:
            return self._caller(scope, head)
        head.take_admin_id(scope)
        return self._counted(scope, head)

    def _counted(self, scope: Scope, head: "Head") -> Caller:
        """Return who asks, and count wrong credentials by the address that they come from (camera 2.7)."""
        address = head.forwarded_for.rpartition(b",")[2].strip().decode("latin-1") if self._proxies else ""
        address = address or (scope["client"][0] if scope.get("client") else "")
        self._failures.check(address)
        try:
            return self._caller(scope, head)
        except Forbidden:
            if head.credential:
                self._failures.note(address)
            raise

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
        peer = scope.get("state", {}).get("peer", NOBODY)
        if self._is_local and not head.is_forwarded and (self._trusts_any or peer.is_same_user):
            return Caller(who=f"uid:{peer.uid}", role=Role.ADMIN)
        expects_token = not self._is_local or len(self._tokens) > 0
        raise Forbidden("not authorised", code="not_authenticated" if expects_token else "not_authorised")

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


class Failures:
    """Wrong credentials by the address that they came from: after 10 in a minute it is refused for one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: dict[str, deque[timedelta]] = {}

    def check(self, address: str) -> None:
        """Raise `Forbidden` with code `too_many_failures` while this address is refused."""
        times = self._times.get(address)
        if times is not None and len(times) == MOST_FAILURES and self._clock.monotonic() - times[-1] < FAILURES_SPAN:
            raise Forbidden("not authorised", code="too_many_failures")

    def note(self, address: str) -> None:
        """Count one; those that are too old to count are forgotten."""
        now = self._clock.monotonic()
        self._times = {one: times for one, times in self._times.items() if now - times[-1] < FAILURES_SPAN}
        times = self._times.setdefault(address, deque(maxlen=MOST_FAILURES))
        while times and now - times[0] >= FAILURES_SPAN:
            times.popleft()
        times.append(now)


class Head:
    """What the headers of a request say about where it comes from."""

    __slots__ = ("credential", "forwarded_for", "hosts", "is_forwarded", "is_preflight", "key", "origins", "site")

    def __init__(self, scope: Scope) -> None:
        self.hosts: list[bytes] = []
        self.origins: list[bytes] = []
        self.site: bytes | None = None
        self.credential = b""
        self.key = b""
        self.forwarded_for = b""
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
                self.forwarded_for = value if name == b"x-forwarded-for" else self.forwarded_for

    def take_key(self, scope: Scope) -> None:
        """Read an API key, from its header or the query, as the token that no Authorization header brings."""
        asked = dict(parse_qsl(scope["query_string"]))
        if not self.credential and (key := self.key or asked.get(b"key")):
            self.credential = b"Bearer " + key

    def take_admin_id(self, scope: Scope) -> None:
        """Read `admin_id` of the query as a bearer's token. Raises `Invalid` where the Authorization header brings another one."""
        asked = dict(parse_qsl(scope["query_string"])).get(b"admin_id", b"").decode("latin-1")
        given = credential(asked)
        if given is None:
            return
        told = b"Bearer " + given.encode("latin-1")
        if self.credential and self.credential.partition(b" ")[2].strip() != given.encode("latin-1"):
            raise Invalid("admin_id and the Authorization header must be the same credential.", field="admin_id")
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


def _of_token(token: Token) -> Caller:
    return Caller(who=f"token:{token.id}", role=token.role, token=token)
