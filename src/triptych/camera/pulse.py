"""Whether control is quick enough to turn a head safely (camera 11, CPU starved). Pure."""

from collections import deque
from datetime import timedelta

LEAST_HZ = 10.0


class Pulse:
    """The rate of control over the last six commands; a head is only moved while it is 10 Hz or more."""

    def __init__(self) -> None:
        self._beats: deque[timedelta] = deque(maxlen=_BEATS)

    def beat(self, now: timedelta) -> bool:
        """Take note of a command; return whether it may move the head."""
        self._beats.append(now)
        return self.steady

    @property
    def steady(self) -> bool:
        """Whether commands come at 10 Hz or more; also while there are too few to tell."""
        span_s = (self._beats[-1] - self._beats[0]).total_seconds() if self._beats else 0.0
        return len(self._beats) < _BEATS or span_s <= (_BEATS - 1) / LEAST_HZ

    def forget(self) -> None:
        """Begin anew: there was nothing to command for a while."""
        self._beats.clear()


_BEATS = 6
