"""Tokens: who may call the server besides its own user, as what and until when. What a token spells is shown once and never stored."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import structlog

from triptych.contracts import Catalog, Clock
from triptych.errors import Invalid, NotFound, TriptychError

log = structlog.get_logger()

SHELF = "tokens"
SPELLED_BYTES = 32
PREFIX = "triptych_"
ID_DIGITS = 16
MOST_NAME = 200
COARSE = timedelta(minutes=1)
"""How old the last use that is on disk may be."""


class Role(StrEnum):
    """What a caller may do; each role may do what the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Say whether this role may do what asks for `needed`."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token, without what it spells: `digest` is the SHA-256 of that, enough for 256 random bits.

    An operator's token may be bound: `workers` and `commands` are the only ones it may use, None is every one.
    """

    id: str
    name: str
    role: Role
    digest: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    workers: tuple[str, ...] | None = None
    commands: tuple[str, ...] | None = None
    used_at: datetime | None = None

    @property
    def is_bound(self) -> bool:
        """Say whether it may use some workers or commands only."""
        return self.workers is not None or self.commands is not None


class Tokens:
    """Every token of a server, in memory and on a shelf of the catalog. Call `load` before anything else."""

    def __init__(self, catalog: Catalog, clock: Clock, randomness: Callable[[int], str] = secrets.token_urlsafe) -> None:
        self._catalog = catalog
        self._clock = clock
        self._randomness = randomness
        self._by_digest: dict[str, Token] = {}
        self._unsaved: set[str] = set()

    def __iter__(self) -> Iterator[Token]:
        return iter(sorted(self._by_digest.values(), key=lambda token: (token.created_at, token.id)))

    def __len__(self) -> int:
        return len(self._by_digest)

    @property
    def usable(self) -> int:
        """How many have not expired."""
        now = self._clock.now()
        return sum(not _is_over(token, now) for token in self._by_digest.values())

    async def load(self) -> None:
        """Read what is stored."""
        documents = [await self._catalog.get(SHELF, key) for key in await self._catalog.keys(SHELF)]
        tokens = [msgspec.convert(document, Token) for document in documents if document is not None]
        self._by_digest = {token.digest: token for token in tokens}

    async def create(
        self,
        *,
        name: str,
        role: Role,
        by: str,
        lifetime: timedelta | None = None,
        workers: tuple[str, ...] | None = None,
        commands: tuple[str, ...] | None = None,
    ) -> tuple[Token, str]:
        """Return a new token and what it spells, once it is durable. Raises `Invalid`."""
        now = self._clock.now()
        if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
            raise Invalid(f"a token's name is 1 to {MOST_NAME} characters without control characters", field="name")
        if role is not Role.OPERATOR and not (workers is None and commands is None):
            raise Invalid("only an operator's token can be bound to workers or commands", field="role")
        spelled = PREFIX + self._randomness(SPELLED_BYTES)
        digest = _digest(spelled)
        token = Token(
            id=digest[:ID_DIGITS],
            name=name,
            role=role,
            digest=digest,
            created_at=now,
            created_by=by,
            expires_at=None if lifetime is None else now + lifetime,
            workers=workers,
            commands=commands,
        )
        await self._save(token)
        self._by_digest[token.digest] = token
        return token, spelled

    async def revoke(self, token_id: str) -> None:
        """Let a token be no good from now on. Raises `NotFound`, or `Unavailable` when it would be good again after a restart."""
        for token in [token for token in self._by_digest.values() if token.id == token_id]:
            del self._by_digest[token.digest]
        if not await self._catalog.drop(SHELF, token_id):
            raise NotFound("token not found", code="token_not_found")

    def find(self, spelled: str) -> Token | None:
        """Return the token that is spelled so and good now, and take note of its use."""
        token = self._by_digest.get(_digest(spelled))
        now = self._clock.now()
        if token is None or _is_over(token, now):
            return None
        if token.used_at is None or now - token.used_at >= COARSE:
            token = self._by_digest[token.digest] = replace(token, used_at=now)
            self._unsaved.add(token.digest)
        return token

    def holds(self, token: Token) -> bool:
        """Say whether a token is still good."""
        return token.digest in self._by_digest and not _is_over(token, self._clock.now())

    async def run(self) -> None:
        """Store last uses, for ever; a round that fails is logged and the next one tries again."""
        while True:
            await self._clock.sleep(COARSE)
            try:
                await self.run_once()
            except TriptychError as fault:
                log.warning("last uses of tokens not stored", reason=fault.message)

    async def run_once(self) -> None:
        """Store the last uses that are not stored yet."""
        for digest in list(self._unsaved):
            token = self._by_digest.get(digest)
            if token is not None:
                await self._save(token)
                if token.digest not in self._by_digest:
                    await self._catalog.drop(SHELF, token.id)
            self._unsaved.discard(digest)

    async def _save(self, token: Token) -> None:
        await self._catalog.put(SHELF, token.id, msgspec.to_builtins(token))


def _digest(spelled: str) -> str:
    return hashlib.sha256(spelled.encode(errors="replace")).hexdigest()


def _is_over(token: Token, now: datetime) -> bool:
    return token.expires_at is not None and token.expires_at <= now
