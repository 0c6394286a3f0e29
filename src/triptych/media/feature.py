"""What a feature is: the seam between the one decode and everything that is measured on it."""

from fractions import Fraction
from typing import Protocol

from triptych.media.measured import Bass, Cell, Seen
from triptych.media.picture import Picture
from triptych.media.spans import Item


class Feature(Protocol):
    """One thing to measure. `look` runs in the decoder's process and keeps nothing; the rest runs in Reduce, in order of time."""

    def look(self, picture: Picture) -> float:
        """Return this feature's own number for one picture; asked only of those with `Need.LOOK`."""
        ...

    def frame(self, seen: Seen) -> None:
        """Take the next picture."""
        ...

    def cell(self, cell: Cell) -> None:
        """Take the next cell of sound."""
        ...

    def bass(self, block: Bass) -> None:
        """Take the next block of low-frequency energy; only with six channels or more, and before the cells that it overlaps end."""
        ...

    def rest(self, at: Fraction) -> None:
        """Close what is open at `at` seconds: a gap between segments follows, or the end."""
        ...

    def items(self) -> list[Item]:
        """Return the whole annotation array; called once, after the last rest."""
        ...
