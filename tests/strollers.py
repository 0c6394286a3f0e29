"""A source in which two real persons stroll through one another's way: a portrait and a still of a film, moved over a backdrop."""

import time
from datetime import timedelta

import msgspec

from media.scenes import backdrop, hopper
from portraits import man
from triptych.contracts import Frame
from triptych.media.sources import SourceEntry
from triptych.media.sources.scene import Pace

WIDE, HIGH = 1280, 720
WOMAN, MAN = hopper()[70:470, 90:420], man()[20:420, 110:440]
HALF = 165
FACE_X = {"woman": 170, "man": 160}


class StrollOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long after the start they cross, in seconds; None and they stay where they are."""

    cross_s: float | None = None


class Stroll:
    """They come from either side; where they cross she is in front of him."""

    size, fps, has_sound = (WIDE, HIGH), 30.0, False

    def __init__(self, options, clock):
        self._options, self._pace, self._began = options, Pace(clock, time.sleep), clock.monotonic()

    def places(self, age_s):
        """Return the middle of her and of his picture, in pixels from the left."""
        cross_s = self._options.cross_s
        way = -1.0 if cross_s is None else max(-1.0, min(1.0, (age_s - cross_s) / 2))
        return 640 - way * 320, 640 + way * 320

    def at(self, captured):
        """Return where they were in a frame."""
        return self.places((captured - self._began) / timedelta(seconds=1))

    def read(self):
        number, captured, _ = self._pace.next()
        picture = backdrop(WIDE, HIGH)
        for x, person in zip(reversed(self.at(captured)), (MAN, WOMAN), strict=True):
            picture[160:560, round(x) - HALF : round(x) + HALF] = person
        return Frame(number=number, captured=captured, image=picture)

    def listen(self):
        return ()

    def close(self):
        pass


ENTRY = SourceEntry(options=StrollOptions, open="strollers:Stroll")
