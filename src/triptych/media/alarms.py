"""When a feature's severity becomes an alarm: one episode from its true first moment to the last, debounced (media 3.4, A1). Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from triptych.media.options import AlarmSettings

GAP = Fraction(1)
"""Seconds below the level that do not end a trip, and after which an episode is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A stretch [start, end) in seconds over which an alarm stands, with the greatest severity in it; `is_open` until it is over."""

    start: Fraction
    end: Fraction
    severity: float
    is_open: bool


class Episodes:
    """Judges the severities of one feature; `opened` is told of an episode once it has held long enough, `closed` once it is over."""

    def __init__(self, settings: AlarmSettings, opened: Callable[[Episode], None], closed: Callable[[Episode], None]) -> None:
        self._level = settings.sensitivity
        self._hold = Fraction(str(settings.secsInAlarmDuration))
        self._opened = opened
        self._closed = closed
        self._since: Fraction | None = None
        self._until = Fraction(0)
        self._severity = 0.0
        self._is_open = False

    def judge(self, start: Fraction, end: Fraction, severity: float) -> None:
        """Take the severity that holds over [start, end) seconds; in order of time."""
        if self._since is not None and start - self._until > GAP:
            self.finish()
        if severity > 0 and severity >= self._level:
            self._trip(start, end, severity)
        elif self._since is not None and end - self._until > GAP:
            self.finish()

    def finish(self) -> None:
        """Close what is open: nothing follows, or it has been quiet for long enough."""
        if self._is_open and self._since is not None:
            self._is_open = False
            self._closed(self._episode(self._since))
        self._since = None
        self._severity = 0.0

    def _trip(self, start: Fraction, end: Fraction, severity: float) -> None:
        since = self._since = start if self._since is None else self._since
        self._until = end
        self._severity = max(self._severity, severity)
        if not self._is_open and end - since >= self._hold:
            self._is_open = True
            self._opened(self._episode(since))

    def _episode(self, since: Fraction) -> Episode:
        return Episode(start=since, end=self._until, severity=self._severity, is_open=self._is_open)
