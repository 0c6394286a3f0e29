"""How a tree is brought to its end: politely, then by force, in steps between which its owner reaps (workers K1)."""

import time
from collections.abc import Iterator

from triptych.contracts import Tree

_SPREAD_S = 1.0
_MAX_PAUSE_S = 0.05


def boot_s() -> float:
    """Return the seconds since boot, suspended time included (workers K7)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Ending:
    """The end of `tree` under way: asked to end and given `grace_s`, or with no grace at all if `grace_s` is None.

    `force_s` is when force begins, in seconds after boot.
    """

    def __init__(self, tree: Tree, grace_s: float | None) -> None:
        self.force_s = boot_s() + (grace_s or 0.0)
        self._tree = tree
        self._steps = self._plan(grace_s)

    def step(self) -> float:
        """Do what is due and return the seconds until the next step. It never ends by itself: its owner sees when no child is left."""
        return next(self._steps)

    def _plan(self, grace_s: float | None) -> Iterator[float]:
        if grace_s is not None:
            yield from self._ask(boot_s())
            while (left_s := self.force_s - boot_s()) > 0:
                yield left_s
        pause_s = 0.0
        while True:
            pause_s = 0.0 if self._tree.kill() else min(_MAX_PAUSE_S, pause_s + 0.001)
            yield pause_s

    def _ask(self, begin: float) -> Iterator[float]:
        while self._tree.terminate():
            yield 0.0
            if boot_s() > begin + _SPREAD_S:
                break
