"""Refuses whoever guesses credentials: ten failures a minute from one address lock it out for a minute (camera 2.7)."""

from collections import OrderedDict, deque
from collections.abc import Callable

MOST_FAILURES = 10
WITHIN_S = 60.0
LOCKED_S = 60.0
MOST_ADDRESSES = 10_000


class Lockout:
    """The failures of each address of late; `now_s` is a clock that is never set back."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._until_s: dict[str, float] = {}

    def holds(self, address: str) -> bool:
        """Say whether nobody at this address is to be heard now."""
        until_s = self._until_s.get(address)
        if until_s is not None and until_s <= self._now_s():
            del self._until_s[address]
            return False
        return until_s is not None

    def note(self, address: str) -> None:
        """Take note of a credential that was wrong."""
        now_s = self._now_s()
        failures = self._failures.setdefault(address, deque(maxlen=MOST_FAILURES))
        self._failures.move_to_end(address)
        failures.append(now_s)
        if len(failures) == MOST_FAILURES and now_s - failures[0] <= WITHIN_S:
            self._until_s[address] = now_s + LOCKED_S
            failures.clear()
        while len(self._failures) > MOST_ADDRESSES:
            forgotten, _ = self._failures.popitem(last=False)
            self._until_s.pop(forgotten, None)
