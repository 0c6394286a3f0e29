"""IN_BLACK: stretches of black pictures without sound (media 4.2)."""

from fractions import Fraction

from triptych.media.features import InBlackOptions
from triptych.media.measured import Bass, Cell, Seen
from triptych.media.picture import Picture
from triptych.media.spans import Item, Span, bounds

DEFAULT_VALUE = 0.001
LEAST_CODES = 2


class InBlack:
    """Reports runs of at least `delay` in which at least `coverage` of the luma is at or below the level and no channel is active."""

    def __init__(self, options: InBlackOptions) -> None:
        self._options = options
        self._delay = Fraction(str(options.delay))
        self._since: Fraction | None = None
        self._spans: list[Span] = []

    def look(self, picture: Picture) -> float:
        """Return the share of luma at or below the level."""
        return picture.share_below(level(self._options, picture.black, picture.white))

    def frame(self, seen: Seen) -> None:
        """Open, keep or close a run."""
        if seen.look >= self._options.coverage and seen.silent:
            self._since = seen.start if self._since is None else self._since
        else:
            self.rest(seen.start)

    def cell(self, cell: Cell) -> None:
        """Do nothing: the pictures carry whether they are silent."""

    def bass(self, block: Bass) -> None:
        """Do nothing."""

    def rest(self, at: Fraction) -> None:
        """Close the run and keep it if it is long enough."""
        if self._since is not None and at - self._since >= self._delay:
            self._spans.append(Span(self._since, at))
        self._since = None

    def items(self) -> list[Item]:
        """Return the runs in order."""
        return [bounds(span.start, span.end) for span in self._spans]


def level(options: InBlackOptions, black: int, white: int) -> float:
    """Return the 8-bit code at or below which luma counts as black, in a picture whose range is `black` to `white`."""
    value = options.black_value
    if value is None:
        if options.blackValue is not None:
            return options.blackValue
        value = DEFAULT_VALUE
    if value > 1:
        return value
    return black + max(LEAST_CODES, value * (white - black))
