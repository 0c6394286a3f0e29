"""Who is a visitor of a watched room, and since when: one alarm a visit (camera 4, secure). Pure; every moment is an argument."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from triptych.camera.track import Track

FIRST = timedelta(seconds=1)
"""How long the sharpest face is looked for before the alarm is raised."""
OVER = timedelta(seconds=5)
"""How long after the last sight a visit is over."""
SAME_PERSON = timedelta(seconds=30)
_NEAR_DEG = 12.0


class Standing(Enum):
    """What is known of a face: it gives an alarm, it is let pass, or it has to be looked at longer."""

    VISITOR = auto()
    EXPECTED = auto()
    UNSURE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a face is taken for, and who it is where that is known."""

    standing: Standing
    person: str | None = None


ANYONE = Judgement(standing=Standing.VISITOR)
Judge = Callable[[Track], Judgement]


@dataclass(slots=True, kw_only=True)
class Visit:
    """One visitor: whose face it was last, where and when, and whether the alarm was raised. Moments are monotonic since boot."""

    track: int
    person: str | None
    began: timedelta
    last_seen: timedelta
    pan_deg: float
    tilt_deg: float
    raised: bool = False


class Visits:
    """The visits that are going on, by the faces of each frame."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._visits: list[Visit] = []
        self._left: dict[str, timedelta] = {}

    @property
    def open(self) -> Sequence[Visit]:
        """Return the visits that are not over, oldest first."""
        return self._visits

    def update(self, at: timedelta, tracks: Sequence[Track]) -> list[Visit]:
        """Take the faces of the frame captured `at`; return the visits whose alarm is due now: once each, a second after the first sight.

        A visitor is a confirmed face that the judge takes for one. A new face where a visitor was lost is that visitor, and so is the
        same person within 30 s.
        """
        for track in tracks:
            if track.confirmed and track.seen:
                self._see(track)
        for visit in self._visits:
            if visit.person is not None:
                self._left[visit.person] = visit.last_seen
        self._visits = [visit for visit in self._visits if at - visit.last_seen <= OVER]
        due = [visit for visit in self._visits if not visit.raised and at - visit.began >= FIRST]
        for visit in due:
            visit.raised = True
        return due

    def _see(self, track: Track) -> None:
        visit = next((one for one in self._visits if one.track == track.number), None) or self._returned(track)
        judgement = self._judge(track)
        if visit is None and judgement.standing is Standing.VISITOR:
            visit = self._begin(track, judgement.person)
        if visit is not None:
            visit.track, visit.last_seen = track.number, track.last_seen
            visit.pan_deg, visit.tilt_deg = track.pan_deg, track.tilt_deg

    def _begin(self, track: Track, person: str | None) -> Visit:
        """Begin a visit; it needs no alarm when the same person was here within 30 s."""
        again = person is not None and person in self._left and track.began - self._left[person] <= SAME_PERSON
        visit = Visit(
            track=track.number,
            person=person,
            began=track.began,
            last_seen=track.last_seen,
            pan_deg=track.pan_deg,
            tilt_deg=track.tilt_deg,
            raised=again,
        )
        self._visits.append(visit)
        return visit

    def _returned(self, track: Track) -> Visit | None:
        """Return the visit whose visitor was lost where this face came up later."""
        lost = [visit for visit in self._visits if track.began > visit.last_seen and _apart(visit, track) <= _NEAR_DEG]
        return min(lost, key=lambda visit: _apart(visit, track), default=None)


def _apart(visit: Visit, track: Track) -> float:
    return math.hypot(track.pan_deg - visit.pan_deg, track.tilt_deg - visit.tilt_deg)
