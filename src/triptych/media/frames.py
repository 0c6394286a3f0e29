"""When frames were shown, and which was the last one before a given end (media V5)."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from triptych.media.spans import Item, Segments, microseconds

END = "endTimeOffset"


class Frames:
    """The presentation times of the frames that were shown, in order, 8 bytes each."""

    def __init__(self) -> None:
        self._starts_us: array[int] = array("q")

    def __len__(self) -> int:
        return len(self._starts_us)

    def show(self, start: Fraction) -> None:
        """Take the start of the next frame in seconds; one that is not later than the last is the same frame again."""
        start_us = microseconds(start)
        if not self._starts_us or start_us > self._starts_us[-1]:
            self._starts_us.append(start_us)

    def told(self, annotations: object) -> Item:
        """Return the last frame of all, and by each end in `annotations` the last frame before it; none where no frame was shown."""
        last = [_text(start_us) for start_us in self._starts_us[-1:]]
        return {"last": last[0] if last else None, "before": {end: at for end in ends(annotations) if (at := self._before(end))}}

    def _before(self, end: str) -> str | None:
        place = bisect_left(self._starts_us, _microseconds(end))
        return _text(self._starts_us[place - 1]) if place else None


def shown_or_indexed(shown: Frames, offsets: Iterable[Fraction], segments: Segments) -> Frames:
    """Return the frames that were shown, or, of a job that only listened, those of the index that its segments hold."""
    if len(shown):
        return shown
    indexed = Frames()
    for start in offsets:
        if segments.part(start) is not None:
            indexed.show(start)
    return indexed


def ends(told: object) -> Iterator[str]:
    """Yield every end in an annotation array or any part of one."""
    if isinstance(told, Mapping):
        for key, value in told.items():
            if key == END and isinstance(value, str):
                yield value
            else:
                yield from ends(value)
    elif isinstance(told, list | tuple):
        for part in told:
            yield from ends(part)


def _microseconds(offset: str) -> int:
    return int(offset.removesuffix("s").replace(".", ""))


def _text(at_us: int) -> str:
    return f"{at_us // 1_000_000}.{at_us % 1_000_000:06d}s"
