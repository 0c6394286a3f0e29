"""Guards a room: turns visits into one alarm each, with the sharpest picture and a clip (camera 4, secure)."""

import queue
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import cv2
import numpy as np
import structlog

from triptych.camera.clip import Alarmed
from triptych.camera.eye import Glimpse, box_of
from triptych.camera.track import Box, Track
from triptych.camera.unrest import Unrest
from triptych.camera.visits import Judge, Visit, Visits
from triptych.contracts import Frame
from triptych.errors import TriptychError
from triptych.model import Json

log = structlog.get_logger()

Shoot = Callable[[Frame], str]
"""Keeps a frame as a photograph and returns its id. Raises `TriptychError` or `OSError`; nothing is kept then."""
Tell = Callable[[str, Json], None]


class Films(Protocol):
    """Who films alarms: the activity `record`."""

    def guard(self, *, on: bool) -> None:
        """Keep the last seconds for clips, or no more."""

    def clip(self, glimpse: Glimpse, alarm: dict[str, Any]) -> Alarmed:
        """Film an alarm that begins now."""

    def seen(self, moment: timedelta) -> None:
        """Take note that the visitor is in sight."""


@dataclass(slots=True, kw_only=True)
class _Case:
    """What was gathered of one visit: its clip, and the sharpest frame of the first second."""

    id: str
    film: Alarmed
    frame: Frame
    sharpness: float


class Guard:
    """Takes every glimpse in the frame loop's thread; photographs and alarms are made in a thread of its own.

    A hidden face is no visit: what moves before a head at rest is told as `motion`, without alarm, photograph or clip.
    """

    def __init__(self, camera: str, judge: Judge, films: Films, shoot: Shoot, tell: Tell) -> None:
        self._camera = camera
        self._visits, self._unrest = Visits(judge), Unrest()
        self._films, self._shoot, self._tell = films, shoot, tell
        self._cases: dict[int, _Case] = {}
        self._due: queue.Queue[tuple[_Case, dict[str, Any]] | None] = queue.Queue()
        self._films.guard(on=True)
        self._thread = threading.Thread(target=self._serve, name="guard", daemon=True)
        self._thread.start()

    def notice(self, glimpse: Glimpse) -> None:
        """Take a frame; never waits."""
        at = glimpse.frame.captured
        due = self._visits.update(at, glimpse.tracks)
        for visit in self._visits.open:
            self._gather(visit, glimpse, late=visit in due)
        for visit in due:
            self._raise(visit, glimpse)
        self._drop_ended()
        if self._unrest.see(glimpse.frame, still=not glimpse.moving) and not self._visits.open:
            self._tell("motion", {"pan": round(glimpse.pose.pan_deg, 2), "tilt": round(glimpse.pose.tilt_deg, 2)})

    def dismiss(self) -> None:
        """Stand down without waiting; alarms that are due are raised still."""
        self._films.guard(on=False)
        self._due.put(None)

    def close(self) -> None:
        """Stand down, and wait for the alarms that are due."""
        self.dismiss()
        self._thread.join()

    def _gather(self, visit: Visit, glimpse: Glimpse, *, late: bool) -> None:
        """Gather for a visit; a `late` one is due already when it begins, for it took longer than a second to know a visitor."""
        track = next((track for track in glimpse.tracks if track.number == visit.track and track.seen), None)
        if track is None:
            return
        self._films.seen(glimpse.frame.captured)
        case = self._cases.get(id(visit))
        if case is None and (late or not visit.raised):
            self._cases[id(visit)] = self._open(visit, track, glimpse)
        elif case is not None and not visit.raised and (sharpness := _sharpness(glimpse.frame, track.box)) > case.sharpness:
            case.frame, case.sharpness = glimpse.frame, sharpness

    def _open(self, visit: Visit, track: Track, glimpse: Glimpse) -> _Case:
        alarm_id = str(uuid.uuid4())
        film = self._films.clip(glimpse, {"id": alarm_id, "track": track.number, "person": visit.person})
        return _Case(id=alarm_id, film=film, frame=glimpse.frame, sharpness=_sharpness(glimpse.frame, track.box))

    def _raise(self, visit: Visit, glimpse: Glimpse) -> None:
        case = self._cases.pop(id(visit), None)
        if case is None:
            return
        track = next((track for track in glimpse.tracks if track.number == visit.track), None)
        alarm = {
            "id": case.id,
            "camera": self._camera,
            "track": visit.track,
            "person": visit.person,
            "pan": round(visit.pan_deg, 2),
            "tilt": round(visit.tilt_deg, 2),
            "box": None if track is None else box_of(track.box),
            "record": case.film.id,
            "offset_s": round(case.film.offset_s, 2),
        }
        self._due.put((case, alarm))

    def _drop_ended(self) -> None:
        open_now = {id(visit) for visit in self._visits.open}
        self._cases = {key: case for key, case in self._cases.items() if key in open_now}

    def _serve(self) -> None:
        while (item := self._due.get()) is not None:
            case, alarm = item
            self._tell("alarm", {**alarm, "shot": self._photograph(case.frame)})

    def _photograph(self, frame: Frame) -> str | None:
        try:
            return self._shoot(frame)
        except (TriptychError, OSError) as fault:
            log.warning("alarm without a photograph", fault=str(fault))
            return None


def _sharpness(frame: Frame, box: Box) -> float:
    """Return how much fine detail the face shows: the variance of the Laplacian, in grey levels squared."""
    height, width = frame.image.shape[:2]
    left, right = (int(min(max(edge, 0.0), 1.0) * width) for edge in (box.left, box.right))
    top, bottom = (int(min(max(edge, 0.0), 1.0) * height) for edge in (box.top, box.bottom))
    face = frame.image[top:bottom, left:right]
    if not face.size:
        return 0.0
    return float(np.var(cv2.Laplacian(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), cv2.CV_32F)))
