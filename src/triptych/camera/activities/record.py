"""Recording: one file at a time, written beside whatever else the camera does; alarm clips are files of their own (camera 3.1, 4, 8)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from triptych.camera.activity import Stage, Standing
from triptych.camera.clip import BEFORE, Alarmed, Clip
from triptych.camera.eye import Eye, Glimpse
from triptych.camera.feed import Feed
from triptych.camera.notes import Audio
from triptych.camera.parameters import Parameters
from triptych.camera.recorder import Plan, Recorder
from triptych.camera.ring import Ring
from triptych.camera.taken import Taken
from triptych.errors import TriptychError, Unavailable
from triptych.model import Json

FIRST_FRAME = timedelta(seconds=2)
WARNED = timedelta(seconds=60)


class Filming:
    """The activity `record`, and the alarm clips of a camera on guard."""

    def __init__(self, stage: Stage) -> None:
        self.standing, self.fault = Standing.OFF, None
        self._stage = stage
        self._recorder: Recorder | None = None
        self._ring: Ring | None = None
        self._clip: Clip | None = None
        self._ending: list[Recorder] = []
        self._on_guard = False
        self._alarm: dict[str, Any] | None = None
        self._warned: tuple[int, timedelta] = 0, -WARNED

    standing: Standing
    fault: TriptychError | None

    def start(self, data: Json) -> None:  # noqa: ARG002 - nothing is asked of a recording
        """Begin a file, or go on with the paused one. Raises `Unavailable` with code `disk_full` and others."""
        self.resume()
        if self.standing is Standing.ON:
            return
        self._stage.archive.check_room()
        eye, glimpse = self._stage.opened(), self._stage.fresh()
        with self._stage.lock:
            self._end_clip()
            before = self._before(timedelta(seconds=self._stage.definition.pre_roll_s))
            recorder = self._recorder = self._begin(eye, glimpse, before, alarm=False)
            self.standing, self.fault, self._warned = Standing.ON, None, (0, -WARNED)
        self._settle(recorder)
        self._stage.tell()

    def stop(self) -> None:
        """End; the file is on the disk and finished then. An alarm clip goes on."""
        with self._stage.lock:
            recorder, self._recorder = self._recorder, None
            self.standing = Standing.OFF
        if recorder is not None:
            recorder.stop()

    def pause(self) -> None:
        """Write no frame from here on."""
        with self._stage.lock:
            if self.standing is Standing.ON and self._recorder is not None:
                self.standing = Standing.PAUSED
                self._recorder.pause()

    def resume(self) -> None:
        """Go on in the same file."""
        with self._stage.lock:
            if self.standing is Standing.PAUSED and self._recorder is not None:
                self.standing = Standing.ON
                self._recorder.resume()

    def guard(self, *, on: bool) -> None:
        """Keep the last 5 s for alarm clips from here on; when it is over, so is a clip."""
        with self._stage.lock:
            self._on_guard = on
            if not on:
                self._end_clip()

    def clip(self, glimpse: Glimpse, alarm: dict[str, Any]) -> Alarmed:
        """Film an alarm that begins with `glimpse`; `alarm` goes into the sidecar. Never waits: a full disk is told as an event.

        A recording or a clip that is being written is the one that shows it; else a clip begins 5 s before.
        """
        with self._stage.lock:
            moment, self._alarm = glimpse.frame.captured, alarm
            running = self._recorder if self.standing is Standing.ON else None
            if running is None and self._clip is not None:
                running, self._clip.seen = self._clip.recorder, moment
            if running is not None:
                return Alarmed(id=running.id, offset_s=running.place(moment), is_own=False)
            self._clip = self._begin_clip(glimpse, self._before(BEFORE), moment)
            return Alarmed(id=self._clip.recorder.id, offset_s=(moment - self._clip.first).total_seconds(), is_own=True)

    def seen(self, moment: timedelta) -> None:
        """Take note that the visitor is in sight at `moment`, the capture of a frame: the clip goes on."""
        with self._stage.lock:
            if self._clip is not None:
                self._clip.seen = moment

    def shut(self) -> None:
        """Finish every file and forget the last seconds: the source is closed."""
        with self._stage.lock:
            self._end_clip()
            ring, self._ring = self._ring, None
            ending, self._ending = self._ending, []
        if ring is not None:
            ring.close()
        for recorder in ending:
            recorder.stop()

    def check(self, parameters: Parameters) -> None:
        """Raise nothing: it honours all parameters."""

    def adapt(self) -> None:
        """Change nothing: the file stays clean."""

    def notice(self, glimpse: Glimpse) -> None:
        """Take a frame into the file, into the clip, or keep it for one."""
        taken = Taken(
            frame=glimpse.frame, pose=glimpse.pose, objects=tuple(glimpse.objects()), sound=glimpse.sound, alarm=self._take_alarm()
        )
        self._check_recorder()
        self._check_clip(glimpse)
        if self._recorder is not None:
            self._recorder.offer(taken)
        if self._clip is not None:
            self._clip.recorder.offer(taken)
        if self._recorder is None and self._clip is None:
            self._remember(taken)

    def blind(self, fault: TriptychError) -> None:
        """Fail, with the files finished."""
        with self._stage.lock:
            recorder, self._recorder = self._recorder, None
            if self.standing.live:
                self.standing, self.fault = Standing.FAILED, fault
        if recorder is not None:
            recorder.stop()
        self.shut()

    def describe(self) -> dict[str, Any]:
        """Return `state, id, seconds, dropped`."""
        recorder = self._recorder
        return {
            "state": self.standing.value,
            "id": recorder and recorder.id,
            "seconds": 0.0 if recorder is None else round(recorder.length_s, 2),
            "dropped": 0 if recorder is None else recorder.dropped,
        }

    def warnings(self) -> list[str]:
        """Return whether frames are being dropped."""
        return ["record: frames are being dropped."] if self._recorder is not None and self._recorder.lagging else []

    def _begin(self, eye: Eye, glimpse: Glimpse, before: Sequence[Taken], *, alarm: bool) -> Recorder:
        stage, image = self._stage, glimpse.frame.image
        ago = stage.clock.monotonic() - before[0].captured if before else timedelta(0)
        plan = Plan(
            camera=stage.camera,
            begun=(stage.clock.now() - ago).astimezone(),
            size=(image.shape[1], image.shape[0]),
            fps=eye.source.fps,
            audio=_audio(eye),
            mark=stage.mark,
            alarm=alarm,
            before=before,
        )
        return Recorder(stage.archive, plan)

    def _begin_clip(self, glimpse: Glimpse, before: Sequence[Taken], seen: timedelta) -> Clip:
        eye = self._stage.eye
        assert eye is not None  # noqa: S101 - its frame is here
        recorder = self._begin(eye, glimpse, before, alarm=True)
        return Clip(recorder=recorder, first=before[0].captured if before else glimpse.frame.captured, seen=seen)

    def _before(self, span: timedelta) -> tuple[Taken, ...]:
        """Return what was kept of the last `span`; nothing more is kept until there is a need again."""
        ring, self._ring = self._ring, None
        kept = ring.drain() if ring is not None else ()
        return tuple(taken for taken in kept if kept[-1].captured - taken.captured < span)

    def _remember(self, taken: Taken) -> None:
        """Keep a frame for a file that may begin before its cause, while anything may ask for one."""
        span = max(timedelta(seconds=self._stage.definition.pre_roll_s), BEFORE if self._on_guard else timedelta(0))
        if self._ring is not None and self._ring.span != span:
            self._ring.drain()
            self._ring = None
        if span and self._ring is None:
            height, width = taken.frame.image.shape[:2]
            self._ring = Ring(span, (width, height))
        if self._ring is not None:
            self._ring.offer(taken)

    def _settle(self, recorder: Recorder) -> None:
        """Wait for the first frame in the file; without one the recording is off again."""
        try:
            recorder.wait(FIRST_FRAME)
        except Unavailable:
            self.stop()
            raise

    def _check_recorder(self) -> None:
        recorder = self._recorder
        if recorder is None:
            return
        if recorder.fault is not None:
            self.fault, self.standing, self._recorder = recorder.fault, Standing.FAILED, None
            self._tell_end(recorder, recorder.fault)
            self._stage.rest()
        elif recorder.dropped > self._warned[0] and self._stage.clock.monotonic() - self._warned[1] >= WARNED:
            self._warned = recorder.dropped, self._stage.clock.monotonic()
            self._stage.event("record_dropped", {"id": recorder.id, "dropped": recorder.dropped})

    def _check_clip(self, glimpse: Glimpse) -> None:
        clip, moment = self._clip, glimpse.frame.captured
        self._ending = [recorder for recorder in self._ending if not recorder.over]
        if clip is None:
            return
        if clip.recorder.fault is not None:
            self._tell_end(clip.recorder, clip.recorder.fault)
            self._clip = None
        elif clip.is_over(moment):
            self._end_clip()
        elif clip.is_full(moment):
            self._end_clip()
            self._clip = self._begin_clip(glimpse, (), clip.seen)
            self._stage.event("clip", {"id": self._clip.recorder.id, "follows": clip.recorder.id})

    def _tell_end(self, recorder: Recorder, fault: TriptychError) -> None:
        self._ending.append(recorder)
        self._stage.event("record_ended", {"id": recorder.id, "reason": fault.code, "message": fault.message})

    def _end_clip(self) -> None:
        clip, self._clip = self._clip, None
        if clip is not None:
            clip.recorder.end()
            self._ending.append(clip.recorder)

    def _take_alarm(self) -> dict[str, Any] | None:
        alarm, self._alarm = self._alarm, None
        return alarm


def _audio(eye: Eye) -> Audio:
    if isinstance(eye.source, Feed):
        return eye.source.audio
    return "source" if eye.source.has_sound else "silence"
