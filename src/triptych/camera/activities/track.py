"""Tracking: puts the pilot at the wheel that the parameters ask for (camera 3.1, 4)."""

from typing import Any

from triptych.camera.activities.record import Filming
from triptych.camera.activity import Stage, Standing
from triptych.camera.control import PRESETS, Phase, Preset
from triptych.camera.eye import Eye, Glimpse, box_of
from triptych.camera.guard import Guard
from triptych.camera.parameters import JobType, Parameters
from triptych.camera.persons.choice import ChosenLock, judge
from triptych.camera.pilot import Pilot
from triptych.camera.pilots.follow import Follower
from triptych.camera.pilots.sentry import Sentry
from triptych.camera.pilots.still import Still
from triptych.camera.shots import take_shot
from triptych.camera.track import Lock, Track
from triptych.camera.visits import ANYONE, Judgement
from triptych.contracts import Frame
from triptych.errors import Invalid, NotYet, TriptychError
from triptych.model import Json


class Tracking:
    """The activity `track`, whatever its job type."""

    def __init__(self, stage: Stage) -> None:
        self.standing, self.fault = Standing.OFF, None
        self._stage = stage
        self._job_type: JobType = stage.parameters.job_type
        self._lock = Lock()
        self._follower: Follower | None = None
        self._sentry: Sentry | None = None
        self._guard: Guard | None = None

    standing: Standing
    fault: TriptychError | None

    @property
    def waits(self) -> bool:
        """Whether whoever asked for it has still to wait: for a lock, or where none is due for the first frame."""
        if self.standing is not Standing.ON:
            return False
        phase = None if self._stage.eye is None or self._stage.eye.newest is None else self._stage.eye.newest.phase
        return phase is not Phase.LOCKED if self.locks else phase is None

    @property
    def locks(self) -> bool:
        """Whether it answers when a target is locked (camera 2.6)."""
        return self._stage.parameters.job_type == "track" and not self._stage.parameters.non_moving_target

    def start(self, data: Json) -> None:
        """Begin, or take a changed job type; `target` in `data` is the number of the track to follow. Raises `TriptychError`."""
        self._check_built(self._stage.parameters)
        self._check_persons(self._stage.parameters)
        eye = self._stage.opened()
        self._check_head(eye)
        self._stage.search(eye)
        with self._stage.lock:
            self._begin(eye, data.get("target"))
        self._keep_guard()
        self._stage.tell()

    def stop(self) -> None:
        """End; the head stands still."""
        with self._stage.lock:
            self._let_go(Standing.OFF)
        self._stand_down()

    def pause(self) -> None:
        """Hold the head."""
        with self._stage.lock:
            if self.standing is Standing.ON and self._stage.eye is not None:
                self.standing = Standing.PAUSED
                self._stage.eye.hold()

    def resume(self) -> None:
        """Go on with the same target, if it was seen within 5 s."""
        with self._stage.lock:
            if self.standing is Standing.PAUSED and self._stage.eye is not None:
                self.standing = Standing.ON
                self._stage.eye.go()

    def check(self, parameters: Parameters) -> None:
        """Raise `TriptychError` for parameters that it cannot honour while it goes on."""
        if self.standing.live:
            self._stage.reception.check_choice(parameters)

    def adapt(self) -> None:
        """Follow as the parameters say now; a changed job type waits for the next start."""
        with self._stage.lock:
            if self.standing.live and self._stage.eye is not None:
                self._seat(self._stage.eye)

    def notice(self, glimpse: Glimpse) -> None:
        """Take note of a frame, and of how far the head reaches by now."""
        if glimpse.identities is not None and self.standing.live:
            self._stage.reception.recogniser().look(glimpse.frame, glimpse.tracks)
        if self._guard is not None and self.standing is Standing.ON:
            self._guard.notice(glimpse)
        for pilot in (self._follower, self._sentry):
            if pilot is not None and self._stage.eye is not None:
                pilot.keep_to(self._stage.eye.head.limits)
        if glimpse.fault is not None and self.standing.live:
            self.fault = glimpse.fault
            self._let_go(Standing.FAILED)
            self._dismiss()

    def blind(self, fault: TriptychError) -> None:
        """Fail: nothing can be followed any more."""
        if self.standing.live:
            self._stage.reception.rest()
            self.standing, self.fault = Standing.FAILED, fault
            self._dismiss()

    def describe(self) -> dict[str, Any]:
        """Return `state, job_type, target`."""
        glimpse = None if self._stage.eye is None else self._stage.eye.newest
        target = glimpse.target if glimpse is not None and self.standing.live else None
        return {
            "state": self._word(glimpse),
            "job_type": self._job_type if self.standing.live else self._stage.parameters.job_type,
            "target": glimpse and target and _target(glimpse, target),
        }

    def warnings(self) -> list[str]:
        """Return what the choice of persons does not do yet."""
        return self._stage.reception.hints(self._stage.parameters)

    def _begin(self, eye: Eye, target: object) -> None:
        lock = self._lock if self.standing.live else self._new_lock(eye)
        if target is not None and not _choose(lock, eye, target):
            if not self.standing.live:
                self._recognise_nobody(eye)
            raise Invalid("target must be the number of a track in view.", field="target")
        if not self.standing.live:
            self._lock, self._follower, self._sentry = lock, None, None
        was_paused, changed = self.standing is Standing.PAUSED, self._job_type != self._stage.parameters.job_type
        self._job_type = self._stage.parameters.job_type
        self.standing, self.fault = Standing.ON, None
        if was_paused and not changed:
            eye.go()
        else:
            self._seat(eye)

    def _seat(self, eye: Eye) -> None:
        """Put the pilot at the wheel that the job type and the parameters ask for, with the lock that their persons ask for."""
        chosen = self._lock.chosen if isinstance(self._lock, ChosenLock) else None
        if chosen != self._stage.parameters.recognized_persons:
            self._lock = self._new_lock(eye)
        eye.take(self._pilot(eye), held=self.standing is Standing.PAUSED)

    def _pilot(self, eye: Eye) -> Pilot:
        if self._stage.parameters.non_moving_target:
            return Still(self._lock)
        if self._job_type == "secure":
            self._sentry = self._sentry or Sentry(self._preset(), eye.head.limits, self._judge)
            self._sentry.preset = self._preset()
            return self._sentry
        if self._follower is None:
            self._follower = Follower(self._lock, self._preset(), eye.head.limits)
        self._follower.lock, self._follower.preset = self._lock, self._preset()
        return self._follower

    def _judge(self, track: Track) -> Judgement:
        """Say whether a face is a visitor (camera 4): anyone is, while no persons are chosen."""
        chosen = self._stage.parameters.recognized_persons
        return ANYONE if chosen is None else judge(chosen, self._stage.reception.recogniser().identity(track.number))

    def _keep_guard(self) -> None:
        """Raise alarms while the job type asks for it, and no longer."""
        if self._job_type != "secure":
            self._stand_down()
        elif self._guard is None:
            self._guard = Guard(self._stage.camera, self._judge, self._films(), self._shoot, self._stage.event)

    def _stand_down(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.close()

    def _dismiss(self) -> None:
        """Stand down in the frame loop's thread, where nothing may wait."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.dismiss()

    def _films(self) -> Filming:
        films = self._stage.activities["record"]
        assert isinstance(films, Filming)  # noqa: S101 - the register says so
        return films

    def _shoot(self, frame: Frame) -> str:
        at = self._stage.clock.now().astimezone()
        return take_shot(self._stage.archive, self._stage.camera, frame.image, at, alarm=True).id

    def _preset(self) -> Preset:
        return PRESETS["normal" if self._stage.parameters.ai == "official_ai" else "calm"]

    def _check_built(self, parameters: Parameters) -> None:
        if parameters.job_type == "learn":
            raise NotYet("not available yet")

    def _check_persons(self, parameters: Parameters) -> None:
        self._stage.reception.check_choice(parameters)
        if parameters.job_type != "secure":
            self._stage.reception.check_enrolled(parameters)

    def _new_lock(self, eye: Eye) -> Lock:
        """Return a lock on nobody yet: on any face, or on those of the chosen persons, who are recognised from now on."""
        chosen = self._stage.parameters.recognized_persons
        if chosen is None:
            self._recognise_nobody(eye)
            return Lock()
        eye.identify = self._stage.reception.recogniser().follow
        return ChosenLock(chosen, eye.identify)

    def _recognise_nobody(self, eye: Eye) -> None:
        eye.identify = None
        self._stage.reception.rest()

    def _check_head(self, eye: Eye) -> None:
        """Fail, and raise why, when there is no head to follow with (camera 9)."""
        if eye.vitals.failure is not None:
            with self._stage.lock:
                self._let_go(Standing.FAILED)
                self.fault = eye.vitals.failure
            self._stage.tell()
            self._stage.rest()
            raise eye.vitals.failure

    def _let_go(self, into: Standing) -> None:
        if self.standing.live and self._stage.eye is not None:
            self._stage.eye.let_go()
            self._recognise_nobody(self._stage.eye)
        self.standing = into

    def _word(self, glimpse: Glimpse | None) -> str:
        if self.standing is not Standing.ON:
            return self.standing.value
        return "starting" if glimpse is None or glimpse.phase is None else glimpse.phase.value


def _target(glimpse: Glimpse, target: Track) -> dict[str, Any]:
    person = glimpse.identity(target).person or None
    return {"track": target.number, "person": person, "box": box_of(target.box), "score": round(target.score, 3)}


def _choose(lock: Lock, eye: Eye, number: object) -> bool:
    """Make the track with this number the target; False when there is none."""
    for track in eye.newest.tracks if eye.newest is not None else ():
        if track.number == number and lock.admits(track):
            lock.choose(track)
            return True
    return False
