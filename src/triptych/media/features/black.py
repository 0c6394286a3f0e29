"""IN_BLACK: stretches of black pictures without sound (media 4.2)."""

from fractions import Fraction

from triptych.media.feature import Feature
from triptych.media.measured import Seen
from triptych.media.options import InBlackOptions
from triptych.media.sight import Sight
from triptych.media.spans import bounds

DEFAULT_VALUE = 0.001
LEAST_CODES = 2


class InBlack(Feature):
    """Reports runs of at least `delay` in which at least `coverage` of the luma is at or below the level and no channel is active."""

    def __init__(self, options: InBlackOptions) -> None:
        super().__init__(options)
        self._options = options
        self._delay = Fraction(str(options.delay))
        self._since: Fraction | None = None

    def look(self, sight: Sight) -> float:
        """Return the share of luma at or below the level."""
        picture = sight.picture
        return picture.share_below(level(self._options, picture.black, picture.white))

    def frame(self, seen: Seen, look: float) -> None:
        """Open, keep or close a run."""
        is_black = look >= self._options.coverage and seen.silent
        self.judge(seen.start, seen.end, float(is_black))
        if is_black:
            self._since = seen.start if self._since is None else self._since
        else:
            self.rest(seen.start)

    def rest(self, at: Fraction) -> None:
        """Close the run and keep it if it is long enough."""
        if self._since is not None and at - self._since >= self._delay:
            self.found(bounds(self._since, at))
        self._since = None


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
