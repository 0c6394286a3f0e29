"""PSE: flashes and stripes that may trigger photosensitive seizures; advice, never a certificate (media 4.3, after BT.1702-3)."""

from collections.abc import Iterable
from fractions import Fraction

from triptych.media.display import Display
from triptych.media.feature import Feature
from triptych.media.flashes import AREA, STEP, Change, Flashes, Stretch, Swings
from triptych.media.measured import Indexed, Seen
from triptych.media.options import PseOptions
from triptych.media.spans import Item, bounds
from triptych.media.stripes import Cells, Marks, striped_share

BRIGHT = 160.0
LEAST_PATTERN = Fraction(1, 2)
PATTERN = "pattern"
LONGEST_PICTURE = Fraction(1, 10)
"""A change is over after so long, however long its picture stands: a slideshow does not flash."""


class Pse(Feature):
    """Reports stretches of too many flashes, of luminance or of saturated red, and of stripes."""

    def __init__(self, options: PseOptions) -> None:
        super().__init__(options)
        self._display = Display()
        self._reset()

    def _reset(self) -> None:
        self._light = Flicker(is_red=False)
        self._red = Flicker(is_red=True)
        self._stripes: Stretch | None = None

    def begin(self, index: Indexed) -> None:
        """Take how codes become light."""
        self._display = Display.of(index.video)

    def frame(self, seen: Seen, look: object = None) -> None:  # noqa: ARG002 - it subscribes to none
        """Take the next picture."""
        if seen.thumb is None:
            return
        luminance = self._display.luminance(seen.thumb[0])
        self._tell(self._light.take(seen, luminance, luminance < BRIGHT))
        self._tell(self._red.take(seen, *self._display.redness(seen.thumb)))
        self._look_for_stripes(seen, striped_share(luminance, STEP, BRIGHT, AREA))
        self.judge(seen.start, seen.end, max(self._light.severity(seen.end), self._red.severity(seen.end)))

    def rest(self, at: Fraction) -> None:
        """Close what is open."""
        self._tell([*self._light.finish(), *self._red.finish()])
        self._end_stripes(at)
        self._reset()

    def items(self) -> list[Item]:
        """Return all in order of their start; kinds may overlap."""
        return sorted(self._items, key=lambda item: float(str(item["startTimeOffset"]).removesuffix("s")))

    def _look_for_stripes(self, seen: Seen, share: float) -> None:
        if share <= AREA:
            self._end_stripes(seen.start)
        elif self._stripes is None:
            self._stripes = Stretch(kind=PATTERN, start=seen.start, end=seen.end, rate=0.0, area=share)
        else:
            self._stripes.area = max(self._stripes.area, share)

    def _end_stripes(self, at: Fraction) -> None:
        stripes, self._stripes = self._stripes, None
        if stripes is not None and at - stripes.start >= LEAST_PATTERN:
            stripes.end = at
            self._tell([item_of(stripes, is_red=False)])

    def _tell(self, items: Iterable[Item]) -> None:
        for item in items:
            self.found(item)


class Flicker:
    """The flashes of luminance, or those of saturated red."""

    def __init__(self, *, is_red: bool) -> None:
        self._is_red = is_red
        self._swings = Swings(marks_high=is_red)
        self._flashes = Flashes()

    def take(self, seen: Seen, values: Cells, marks: Marks) -> list[Item]:
        """Take the next picture and return what has ended."""
        ended = self._flashes.settle(seen.start)
        if area := self._swings.take(values, marks):
            ended += self._flashes.add(Change(seen.start, min(seen.end, seen.start + LONGEST_PICTURE), area))
        return [item_of(stretch, is_red=self._is_red) for stretch in ended]

    def finish(self) -> list[Item]:
        """Return what is open."""
        return [item_of(stretch, is_red=self._is_red) for stretch in self._flashes.finish()]

    def severity(self, end: Fraction) -> float:
        """Return how bad it is in the picture that ends at `end`."""
        return self._flashes.severity(end)


def item_of(stretch: Stretch, *, is_red: bool) -> Item:
    """Return a stretch for the annotation array."""
    measures = {"rate": round(stretch.rate, 2), "area": round(stretch.area, 3)}
    return {"kind": stretch.kind, **measures, "red": is_red, **bounds(stretch.start, stretch.end)}
