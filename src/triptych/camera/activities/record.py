"""Recording: one file at a time, written beside whatever else the camera does (camera 3.1, 8)."""

from datetime import timedelta
from typing import Any

from triptych.camera.activity import Stage, Standing
from triptych.camera.eye import Eye, Glimpse
from triptych.camera.parameters import Parameters
from triptych.camera.record import Recorder, Recording, Taken
from triptych.clock import to_text
from triptych.errors import TriptychError, Unavailable
from triptych.model import Json

FIRST_FRAME = timedelta(seconds=2)


class Filming:
    """The activity `record`."""

    def __init__(self, stage: Stage) -> None:
        self.standing, self.fault = Standing.OFF, None
        self._stage = stage
        self._recorder: Recorder | None = None

    standing: Standing
    fault: TriptychError | None

    def start(self, data: Json) -> None:  # noqa: ARG002 - nothing is asked of a recording
        """Begin a file, or go on with the paused one. Raises `Unavailable` with code `disk_full` and others."""
        self.resume()
        if self.standing is Standing.ON:
            return
        self._stage.archive.check_room()
        recorder = self._begin(self._stage.opened())
        with self._stage.lock:
            self._recorder, self.standing, self.fault = recorder, Standing.ON, None
        self._settle(recorder)
        self._stage.tell()

    def stop(self) -> None:
        """End; the file is on the disk and finished then."""
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

    def check(self, parameters: Parameters) -> None:
        """Raise nothing: it honours all parameters."""

    def adapt(self) -> None:
        """Change nothing: the file stays clean."""

    def notice(self, glimpse: Glimpse) -> None:
        """Take a frame into the file."""
        recorder = self._recorder
        if recorder is None:
            return
        if recorder.fault is None:
            recorder.offer(Taken(frame=glimpse.frame, pose=glimpse.pose, objects=tuple(glimpse.objects())))
            return
        self.fault, self.standing, self._recorder = recorder.fault, Standing.FAILED, None
        recorder.stop()
        self._stage.rest()

    def blind(self, fault: TriptychError) -> None:
        """Fail, with the file finished."""
        with self._stage.lock:
            recorder, self._recorder = self._recorder, None
            if self.standing.live:
                self.standing, self.fault = Standing.FAILED, fault
        if recorder is not None:
            recorder.stop()

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

    def _begin(self, eye: Eye) -> Recorder:
        stage, at = self._stage, self._stage.clock.now().astimezone()
        image = stage.fresh().frame.image
        size = image.shape[1], image.shape[0]
        entry = stage.archive.begin(stage.camera, "mp4", at, audio="silence")
        header = {"version": 1, "id": entry.note.id, "camera": stage.camera, "start": to_text(at), "size": size, "mark": stage.mark}
        return Recorder(stage.archive, entry, Recording(entry, size, eye.source.fps, header))

    def _settle(self, recorder: Recorder) -> None:
        """Wait for the first frame in the file; without one the recording is off again."""
        try:
            recorder.wait(FIRST_FRAME)
        except Unavailable:
            self.stop()
            raise
