"""Tracking: puts the pilot at the wheel that the parameters ask for (camera 3.1, 4)."""

from dataclasses import asdict
from typing import Any

from triptych.camera.activities.record import Filming
from triptych.camera.activity import Stage, Standing
from triptych.camera.calibration import Calibration, Shelf
from triptych.camera.control import UNLEARNT_LAG, Lens, Phase
from triptych.camera.eye import Eye, Glimpse, box_of
from triptych.camera.guard import Guard
from triptych.camera.learn import Plan
from triptych.camera.parameters import JobType, Parameters
from triptych.camera.persons.choice import ChosenLock, judge
from triptych.camera.pilot import Pilot
from triptych.camera.pilots.follow import Follower
from triptych.camera.pilots.learn import Learner
from triptych.camera.pilots.sentry import Sentry
from triptych.camera.pilots.still import Still
from triptych.camera.shots import take_shot
from triptych.camera.track import Lock, Track
from triptych.camera.visits import ANYONE, Judgement
from triptych.camera.witness import Trust
from triptych.clock import to_text
from triptych.contracts import Frame
from triptych.errors import Invalid, TriptychError, Unavailable
from triptych.model import Json


class Tracking:
    """The activity `track`, whatever its job type."""

    def __init__(self, stage: Stage) -> None:
        self.standing, self.fault = Standing.OFF, None
        self._stage = stage
        self._job_type: JobType = stage.parameters.job_type
        self._patience = stage.definition.patience.patience()
        self._lock = Lock(self._patience.hold)
        self._follower: Follower | None = None
        self._learner: Learner | None = None
        self._shelf = Shelf(stage.folder / "calibrations")
        self.calibration: Calibration | None = self._shelf.find(stage.camera, stage.definition)
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

    def lens(self, told: Lens) -> Lens:
        """Return the lens that was `told` of, corrected by what the camera learnt."""
        return told if self.calibration is None else told.scaled(self.calibration.factor)

    def start(self, data: Json) -> None:
        """Begin, or take a changed job type; `target` in `data` is the number of the track to follow. Raises `TriptychError`."""
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
        if self.standing.live and self._learner is not None and parameters.non_moving_target:
            raise Invalid("non_moving_target must be null or false while a calibration moves the head.", field="non_moving_target")
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
        if not self.standing.live:
            return
        if glimpse.fault is not None:
            self._fail(glimpse.fault)
        elif glimpse.trust is Trust.STUCK:
            self._fail(Unavailable("The head does not turn as it is told.", code="head_stuck"))
        elif self._learner is not None and self._stage.eye is not None:
            self._learn(self._learner, self._stage.eye)

    def blind(self, fault: TriptychError) -> None:
        """Fail: nothing can be followed any more."""
        with self._stage.lock:
            if self.standing.live:
                self._let_go(Standing.FAILED)
                self._dismiss()
                self.fault = fault

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
        """Return what keeps the head from turning, and what the choice of persons does not do yet."""
        hints = self._stage.reception.hints(self._stage.parameters)
        glimpse = None if self._stage.eye is None or not self.standing.live else self._stage.eye.newest
        if glimpse is not None and glimpse.trust is not Trust.GIVEN:
            hints.append("head: it does not turn as it is told.")
        if glimpse is not None and glimpse.starved:
            hints.append("head: it stands still, for control runs under 10 Hz.")
        return hints

    def _begin(self, eye: Eye, target: object) -> None:
        lock = self._lock if self.standing.live else self._new_lock(eye)
        if target is not None and not _choose(lock, eye, target):
            if not self.standing.live:
                self._recognise_nobody(eye)
            raise Invalid("target must be the number of a track in view.", field="target")
        if not self.standing.live:
            self._lock, self._follower, self._sentry = lock, None, None
        was_paused, changed = self.standing is Standing.PAUSED, self._job_type != self._stage.parameters.job_type
        if changed or not self.standing.live:
            learns = self._stage.parameters.job_type == "learn"
            self._learner = Learner(self._told(eye), eye.head.limits) if learns else None
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
        if self._learner is not None:
            return self._learner
        if self._stage.parameters.non_moving_target:
            return Still(self._lock)
        preset = self._stage.definition.chosen(self._stage.parameters.ai)
        lag = UNLEARNT_LAG if self.calibration is None else self.calibration.lag
        if self._job_type == "secure":
            self._sentry = self._sentry or Sentry(preset, eye.head.limits, self._judge, lag=lag)
            self._sentry.preset = preset
            return self._sentry
        if self._follower is None:
            self._follower = Follower(self._lock, preset, eye.head.limits, lag=lag, patience=self._patience)
        self._follower.lock, self._follower.preset = self._lock, preset
        return self._follower

    def _told(self, eye: Eye) -> Lens:
        """Return the lens as the camera's definition tells it."""
        return self._stage.definition.head_options().lens(eye.source.size)

    def _learn(self, learner: Learner, eye: Eye) -> None:
        """Keep what was learnt and follow by it, once the run is over; where it failed, what was known before stays."""
        if learner.fault is not None:
            self._fail(Unavailable(learner.fault, code="calibration_failed"))
        elif learner.learnt is not None:
            self.calibration = Calibration(at=to_text(self._stage.clock.now()), **asdict(learner.learnt))
            self._shelf.keep(self._stage.camera, self._stage.definition, self.calibration)
            self._learner = self._follower = None
            eye.look_through(self.lens(self._told(eye)))
            self._seat(eye)

    def _fail(self, fault: TriptychError) -> None:
        self.fault = fault
        self._let_go(Standing.FAILED)
        self._dismiss()
        self._stage.rest()

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

    def _check_persons(self, parameters: Parameters) -> None:
        self._stage.reception.check_choice(parameters)
        if parameters.job_type != "secure":
            self._stage.reception.check_enrolled(parameters)

    def _new_lock(self, eye: Eye) -> Lock:
        """Return a lock on nobody yet: on any face, or on those of the chosen persons, who are recognised from now on."""
        chosen = self._stage.parameters.recognized_persons
        if chosen is None:
            self._recognise_nobody(eye)
            return Lock(self._patience.hold)
        eye.identify = self._stage.reception.recogniser().follow
        return ChosenLock(chosen, eye.identify, self._patience.hold)

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
        if self._stage.parameters.job_type == "learn" and not Plan(eye.head.limits).turns:
            raise Unavailable("job_type learn needs a head that turns 2 degrees or more.", code="head_fixed")

    def _let_go(self, into: Standing) -> None:
        if self.standing.live and self._stage.eye is not None:
            self._stage.eye.let_go()
            self._recognise_nobody(self._stage.eye)
        self.standing, self._learner = into, None

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
