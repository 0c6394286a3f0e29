"""What a request says about itself in its head, in the ways that the contracts know."""

from urllib.parse import parse_qsl

from starlette.types import Scope

from triptych.camera.parameters import credential
from triptych.errors import Invalid

FORWARDED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
COOKIE = "triptych_visit"
IN_PROTOCOL = "token."


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
        """Read the token that `admin_id` brings. Raises `Invalid` when the Authorization header brings another one."""
        for name, word in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            spelled = credential(word) if name == "admin_id" else None
            if spelled is None:
                continue
            if self.credential and self.credential.partition(b" ")[2].strip() != spelled.encode():
                raise Invalid("admin_id and Authorization must bring the same credential.", field="admin_id")
            self.credential = b"Bearer " + spelled.encode()
