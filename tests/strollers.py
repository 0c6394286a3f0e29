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
ROOM = backdrop(WIDE, HIGH)
WOMAN, MAN = hopper()[70:470, 90:420], man()[20:420, 110:440]
HALF = 165


class StrollOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing is to be set."""


class Stroll:
    """They stand on either side until they are sent across; where they meet she is in front of him."""

    size, fps, has_sound = (WIDE, HIGH), 30.0, False

    def __init__(self, options, clock):
        self._pace, self._clock, self._sent = Pace(clock, time.sleep), clock, None

    def cross(self):
        """Send each to the other's side, which takes 3 s."""
        self._sent = self._clock.monotonic()

    def at(self, captured):
        """Return the middle of her and of his picture in a frame, in pixels from the left."""
        age = 0.0 if self._sent is None else (captured - self._sent) / timedelta(seconds=3)
        way = max(-1.0, min(1.0, 2 * age - 1))
        return 640 - way * 320, 640 + way * 320

    def read(self):
        number, captured, _ = self._pace.next()
        picture = ROOM.copy()
        for x, person in zip(reversed(self.at(captured)), (MAN, WOMAN), strict=True):
            picture[160:560, round(x) - HALF : round(x) + HALF] = person
        return Frame(number=number, captured=captured, image=picture)

    def listen(self):
        return ()

    def close(self):
        pass


ENTRY = SourceEntry(options=StrollOptions, open="strollers:Stroll")
