"""What a request says about itself in its head, in the ways that the contracts know, and how many wrong credentials an address may try."""

from collections import deque
from datetime import timedelta
from urllib.parse import parse_qsl

from starlette.types import Scope

from triptych.camera.parameters import credential
from triptych.contracts import Clock
from triptych.errors import Forbidden, Invalid

FORWARDED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
COOKIE = "triptych_visit"
IN_PROTOCOL = "token."
MOST_FAILURES = 10
FAILURES_SPAN = timedelta(minutes=1)


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
    """What the headers of a request say about where it comes from and who asks."""

    __slots__ = ("_said", "credential", "hosts", "origins", "site")

    def __init__(self, scope: Scope) -> None:
        self.hosts: list[bytes] = [value for name, value in scope["headers"] if name == b"host"]
        self.origins: list[bytes] = [value for name, value in scope["headers"] if name == b"origin"]
        self._said: dict[bytes, bytes] = dict(scope["headers"])
        self.site = self._said.get(b"sec-fetch-site")
        self.credential = self._said.get(b"authorization", b"")

    @property
    def is_forwarded(self) -> bool:
        """Whether a proxy passed the request on."""
        return not FORWARDED.isdisjoint(self._said)

    @property
    def is_preflight(self) -> bool:
        """Whether a page asks what it may call."""
        return b"access-control-request-method" in self._said

    @property
    def nearest_hop(self) -> str:
        """Whom the last proxy had the request from, empty where none says so."""
        return self._said.get(b"x-forwarded-for", b"").rpartition(b",")[2].strip().decode("latin-1")

    @property
    def visit(self) -> str:
        """What the cookie of a visit holds, empty without one."""
        pairs = (one.strip().partition("=") for one in self._said.get(b"cookie", b"").decode("latin-1").split(";"))
        return next((value for name, _, value in pairs if name == COOKIE), "")

    @property
    def page_token(self) -> str:
        """The token of the page that asks: from its header, or of a web socket from the subprotocol `token.TOKEN`."""
        offered = [one.strip() for one in self._said.get(b"sec-websocket-protocol", b"").decode("latin-1").split(",")]
        named = next((one.removeprefix(IN_PROTOCOL) for one in offered if one.startswith(IN_PROTOCOL)), "")
        return self._said.get(b"x-page-token", b"").decode("latin-1") or named

    def take_key(self, scope: Scope) -> None:
        """Read an API key, from its header or the query, as the token that no Authorization header brings."""
        asked = dict(parse_qsl(scope["query_string"]))
        if not self.credential and (key := self._said.get(b"x-goog-api-key") or asked.get(b"key")):
            self.credential = b"Bearer " + key

    def take_admin_id(self, scope: Scope) -> None:
        """Read `admin_id` of the query as a bearer's token. Raises `Invalid` where the Authorization header brings another one."""
        asked = dict(parse_qsl(scope["query_string"])).get(b"admin_id", b"").decode("latin-1")
        given = credential(asked)
        if given is None:
            return
        spelled = given.encode("latin-1")
        if self.credential and self.credential.partition(b" ")[2].strip() != spelled:
            raise Invalid("admin_id and the Authorization header must be the same credential.", field="admin_id")
        self.credential = b"Bearer " + spelled
