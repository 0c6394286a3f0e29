"""Visits of browsers: who signed in with a token, known by a cookie until the token ends, the person signs out or the server restarts."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from triptych.tokens import Token

SECRET_BYTES = 32
MOST_VISITS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One browser that signed in. `page_token` is in its pages and in no cookie: whatever changes something must bring it (camera S4)."""

    token: Token
    page_token: str


class Visits:
    """Every visit, in memory alone; the oldest goes when there are too many. What a cookie holds is kept as its digest."""

    def __init__(self, randomness: Callable[[int], str] = secrets.token_urlsafe) -> None:
        self._randomness = randomness
        self._visits: dict[str, Visit] = {}

    def begin(self, token: Token) -> str:
        """Begin a visit; return what its cookie is to hold."""
        if len(self._visits) >= MOST_VISITS:
            del self._visits[next(iter(self._visits))]
        secret = self._randomness(SECRET_BYTES)
        self._visits[_digest(secret)] = Visit(token=token, page_token=self._randomness(SECRET_BYTES))
        return secret

    def find(self, secret: str) -> Visit | None:
        """Return the visit of a cookie; whether its token is still good is another question."""
        return self._visits.get(_digest(secret))

    def end(self, secret: str) -> None:
        """End a visit."""
        self._visits.pop(_digest(secret), None)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
