"""What workers reported and the server has safely: acknowledged so that it need not be kept twice (workers O5)."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from collections.abc import Set as AbstractSet
from itertools import islice

from triptych.messages import Key

Sync = Callable[[], Awaitable[AbstractSet[Key]]]
"""Makes output durable and returns the attempts of which something is not."""


MOST_AT_ONCE = 5_000
"""What fits in one message of any bus."""


class Receipts:
    """By worker, the number of the last report of each attempt that is committed, and of those the ones that are on disk too."""

    def __init__(self) -> None:
        self._committed: defaultdict[str, dict[Key, int]] = defaultdict(dict)
        self._safe: defaultdict[str, dict[Key, int]] = defaultdict(dict)

    def note(self, worker_id: str, key: Key, seq: int) -> None:
        """Note a report whose changes are committed."""
        _raise(self._committed[worker_id], key, seq)

    @property
    def owes(self) -> bool:
        """Whether something is committed that may not be on disk yet."""
        return bool(self._committed)

    async def settle(self, sync: Sync) -> None:
        """Put on disk what is committed."""
        committed, self._committed = self._committed, defaultdict(dict)
        try:
            failed = await sync()
        except BaseException:
            self._put_back(self._committed, committed)
            raise
        for worker_id, seqs in committed.items():
            for key, seq in seqs.items():
                _raise((self._committed if key in failed else self._safe)[worker_id], key, seq)

    def take(self, worker_id: str, most: int = MOST_AT_ONCE) -> dict[Key, int]:
        """Return at most so much of what may be acknowledged to a worker, once."""
        safe = self._safe.pop(worker_id, {})
        if len(safe) > most:
            self._safe[worker_id] = dict(islice(safe.items(), most, None))
        return dict(islice(safe.items(), most))

    def put_back(self, worker_id: str, seqs: dict[Key, int]) -> None:
        """Keep what could not be told to a worker for another time."""
        self._put_back(self._safe, {worker_id: seqs})

    def drop(self, worker_ids: Iterable[str]) -> None:
        """Forget what nobody is there to be told."""
        for worker_id in worker_ids:
            self._committed.pop(worker_id, None)
            self._safe.pop(worker_id, None)

    def _put_back(self, where: defaultdict[str, dict[Key, int]], what: dict[str, dict[Key, int]]) -> None:
        for worker_id, seqs in what.items():
            for key, seq in seqs.items():
                _raise(where[worker_id], key, seq)


def _raise(seqs: dict[Key, int], key: Key, seq: int) -> None:
    seqs[key] = max(seqs.get(key, 0), seq)
