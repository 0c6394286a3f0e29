"""The alarms of one job and the recordings of their episodes, as the documents that clients read (media 3.3, 3.4)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from triptych.clock import to_text
from triptych.ids import make_id
from triptych.media.alarms import Episode, Episodes
from triptych.media.cutting import Stretch
from triptych.media.feature import Feature
from triptych.media.options import AlarmSettings
from triptych.media.recordings import Cutter, has_room
from triptych.media.spans import bounds, offset_text

Document = dict[str, Any]
Tell = Callable[[str, Document], None]

NOT_RECORDED = "the alarm could not be recorded"
MARGIN = Fraction(5)
"""Seconds of a recording before onset and after clear."""


class Watch:
    """Follows the severities of a job's features, tells `tell(note, document)` of alarms and recordings, and has these cut.

    `folder` is the job's own; below `min_free_gib` on its disk nothing is recorded. `now` is the wall clock.
    """

    def __init__(self, job_id: str, folder: Path, tell: Tell, now: Callable[[], datetime], *, min_free_gib: float) -> None:
        self._job_id = job_id
        self._folder = folder
        self._tell = tell
        self._now = now
        self._min_free_gib = min_free_gib
        self._source = -1
        self._origin = Fraction(0)
        self._duration = Fraction(0)
        self._episodes: dict[str, Episodes] = {}
        self._open: dict[str, Document] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._cutters: list[tuple[Cutter, Document]] = []
        self.alarms: list[Document] = []

    def begin(self, source: int, origin: Fraction, duration: Fraction) -> None:
        """Take the input: its descriptor, and where on its own clock offset 0 lies."""
        self._source, self._origin, self._duration = source, origin, duration

    def follow(self, features: Mapping[str, Feature], settings: Mapping[str, AlarmSettings]) -> None:
        """Listen to every feature whose alarm is on, as if nothing had been told; an episode that comes again keeps its id."""
        for name, document in tuple(self._open.items()):
            self._close(name, document)
        self.alarms = []
        self._episodes = {
            name: Episodes(chosen, partial(self._opened, name), partial(self._closed, name))
            for name, chosen in settings.items()
            if chosen.enabled
        }
        for name, episodes in self._episodes.items():
            features[name].alarm = episodes

    def finish(self) -> None:
        """Close what is open: the input is at its end."""
        for episodes in self._episodes.values():
            episodes.finish()

    def filenos(self) -> set[int]:
        """Return the pipes of recordings in the making."""
        return {cutter.fileno() for cutter, _ in self._cutters}

    @property
    def is_busy(self) -> bool:
        """Say whether a recording is in the making."""
        return bool(self._cutters)

    def work(self) -> None:
        """Write what has arrived of recordings, without waiting."""
        for cutter, document in tuple(self._cutters):
            cutter.work()
            if cutter.is_over:
                self._cutters.remove((cutter, document))
                self._cut(cutter, document)

    def end(self) -> None:
        """Give up the recordings in the making."""
        for cutter, document in self._cutters:
            cutter.end()
            self._cut(cutter, document)
        self._cutters = []

    def told(self) -> Document:
        """Return what the response says (media J2): `alarms` where any is on, and `recording`, that of the first."""
        keys = ("feature", "severity", "startTimeOffset", "endTimeOffset", "open", "recording")
        told: Document = {}
        if first := next((alarm["recording"] for alarm in self.alarms if alarm["recording"] is not None), None):
            told["recording"] = first
        if self._episodes:
            told["alarms"] = [{key: alarm[key] for key in keys} for alarm in self.alarms]
        return told

    def _opened(self, name: str, episode: Episode) -> None:
        key = name, offset_text(episode.start)
        document: Document = {
            "_id": self._ids.setdefault(key, make_id("hex24", self._now())),
            "job": self._job_id,
            "feature": name,
            "severity": episode.severity,
            **bounds(episode.start, episode.end),
            "startTime": to_text(self._now()),
            "endTime": None,
            "open": True,
            "recording": None,
            "acknowledged": None,
        }
        self._open[name] = document
        self.alarms.append(document)
        self._tell("alarm", dict(document))

    def _closed(self, name: str, episode: Episode) -> None:
        document = self._open[name]
        document |= {"severity": episode.severity, "endTimeOffset": offset_text(episode.end), "recording": self._record(document, episode)}
        self._close(name, document)

    def _close(self, name: str, document: Document) -> None:
        del self._open[name]
        document |= {"endTime": to_text(self._now()), "open": False}
        self._tell("alarm", dict(document))

    def _record(self, alarm: Document, episode: Episode) -> str:
        """Begin the recording of an episode and return its id."""
        stretch = Stretch(
            origin=self._origin,
            start=max(Fraction(0), episode.start - MARGIN),
            end=min(self._duration, episode.end + MARGIN),
            shown=episode.start,
        )
        document: Document = {
            "_id": make_id("hex24", self._now()),
            "job": self._job_id,
            "feature": alarm["feature"],
            "alarm": alarm["_id"],
            **bounds(stretch.start, stretch.end),
            "startTime": to_text(self._now()),
            "endTime": None,
            "state": "recording",
            "bytes": 0,
            "sha256": None,
        }
        self._start(document, stretch)
        return str(document["_id"])

    def _start(self, document: Document, stretch: Stretch) -> None:
        if not has_room(self._folder, self._min_free_gib):
            self._fail(document, "the disk is too full to record")
            return
        try:
            self._cutters.append((Cutter(self._source, stretch, self._folder / f"{document['_id']}.mp4"), document))
        except OSError:
            self._fail(document, NOT_RECORDED)
        else:
            self._tell("recording", dict(document))

    def _fail(self, document: Document, reason: str) -> None:
        self._tell("warning", {"message": reason, "recording": document["_id"]})
        self._tell("recording", {**document, "state": "failed", "endTime": to_text(self._now())})

    def _cut(self, cutter: Cutter, document: Document) -> None:
        done = cutter.recording
        if done is None:
            self._fail(document, NOT_RECORDED)
            return
        start, end = Fraction(done.start_us, 1_000_000), Fraction(done.end_us, 1_000_000)
        document |= {"state": "ready", "endTime": to_text(self._now())}
        document |= {"bytes": done.size_bytes, "sha256": done.sha256, **bounds(max(start, Fraction(0)), end)}
        self._tell("recording", dict(document))
