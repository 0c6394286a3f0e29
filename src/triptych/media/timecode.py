"""Timecodes of pictures: as numbers, and whether they go on as they should (SMPTE ST 12-1). Pure."""

import re
from fractions import Fraction

FORM = re.compile(r"^(\d\d):(\d\d):(\d\d)([:;.])(\d\d)$")
HOURS = 24
FASTEST_COUNTED = 30
"""Above this rate every two pictures share a number."""


def number(text: str, rate: Fraction) -> int | None:
    """Return how many pictures after midnight a timecode is, by the whole rate that is next to `rate`; None where it is none."""
    found = FORM.match(text)
    if found is None:
        return None
    hours, minutes, seconds, frames = (int(found[place]) for place in (1, 2, 3, 5))
    base = counted(rate)
    whole = ((hours * 60 + minutes) * 60 + seconds) * base + frames
    if found[4] == ":":
        return whole
    dropped, passed = base // 15, hours * 60 + minutes
    return whole - dropped * (passed - passed // 10)


def counted(rate: Fraction) -> int:
    """Return how many numbers a second holds."""
    return max(1, round(rate / 2 if rate > FASTEST_COUNTED else rate))


class Continuity:
    """Says of each timecode whether it follows from the one before; one that never changes is taken for none."""

    def __init__(self, rate: Fraction) -> None:
        self._rate = rate
        self._last: tuple[int, int] | None = None

    def take(self, text: str, picture: int) -> str | None:
        """Take the timecode of picture number `picture`, in order; return the one that was expected if it is another."""
        told = number(text, self._rate)
        if told is None:
            return None
        last, self._last = self._last, (told, picture)
        if last is None or last[0] == told:
            return None
        is_fast = self._rate > FASTEST_COUNTED
        pictures = picture - last[1]
        day = HOURS * 3600 * counted(self._rate)
        off = (told - last[0] - (pictures // 2 if is_fast else pictures)) % day
        if min(off, day - off) <= is_fast:
            return None
        return written(last[0] + (pictures // 2 if is_fast else pictures), self._rate, drop=text[8] in ";.")


def written(pictures: int, rate: Fraction, *, drop: bool) -> str:
    """Return the timecode of a picture, by its number after midnight."""
    base = counted(rate)
    if drop:
        tens, rest = divmod(pictures, 600 * base - 9 * (base // 15))
        dropped = base // 15
        pictures += 9 * dropped * tens + (dropped * ((rest - dropped) // (60 * base - dropped)) if rest >= dropped else 0)
    seconds, frames = divmod(pictures, base)
    return f"{seconds // 3600 % HOURS:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{';' if drop else ':'}{frames:02}"
