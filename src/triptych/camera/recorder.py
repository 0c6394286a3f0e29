"""A recording and the thread that writes it: whoever offers frames never waits, and what comes too fast is dropped and counted."""

import math
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import av
import structlog

from triptych.camera.notes import Audio, Entry, Note
from triptych.camera.record import Recording, TimeLine
from triptych.camera.records import Archive
from triptych.camera.sidecar import VERSION
from triptych.camera.taken import Taken, coded_size, pack
from triptych.clock import to_text
from triptych.contracts import Sound
from triptych.errors import TriptychError, Unavailable

log = structlog.get_logger()

QUEUE_FRAMES = 24
BACKLOG_BYTES = 64_000_000
"""Most of the packed frames that may wait while a pre-roll is encoded, beside the pre-roll itself."""
ROOM_CHECK_S = 1.0
WARNED_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A file that is to be written: `begun` is the local time of its first frame, `size` (width, height) that of the frames."""

    camera: str
    begun: datetime
    size: tuple[int, int]
    fps: float
    audio: Audio = "silence"
    mark: str | None = None
    alarm: bool = False
    before: Sequence[Taken] = ()
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def header(self) -> dict[str, Any]:
        """Return the first line of the sidecar."""
        start, size = to_text(self.begun), coded_size(self.size)
        return {"version": VERSION, "id": self.id, "camera": self.camera, "start": start, "size": size, "mark": self.mark}


class Recorder:
    """Writes one file from `plan.before` on. Its own thread opens, encodes and closes; `fault` says why it ended by itself."""

    def __init__(self, archive: Archive, plan: Plan) -> None:
        self.id, self.dropped = plan.id, 0
        self.fault: TriptychError | None = None
        self._archive, self._plan = archive, plan
        self._line = TimeLine(timedelta(seconds=1 / plan.fps))
        self._backlog = deque(_Queued(taken) for taken in plan.before)
        self._room_bytes = BACKLOG_BYTES + sum(taken.size_bytes for taken in plan.before)
        for taken in plan.before:
            self._line.place(taken.captured)
        self._waiting: deque[_Queued] = deque()
        self._unheard: tuple[Sound, ...] = ()
        self._change = threading.Condition()
        self._paused = self._resumed = self._ended = False
        self._begun = threading.Event()
        self._checked = self._dropped_at = self._warned_at = -math.inf
        self._entry: Entry | None = None
        self._length = timedelta(0)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def length_s(self) -> float:
        """How long the file plays so far, in seconds."""
        return self._length.total_seconds()

    @property
    def lagging(self) -> bool:
        """Whether frames were dropped within the last minute."""
        return time.monotonic() - self._dropped_at < WARNED_S

    @property
    def over(self) -> bool:
        """Whether the file is closed."""
        return not self._thread.is_alive()

    def offer(self, taken: Taken) -> float | None:
        """Hand over a frame without waiting; return its place in the file in seconds, None where it is not wanted or was dropped."""
        with self._change:
            if self._paused or self._ended or self.fault is not None:
                return None
            if len(self._waiting) >= QUEUE_FRAMES:
                self._drop(taken)
                return None
            whole = replace(taken, sound=(*self._unheard, *taken.sound))
            self._waiting.append(_Queued(whole, after_cut=self._resumed))
            at = self._line.place(taken.captured, after_cut=self._resumed)
            self._resumed, self._unheard = False, ()
            self._change.notify_all()
            return at.total_seconds()

    def place(self, moment: timedelta) -> float:
        """Return where a moment lies in the file, in seconds: that of a frame, or of the next one."""
        with self._change:
            return (self._line.end if self._resumed else self._line.at(moment)).total_seconds()

    def pause(self) -> None:
        """Take no frame and no sound from here on."""
        with self._change:
            self._paused, self._unheard = True, ()

    def resume(self) -> None:
        """Go on in the same file; the pause leaves no gap in it."""
        with self._change:
            self._resumed = self._resumed or self._paused
            self._paused = False

    def end(self) -> None:
        """Take nothing more; the file is finished without anybody waiting for it."""
        with self._change:
            self._ended = True
            self._change.notify_all()

    def stop(self) -> Note | None:
        """Write what waits, finish the file and return its note; None without a frame: nothing is kept then."""
        self.end()
        self._thread.join()
        return None if self._entry is None else self._entry.note

    def wait(self, bound: timedelta) -> None:
        """Wait until the first frame is in the file. Raises `Unavailable` when it cannot be written or none came."""
        came = self._begun.wait(bound.total_seconds())
        if self.fault is not None:
            raise self.fault
        if not came:
            raise Unavailable("The camera gives no picture.", code="source_silent")

    def _drop(self, taken: Taken) -> None:
        self.dropped += 1
        self._unheard = (*self._unheard, *taken.sound)
        self._dropped_at = time.monotonic()
        if self._dropped_at - self._warned_at > WARNED_S:
            self._warned_at = self._dropped_at
            log.warning("recording drops frames", record=self.id, dropped=self.dropped)

    def _run(self) -> None:
        try:
            self._write()
        except (OSError, av.FFmpegError) as fault:
            log.exception("recording failed", record=self.id)
            self.fault = Unavailable(f"recording failed: {type(fault).__name__}", code="record_failed")
        except Unavailable as fault:
            self.fault = fault
        self._waiting.clear()
        self._backlog.clear()
        self._begun.set()

    def _write(self) -> None:
        """Write the file from its first frame to its end; one that cannot be closed is left to the next recovery."""
        plan = self._plan
        entry = self._archive.begin(plan.camera, "mp4", plan.begun, audio=plan.audio, alarm=plan.alarm, record_id=plan.id)
        with self._archive.claim(entry):
            recording = Recording(entry, plan.size, plan.fps, plan.header())
            try:
                self._fill(recording)
            finally:
                recording.close()
                self._keep(entry)

    def _fill(self, recording: Recording) -> None:
        while (item := self._next()) is not None:
            self._check_room()
            hurried = bool(self._backlog) or len(self._waiting) >= QUEUE_FRAMES // 2
            recording.write(item.taken, hurried=hurried, after_cut=item.after_cut)
            self._length = recording.length
            self._begun.set()

    def _next(self) -> "_Queued | None":
        """Return what comes next; while older frames wait, those that come meanwhile are packed and wait behind them."""
        while self._backlog and self._waiting and self._has_room():
            item = self._waiting.popleft()
            self._backlog.append(_Queued(pack(item.taken), item.after_cut))
        if self._backlog:
            return self._backlog.popleft()
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._ended)
            return self._waiting.popleft() if self._waiting else None

    def _has_room(self) -> bool:
        return sum(item.taken.size_bytes for item in self._backlog) < self._room_bytes

    def _check_room(self) -> None:
        if time.monotonic() - self._checked > ROOM_CHECK_S:
            self._archive.check_room()
            self._checked = time.monotonic()

    def _keep(self, entry: Entry) -> None:
        if not self._length:
            entry.drop()
            return
        size_bytes = entry.path.stat().st_size
        self._entry = self._archive.change(entry, state="ready", length_s=self.length_s, size_bytes=size_bytes, dropped=self.dropped)


@dataclass(frozen=True, slots=True)
class _Queued:
    taken: Taken
    after_cut: bool = False
