"""How long an alarm clip goes on: from 5 s before its alarm until 5 s after the visitor was last seen, and 60 s at most (camera 4)."""

from dataclasses import dataclass
from datetime import timedelta

from triptych.camera.recorder import Recorder

BEFORE = timedelta(seconds=5)
AFTER = timedelta(seconds=5)
MOST = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarmed:
    """Where an alarm can be seen: the file, the place of the alarm in it in seconds, and whether the file was begun for it."""

    id: str
    offset_s: float
    is_own: bool


@dataclass(slots=True, kw_only=True)
class Clip:
    """A clip that is being written; `first` is the moment of its first frame, `seen` that of the last sight of the visitor."""

    recorder: Recorder
    first: timedelta
    seen: timedelta

    def is_full(self, moment: timedelta) -> bool:
        """Tell whether a frame of `moment` belongs into the next clip."""
        return moment - self.first >= MOST

    def is_over(self, moment: timedelta) -> bool:
        """Tell whether the visitor has been gone for long enough."""
        return moment - self.seen > AFTER
