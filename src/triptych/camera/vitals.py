"""Whether a head answers: for how long it has not, and what follows from that (camera 11, "head stuck or not answering"). Pure."""

from datetime import timedelta

from triptych.errors import TriptychError

WARNING = timedelta(seconds=1)
FAILURE = timedelta(seconds=5)


class Vitals:
    """The health of one head; `missing` says why there is none at all."""

    def __init__(self, missing: TriptychError | None = None) -> None:
        self.warning = self.failure = missing
        self._missing = missing
        self._since: timedelta | None = None

    def note(self, now: timedelta, fault: TriptychError | None) -> None:
        """Take what the head says of itself at `now`: `warning` is set once it has not answered for 1 s, `failure` after 5 s."""
        if self._missing is not None:
            return
        if fault is None:
            self.warning = self.failure = self._since = None
            return
        self._since = now if self._since is None else self._since
        self.warning = fault if now - self._since >= WARNING else None
        self.failure = fault if now - self._since >= FAILURE else None
