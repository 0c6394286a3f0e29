"""Time on a media file: exact offsets, the segments asked for, and spans that tile."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

Item = dict[str, object]
"""One entry of an annotation array, ready for JSON."""


def microseconds(offset: Fraction) -> int:
    """Return `offset` (seconds) in whole microseconds, cut towards the past (media G4)."""
    return offset.numerator * 1_000_000 // offset.denominator


def offset_text(offset: Fraction) -> str:
    """Return `offset` (seconds, 0 or more) as `<seconds>.<6 digits>s`, cut, not rounded (media G4)."""
    seconds, rest = divmod(microseconds(offset), 1_000_000)
    return f"{seconds}.{rest:06d}s"


def bounds(start: Fraction, end: Fraction) -> Item:
    """Return the two keys that every span carries."""
    return {"startTimeOffset": offset_text(start), "endTimeOffset": offset_text(end)}


def starting(item: Item) -> Fraction:
    """Return when a span begins, in seconds, to sort by: spans of one array may end in another order than they began."""
    return Fraction(str(item["startTimeOffset"]).removesuffix("s"))


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch [start, end) of the file, in seconds from offset 0, with what holds there."""

    start: Fraction
    end: Fraction
    label: str = ""


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return `spans` with neighbours that touch and hold the same made one."""
    whole: list[Span] = []
    for span in spans:
        if whole and whole[-1].end == span.start and whole[-1].label == span.label:
            whole[-1] = Span(whole[-1].start, span.end, span.label)
        else:
            whole.append(span)
    return whole


class Segments:
    """The union of the segments asked for, both ends inclusive, in microseconds; none asked for is the whole file (media 2.3)."""

    def __init__(self, asked: Sequence[tuple[int, int]]) -> None:
        self._parts = _union(asked)

    @property
    def last_us(self) -> int | None:
        """The end of the last segment in microseconds; None when the file's end is the end."""
        return self._parts[-1][1] if self._parts else None

    def part(self, offset: Fraction) -> int | None:
        """Return the number of the part that holds a frame shown at `offset`, or None.

        The comparison is in cut microseconds, so an offset that was printed by us selects the frame it was printed for.
        """
        at_us = microseconds(offset)
        if not self._parts:
            return 0
        return next((number for number, (start, end) in enumerate(self._parts) if start <= at_us <= end), None)

    def overlaps(self, start: Fraction, end: Fraction) -> bool:
        """Say whether something of [start, end], in seconds, is asked for."""
        first_us, last_us = microseconds(start), microseconds(end)
        return not self._parts or any(begin <= last_us and first_us <= until for begin, until in self._parts)

    def whole(self, duration: Fraction) -> tuple[Fraction, Fraction] | None:
        """Return least start and greatest end, clipped to `duration` seconds; None when all of it lies beyond."""
        if not self._parts:
            return Fraction(0), duration
        start, end = Fraction(self._parts[0][0], 1_000_000), Fraction(self._parts[-1][1], 1_000_000)
        return (start, min(end, duration)) if start < duration else None


def _union(asked: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    parts: list[tuple[int, int]] = []
    for start, end in sorted(asked):
        if parts and start <= parts[-1][1]:
            parts[-1] = (parts[-1][0], max(parts[-1][1], end))
        else:
            parts.append((start, end))
    return parts
