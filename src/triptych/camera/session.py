"""A camera at work: its activities, and what each call does to them (camera.md 3).

Calls come from one thread, one after the other; the frame loop tells what it saw from its own. Both meet at one lock, which is never
held while anything is waited for.
"""

import threading
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Literal, Protocol

from triptych.camera.control import PRESETS, Phase
from triptych.camera.definition import Definition
from triptych.camera.eye import SIGHTS, Eye, Glimpse
from triptych.camera.faces import Detector, SimFaces, open_detector
from triptych.camera.heads import HEADS
from triptych.camera.parameters import Mark, Parameters, Variant
from triptych.camera.record import Recorder, Recording, Taken
from triptych.camera.records import Archive
from triptych.camera.shots import encode_jpeg, take_shot
from triptych.camera.state import Activity, Facts, describe, essence
from triptych.camera.stream import QUALITY, View, Views, render
from triptych.clock import to_text
from triptych.contracts import Clock, Head, Source
from triptych.errors import Invalid, NotYet, TriptychError, Unavailable
from triptych.media.sources import SOURCES
from triptych.media.sources.sim import SimSource

FIRST_FRAME = timedelta(seconds=5)
NEXT_FRAME = timedelta(seconds=2)
FRESH = timedelta(milliseconds=200)
FIRST_SIGHT = timedelta(seconds=1)
PEEK = timedelta(seconds=2)
UNUSED = timedelta(seconds=10)

Cause = Literal["track", "record"]


class Teller(Protocol):
    """Whom a session tells what happens to it, from any thread."""

    def settled(self, fault: TriptychError | None = None) -> None:
        """Take note that the target is locked, or that nobody has to wait for it any more; `fault` says why it never will be."""

    def changed(self, state: dict[str, Any]) -> None:
        """Take note of a new state."""

    def rest(self, fault: TriptychError | None) -> None:
        """Take note that every activity is off or failed, after one was on."""


class Session:
    """One camera in its process. Opens the source at the first call that needs it, and gives it back when nobody used it for 10 s."""

    def __init__(
        self,
        camera: str,
        definition: Definition,
        parameters: Parameters,
        mark: Mark | None,
        *,
        archive: Archive,
        clock: Clock,
        views: Views,
        teller: Teller,
    ) -> None:
        self.parameters, self.mark = parameters, mark
        self.job: str | None = None
        self._camera, self._definition = camera, definition
        self._archive, self._clock, self._views, self._teller = archive, clock, views, teller
        self._eye: Eye | None = None
        self._detector: Detector | None = None
        self._recorder: Recorder | None = None
        self._track = self._record = Activity.OFF
        self._job_type = parameters.job_type
        self._faults: dict[str, TriptychError] = {}
        self._essence: object = None
        self._used = clock.monotonic()
        self._lock = threading.RLock()

    @property
    def live(self) -> bool:
        """Whether any activity goes on, now or after a resume."""
        return self._track.live or self._record.live

    @property
    def busy(self) -> bool:
        """Whether any activity goes on or anybody looks."""
        return self.live or self._views.wanted(self._clock.monotonic())

    @property
    def waits_for_lock(self) -> bool:
        """Whether whoever asked for track has still to wait."""
        glimpse = None if self._eye is None else self._eye.newest
        following = self._track is Activity.ON and not self.parameters.non_moving_target
        return following and (glimpse is None or glimpse.phase is not Phase.LOCKED)

    def track(self, target: int | None = None) -> None:
        """Follow the target, or the track with the number `target`. Raises `NotYet`, `Invalid` or `Unavailable`; nothing changed then."""
        if self.parameters.job_type != "track" or self.parameters.recognized_persons is not None:
            raise NotYet("not available yet")
        eye = self._opened()
        eye.detector = self._detect(eye)
        if target is not None and not eye.choose(target):
            raise Invalid("target must be the number of a track in view.", field="target")
        with self._lock:
            self._track, self._job_type = Activity.ON, self.parameters.job_type
            self._faults.pop("track", None)
            self._faults.pop("detector", None)
            self._steer(eye)
        self._tell()

    def record(self) -> None:
        """Begin a recording, or go on with the paused one. Raises `Unavailable` with code `disk_full` and others."""
        if self._record is Activity.PAUSED:
            self.resume("record")
        if self._record is Activity.ON:
            return
        self._archive.check_room()
        eye = self._opened()
        recorder = self._begin_recording(eye)
        with self._lock:
            self._recorder, self._record = recorder, Activity.ON
            self._faults.pop("record", None)
        self._settle_recording(recorder)
        self._tell()

    def shoot(self) -> str:
        """Keep one photograph of now; return its id."""
        self._archive.check_room()
        glimpse = self._next(self._opened())
        note = take_shot(self._archive, self._camera, glimpse.frame.image, self._local_now())
        self._rest()
        return note.id

    def stop(self, cause: Cause | None = None) -> None:
        """End one activity, or all; a recording is on the disk and finished then."""
        with self._lock:
            recorder, self._recorder = (self._recorder, None) if cause != "track" else (None, self._recorder)
            ended = {"track", "record"} if cause is None else {cause}
            if "track" in ended:
                self._let_go(Activity.OFF)
            if "record" in ended:
                self._record = Activity.OFF
        if recorder is not None:
            recorder.stop()
        self._tell()
        self._teller.settled()
        self._rest()

    def pause(self, cause: Cause | None = None) -> None:
        """Hold what goes on: the head still, no frame written."""
        with self._lock:
            if cause != "record" and self._track is Activity.ON:
                self._track = Activity.PAUSED
                if self._eye is not None:
                    self._eye.hold()
            if cause != "track" and self._record is Activity.ON and self._recorder is not None:
                self._record = Activity.PAUSED
                self._recorder.pause()
        self._tell()
        self._teller.settled()

    def resume(self, cause: Cause | None = None) -> None:
        """Go on with what is paused: the same target if it was seen within 5 s, the same file."""
        with self._lock:
            if cause != "record" and self._track is Activity.PAUSED and self._eye is not None:
                self._track = Activity.ON
                self._steer(self._eye)
            if cause != "track" and self._record is Activity.PAUSED and self._recorder is not None:
                self._record = Activity.ON
                self._recorder.resume()
        self._tell()

    def configure(self, parameters: Parameters, mark: Mark | None) -> None:
        """Take new parameters and mark, in force with the next frame. Raises `NotYet` for what a running activity cannot honour."""
        if self._track.live and parameters.recognized_persons is not None:
            raise NotYet("not available yet")
        with self._lock:
            self.parameters, self.mark = parameters, mark
            if self._eye is not None:
                self._eye.mark = mark
                if self._track is Activity.ON:
                    self._steer(self._eye)
        self._tell()
        self._teller.settled()

    def view(self, variant: Variant) -> str:
        """Make pictures of this variant for a while; return their topic."""
        eye = self._opened()
        if variant.marks:
            self._look(eye)
        return self._views.want(variant, self._clock.monotonic())

    def picture(self, variant: Variant) -> bytes:
        """Return the newest picture as a JPEG, at most 200 ms old. Raises `Unavailable` with code `stale` when there is none for 2 s."""
        eye = self._opened()
        marks = variant.marks and self.mark is not None and self._look(eye)
        if marks:
            eye.peek(self._clock.monotonic() + PEEK)
            eye.wait(lambda glimpse: glimpse.searched >= SIGHTS, FIRST_SIGHT)
        glimpse = self._next(eye, FRESH)
        view = View(frame=glimpse.frame, objects=glimpse.marked())
        return encode_jpeg(render(view, self.mark if marks else None, variant.width), QUALITY)

    def state(self) -> dict[str, Any]:
        """Return the state object."""
        with self._lock:
            return describe(self._facts())

    def tick(self) -> bool:
        """Give the source back when nobody used it for 10 s, or when it is lost; return whether it is still open."""
        now = self._clock.monotonic()
        if self.busy:
            self._used = now
        if self._eye is not None and (self._eye.ended or now - self._used > UNUSED):
            self._close_eye()
        return self._eye is not None

    def close(self) -> None:
        """Stop the head and finish what is written."""
        self.stop()
        self._close_eye()

    def _opened(self) -> Eye:
        """Return the open eye, having seen at least one frame. Raises `Unavailable` with code `source_silent` after 5 s without."""
        self._used = self._clock.monotonic()
        if self._eye is not None and self._eye.ended:
            self._close_eye()
        if self._eye is None:
            self._eye = self._open()
        if self._eye.wait(lambda _: True, FIRST_FRAME) is None:
            self._close_eye()
            raise Unavailable("The camera gives no picture.", code="source_silent")
        return self._eye

    def _open(self) -> Eye:
        definition = self._definition
        source: Source = _load(SOURCES[definition.source["kind"]].open)(definition.source_options(), self._clock)
        options = definition.head_options()
        head: Head = _load(HEADS[definition.head["kind"]].open)(options, self._clock)
        eye = Eye(
            source,
            head,
            lens=options.lens(source.size),
            clock=self._clock,
            views=self._views,
            budget=definition.budget,
            notice=self._noticed,
            blind=self._blind,
        )
        eye.mark = self.mark
        return eye

    def _close_eye(self) -> None:
        eye, self._eye = self._eye, None
        if eye is not None:
            eye.close()
            self._tell()

    def _detect(self, eye: Eye) -> Detector:
        if isinstance(eye.source, SimSource):
            return SimFaces(eye.source, eye.pose_at, self._definition.head_options().lens(eye.source.size))
        if self._detector is None:
            self._detector = open_detector()
        return self._detector

    def _look(self, eye: Eye) -> bool:
        """Let the eye look for faces; False when there is no detector: pictures come without marks then."""
        try:
            eye.detector = self._detect(eye)
        except Unavailable as fault:
            self._faults["detector"] = fault
            return False
        return True

    def _next(self, eye: Eye, age: timedelta = timedelta(0)) -> Glimpse:
        """Return a frame that is at most `age` old now."""
        since = self._clock.monotonic() - age
        glimpse = eye.wait(lambda glimpse: glimpse.frame.captured >= since, NEXT_FRAME)
        if glimpse is None:
            raise Unavailable("The camera's picture is stale.", code="stale")
        return glimpse

    def _steer(self, eye: Eye) -> None:
        preset = PRESETS["normal" if self.parameters.ai == "official_ai" else "calm"]
        eye.follow(preset, still=self.parameters.non_moving_target)

    def _let_go(self, into: Activity) -> None:
        if self._track.live and self._eye is not None:
            self._eye.let_go()
        self._track = into

    def _begin_recording(self, eye: Eye) -> Recorder:
        at, image = self._local_now(), self._next(eye, FRESH).frame.image
        size = image.shape[1], image.shape[0]
        entry = self._archive.begin(self._camera, "mp4", at, audio="silence")
        header = {"version": 1, "id": entry.note.id, "camera": self._camera, "start": to_text(at), "size": size, "mark": self.mark}
        return Recorder(self._archive, entry, Recording(entry, size, eye.source.fps, header))

    def _settle_recording(self, recorder: Recorder) -> None:
        """Wait for the first frame in the file; without one the recording is off again."""
        try:
            recorder.wait(NEXT_FRAME)
        except Unavailable:
            with self._lock:
                self._recorder, self._record = None, Activity.OFF
            recorder.stop()
            raise

    def _noticed(self, glimpse: Glimpse) -> None:
        """Take a frame from the loop: into the file, and into the state where it changed something."""
        with self._lock:
            if glimpse.fault is not None and self._track.live:
                self._faults["track"] = Unavailable(glimpse.fault, code="detector_failed")
                self._let_go(Activity.FAILED)
            if self._recorder is not None:
                self._take(self._recorder, glimpse)
            self._tell()
            settled, fault = not self.waits_for_lock, self._faults.get("track")
        if settled:
            self._teller.settled(fault)

    def _take(self, recorder: Recorder, glimpse: Glimpse) -> None:
        if recorder.fault is None:
            recorder.offer(Taken(frame=glimpse.frame, pose=glimpse.pose, objects=tuple(glimpse.objects())))
            return
        self._faults["record"], self._record, self._recorder = recorder.fault, Activity.FAILED, None
        recorder.stop()
        self._rest()

    def _blind(self, message: str) -> None:
        """Take it from the loop that there will be no more frames."""
        fault = Unavailable(message, code="source_lost")
        with self._lock:
            recorder, self._recorder = self._recorder, None
            if self._track.live:
                self._track, self._faults["track"] = Activity.FAILED, fault
            if self._record.live:
                self._record, self._faults["record"] = Activity.FAILED, fault
        if recorder is not None:
            recorder.stop()
        self._tell()
        self._teller.settled(fault)
        self._rest()

    def _rest(self) -> None:
        if not self.live:
            failed = [cause for cause, activity in (("track", self._track), ("record", self._record)) if activity is Activity.FAILED]
            self._teller.rest(self._faults.get(failed[0]) if failed else None)

    def _tell(self) -> None:
        with self._lock:
            state = describe(self._facts())
            if (now := essence(state)) != self._essence:
                self._essence = now
                self._teller.changed(state)

    def _facts(self) -> Facts:
        glimpse = None if self._eye is None else self._eye.newest
        age = None if glimpse is None else (self._clock.monotonic() - glimpse.frame.captured).total_seconds()
        return Facts(
            camera=self._camera,
            definition=self._definition,
            parameters=self.parameters,
            mark=self.mark,
            session=self.job,
            track=self._track,
            job_type=self._job_type,
            record=self._record,
            eye=self._eye,
            recorder=self._recorder,
            age_s=age,
            faults=tuple(f"{cause}: {fault.message}" for cause, fault in self._faults.items()),
        )

    def _local_now(self) -> datetime:
        return self._clock.now().astimezone()


def _load(name: str) -> Any:
    """Return what a register names as `module:attribute`."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
