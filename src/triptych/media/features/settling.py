"""Settles the layouts that AUDIO_FORMAT reads from window to window into those that it tells, as soon as they are certain (media 4.2)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from triptych.media.spans import Span

HOLD = Fraction(1, 2)
MEMORY = Fraction(10)


@dataclass(frozen=True, slots=True)
class Reading:
    """The layout of one window.

    `five_one` is the channel (from 1) at which 5.1 is seen, or 0; `if_at_1` and `if_at_3` name the layout that it would be if 5.1 were
    known to lie there, None where the table has none.
    """

    label: str
    five_one: int = 0
    if_at_1: str | None = None
    if_at_3: str | None = None

    def remembered(self, place: int) -> str | None:
        """Return the label if 5.1 is known to lie at channel `place`."""
        return self.if_at_1 if place == 1 else self.if_at_3


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch [start, end) in seconds that reads alike."""

    start: Fraction
    end: Fraction
    reading: Reading

    def as_span(self, place: int = 0) -> Span:
        """Return what it is told as, or would be if 5.1 were known to lie at channel `place`."""
        reading = self.reading
        return Span(self.start, self.end, (place and reading.remembered(place)) or reading.label)


class Memory:
    """Fills dips of 5.1: at most 10 s long, 5.1 at the same place before and after, and nothing that speaks against it within."""

    def __init__(self) -> None:
        self._place = 0
        self._since = Fraction(0)
        self._dip: list[Run] = []

    def take(self, run: Run) -> Iterator[Span]:
        """Take the next run, which touches the one before, and yield what has become certain."""
        place = run.reading.five_one
        if place:
            yield from self._leave(place if place == self._place else 0)
            self._place, self._since = place, run.end
            yield run.as_span()
        elif self._place and run.end - self._since <= MEMORY and run.reading.remembered(self._place) is not None:
            self._dip.append(run)
        else:
            yield from self.finish()
            yield run.as_span()

    def finish(self) -> Iterator[Span]:
        """Yield what waited for 5.1, which has not come back, and forget it."""
        self._place = 0
        yield from self._leave(0)

    def _leave(self, place: int) -> Iterator[Span]:
        dip, self._dip = self._dip, []
        yield from (run.as_span(place) for run in dip)


class Hold:
    """Takes back every change of label that does not hold 0.5 s."""

    def __init__(self) -> None:
        self._label = ""
        self._waiting: Span | None = None

    def take(self, span: Span) -> Iterator[Span]:
        """Take the next span, which touches the one before, and yield what has become certain."""
        self._label = self._label or span.label
        if span.label == self._label:
            yield from self.finish()
            yield span
            return
        if self._waiting is not None and self._waiting.label == span.label:
            span = replace(span, start=self._waiting.start)
        else:
            yield from self.finish()
        self._waiting = span
        if span.end - span.start >= HOLD:
            self._label = span.label
            yield from self.finish()

    def finish(self) -> Iterator[Span]:
        """Yield what waited, which nothing more belongs to."""
        if self._waiting is not None:
            yield replace(self._waiting, label=self._label)
        self._waiting = None


class Settling:
    """Both, one after the other, over one stretch of sound."""

    def __init__(self) -> None:
        self._memory = Memory()
        self._hold = Hold()

    def take(self, run: Run) -> Iterator[Span]:
        """Take the next run, which touches the one before, and yield what has become certain."""
        yield from self._held(self._memory.take(run))

    def finish(self) -> Iterator[Span]:
        """Yield all that waited."""
        yield from self._held(self._memory.finish())
        yield from self._hold.finish()

    def _held(self, spans: Iterable[Span]) -> Iterator[Span]:
        for span in spans:
            yield from self._hold.take(span)
