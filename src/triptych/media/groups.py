"""The timecodes that MPEG-2 writes into the head of each group of pictures (ISO/IEC 13818-2, 6.2.2.6)."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from triptych.media.timecode import Continuity

CODECS = frozenset({"mpeg1video", "mpeg2video"})
GROUP_START = b"\0\0\1\xb8"
PICTURE_START = b"\0\0\1\0"
HEAD_BYTES = 1024
MOST_BREAKS = 100

Group = tuple[int, int, str]
"""When its key picture is shown, in ticks; how many pictures of it are shown before that one; the timecode of its first picture."""
Break = tuple[int, str, str]
"""When a group is shown whose timecode does not follow, in ticks; the timecode expected and the one found."""


def group_of(pts: int, data: bytes) -> Group | None:
    """Return the group that begins in a packet shown at `pts`, None where none does."""
    at = data.find(GROUP_START)
    picture = data.find(PICTURE_START, at)
    if at < 0 or picture < 0 or len(data) < max(at + 8, picture + 6):
        return None
    bits = int.from_bytes(data[at + 4 : at + 8], "big") >> 7
    hours, minutes, seconds, frames = bits >> 19 & 31, bits >> 13 & 63, bits >> 6 & 63, bits & 63
    before = int.from_bytes(data[picture + 4 : picture + 6], "big") >> 6
    return pts, before, f"{hours:02}:{minutes:02}:{seconds:02}{';' if bits >> 24 else ':'}{frames:02}"


def breaks(groups: Sequence[Group], starts: Sequence[int], rate: Fraction) -> list[Break]:
    """Return where the timecodes of groups do not go on; `starts` are the ticks of all pictures, sorted."""
    continuity = Continuity(rate)
    times = np.asarray(starts)
    found: list[Break] = []
    for pts, before, text in groups:
        first = int(np.searchsorted(times, pts)) - before
        expected = continuity.take(text, first)
        if expected is not None and len(found) < MOST_BREAKS:
            found.append((int(times[max(first, 0)]), expected, text))
    return found
