"""The frame loop of a camera: read, look through the head, find faces, follow one, show. One thread; nothing in it waits for anybody."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import cv2
import structlog

from triptych.camera.control import Command, Lens, Phase, PoseTrail
from triptych.camera.faces import Cadence, Detector, Gaze
from triptych.camera.marks import Seen
from triptych.camera.parameters import Mark
from triptych.camera.persons.choice import Identify
from triptych.camera.persons.matching import NOBODY_YET, Identity, Standing
from triptych.camera.pilot import Pilot
from triptych.camera.pulse import Pulse
from triptych.camera.stream import View, Views
from triptych.camera.track import Box, Face, Track, Tracker
from triptych.camera.vitals import Vitals
from triptych.camera.wheel import Owner, Wheel
from triptych.camera.witness import Trust, Witness
from triptych.contracts import Clock, Frame, Head, Pose, Sound, Source
from triptych.errors import TriptychError, Unavailable

log = structlog.get_logger()

SIGHTS = 5
"""Frames in which a new face has become a confirmed track."""
UNSEEN = timedelta(seconds=0.15)
"""Longer than the thinnest detection leaves between two looks."""
REMEMBERED = timedelta(seconds=5)
MOST_FAULTS = 30
RATE_FRAMES = 60
MOVING_DEG = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What one frame told. `phase` is None while no pilot steers; `searched` counts frames since looking began.

    `fault` says why nothing can be followed any more, `starved` that control is too slow to turn the head, `identities` whose face each
    track is: None while nobody is recognised.
    """

    frame: Frame
    pose: Pose
    tracks: tuple[Track, ...] = ()
    target: Track | None = None
    phase: Phase | None = None
    at_limit: bool = False
    moving: bool = False
    searched: int = 0
    fault: TriptychError | None = None
    kind: str = "face"
    identities: Mapping[int, Identity] | None = None
    sound: tuple[Sound, ...] = ()
    trust: Trust = Trust.GIVEN
    starved: bool = False

    def identity(self, track: Track) -> Identity:
        """Return whose face a track shows, as far as that is known."""
        return NOBODY_YET if self.identities is None else self.identities.get(track.number, NOBODY_YET)

    def objects(self) -> list[dict[str, object]]:
        """Return the objects of a line of the sidecar (camera R6)."""
        return [
            {
                "track": track.number,
                "person": self.identity(track).person or None,
                "kind": self.kind,
                "box": box_of(track.box),
                "score": round(track.score, 3),
                "target": track is self.target,
            }
            for track in self._certain()
        ]

    def marked(self) -> tuple[Seen, ...]:
        """Return what live pictures mark: the target, or while nothing is followed the face that would be."""
        certain = self._certain()
        largest = max(certain, key=lambda track: track.box.area, default=None) if self.identities is None else None
        return tuple(self._seen(track, target=track is (self.target or largest)) for track in certain)

    def _seen(self, track: Track, *, target: bool) -> Seen:
        identity = self.identity(track)
        known = identity.standing is Standing.PERSON
        label = identity.name if known else str(track.number) if target else ""
        return Seen(box=_xywh(track.box), label=label, target=target, coasting=self._misses(track), known=known)

    def _misses(self, track: Track) -> bool:
        return self.frame.captured - track.last_seen > UNSEEN

    def _certain(self) -> list[Track]:
        return [track for track in self.tracks if track.confirmed or track is self.target]


class Eye:
    """A source and a head at work. `notice` is called once a frame, `blind` once if the loop ends by a fault, both in the loop's thread."""

    def __init__(
        self,
        source: Source,
        head: Head,
        *,
        lens: Lens,
        clock: Clock,
        views: Views,
        budget: float,
        notice: Callable[[Glimpse], None],
        blind: Callable[[str], None],
        vitals: Vitals | None = None,
    ) -> None:
        self.source, self.head, self.wheel = source, head, Wheel(head)
        self.vitals = vitals or Vitals()
        self.detector: Detector | None = None
        self.mark: Mark | None = None
        self.identify: Identify | None = None
        self.detect_ms = 0.0
        self._lens, self._clock, self._views = lens, clock, views
        self._notice, self._blind = notice, blind
        self.cadence = Cadence(budget, source.fps)
        self._tracker, self._trail = Tracker(lens), PoseTrail()
        self._witness, self._pulse, self._gaze = Witness(lens), Pulse(), Gaze()
        self._pilot: Pilot | None = None
        self._held = False
        self._sighted = timedelta(0)
        self._turn = threading.Lock()
        self._peek_until = timedelta(0)
        self._searched = self._faults = 0
        self._times: deque[timedelta] = deque(maxlen=RATE_FRAMES)
        self._open = True
        self._arrived = threading.Condition()
        self._newest: Glimpse | None = None
        self._thread = threading.Thread(target=self._run, name="eye", daemon=True)
        self._thread.start()

    @property
    def newest(self) -> Glimpse | None:
        """The newest frame and what it told."""
        return self._newest

    @property
    def fps(self) -> float:
        """The measured rate of the last frames."""
        times = list(self._times)
        span_s = (times[-1] - times[0]).total_seconds() if len(times) > 1 else 0.0
        return (len(times) - 1) / span_s if span_s else 0.0

    @property
    def ended(self) -> bool:
        """Whether the loop has ended."""
        return not self._open

    def pose_at(self, moment: timedelta) -> Pose:
        """Return where the head looked at `moment` of the last two seconds."""
        return self._trail.at(moment)

    def wait(self, wanted: Callable[[Glimpse], bool], bound: timedelta) -> Glimpse | None:
        """Return the first glimpse from now on, or the newest, that is wanted; None after `bound`."""
        with self._arrived:
            self._arrived.wait_for(lambda: not self._open or (self._newest is not None and wanted(self._newest)), bound.total_seconds())
            return self._newest if self._newest is not None and wanted(self._newest) else None

    def peek(self, until: timedelta) -> None:
        """Look for faces until then, though nobody follows."""
        self._peek_until = until

    def look_through(self, lens: Lens) -> None:
        """Tell angles by another lens from the next frame on; what was tracked is tracked anew."""
        with self._turn:
            self._tracker, self._witness = Tracker(lens), Witness(lens)

    def take(self, pilot: Pilot, *, held: bool = False) -> None:
        """Let `pilot` watch and steer from the next frame on; one that is `held` steers after `go` only."""
        with self._turn:
            self._pilot, self._held = pilot, held
            self._begin_anew()

    def hold(self) -> None:
        """Stand still at once; the pilot goes on watching."""
        with self._turn:
            self._held = True
            self.wheel.stop(Owner.TRACK)

    def go(self) -> None:
        """Let the pilot steer again; it looks for a target anew when the old one was out of sight for 5 s."""
        with self._turn:
            if self._pilot is not None and self._clock.monotonic() - self._sighted > REMEMBERED:
                self._pilot.forget()
            self._held = False
            self._begin_anew()

    def let_go(self) -> None:
        """Stand still at once; nobody steers any more."""
        with self._turn:
            self._pilot, self._held = None, False
            self.wheel.stop(Owner.TRACK)

    def close(self) -> None:
        """Stop the head and give source and head back."""
        self._open = False
        self._thread.join()
        self.head.close()
        self.source.close()

    def _run(self) -> None:
        try:
            while self._open:
                self._step()
        except Exception:
            log.exception("frame loop ended")
            self.head.stop()
            self._open = False
            self._blind("The camera's picture was lost.")
        with self._arrived:
            self._arrived.notify_all()

    def _step(self) -> None:
        self._trail.note(self.head.pose())
        self.vitals.note(self._clock.monotonic(), self.head.fault)
        frame = self.source.read()
        begun_s = time.thread_time()
        if frame is None:
            self.head.stop()
            return
        self._trail.note(self.head.pose())
        self._times.append(frame.captured)
        view, detect_s = self.head.view(frame), 0.0
        now = self._clock.monotonic()
        sound = tuple(self.source.listen())
        glimpse = Glimpse(frame=view, pose=self._trail.at(frame.captured), moving=self._moves(), sound=sound)
        if self._looks(now):
            faces, detect_s = self._find(view)
            glimpse = self._judge(glimpse, faces)
        else:
            self._searched = 0
        self._publish(glimpse)
        self._views.show(View(frame=view, objects=glimpse.marked(), pose=glimpse.pose), self.mark, now)
        self.cadence.note(now, time.thread_time() - begun_s - detect_s, detect_s)

    def _looks(self, now: timedelta) -> bool:
        wanted = self._pilot is not None or now < self._peek_until or (self.mark is not None and self._views.marked(now))
        return wanted and self.detector is not None

    def _find(self, view: Frame) -> tuple[Sequence[Face] | None, float]:
        """Return the faces in `view`, None where it was not searched, and what that took in seconds of this thread."""
        if self.detector is None or not self.cadence.due(view.number):
            return None, 0.0
        begun_s = time.thread_time()
        try:
            target = None if self._newest is None else self._newest.target
            faces = self._gaze.find(self.detector, view, target, self.cadence.every)
            self._faults = 0
        except (cv2.error, RuntimeError, ValueError) as fault:
            faces = None
            self._faults += 1
            log.warning("frame not searched", fault=str(fault))
        self._searched += 1
        took_s = time.thread_time() - begun_s
        self.detect_ms += (took_s * 1000 - self.detect_ms) / 10
        return faces, took_s

    def _judge(self, glimpse: Glimpse, faces: Sequence[Face] | None) -> Glimpse:
        captured = glimpse.frame.captured
        tracks = self._tracker.update(captured, faces, glimpse.pose)
        identities = None if self.identify is None else self.identify(captured, tracks)
        with self._turn:
            target, command = self._consult(glimpse, tracks)
        return Glimpse(
            frame=glimpse.frame,
            pose=glimpse.pose,
            tracks=tracks,
            target=target,
            phase=None if command is None else command.phase,
            at_limit=command is not None and command.at_limit,
            moving=glimpse.moving,
            searched=self._searched,
            fault=self._fault(),
            kind="face" if self.detector is None else self.detector.kind,
            identities=identities,
            sound=glimpse.sound,
            trust=self._witness.trust,
            starved=not self._pulse.steady,
        )

    def _fault(self) -> TriptychError | None:
        if self._faults >= MOST_FAULTS:
            return Unavailable("The detector failed.", code="detector_failed")
        return self.vitals.failure

    def _consult(self, glimpse: Glimpse, tracks: tuple[Track, ...]) -> tuple[Track | None, Command | None]:
        """Let the pilot watch, and steer unless the camera is paused."""
        if self._pilot is None:
            return None, None
        target = self._pilot.watch(glimpse.frame, glimpse.pose, tracks)
        if target is not None and target.seen:
            self._sighted = glimpse.frame.captured
        if self._held:
            return target, None
        now = self._clock.monotonic()
        command = self._pilot.steer(now, self.head.pose())
        if not self._pulse.beat(now):
            command = replace(command, moves=False)
        if self.wheel.steer(Owner.TRACK, command) and command.phase is not Phase.LEARNING:
            self._witness.note(glimpse.frame, glimpse.pose, tracks, command)
        else:
            self._witness.forget()
        return target, command

    def _begin_anew(self) -> None:
        self._witness.forget()
        self._pulse.forget()

    def _publish(self, glimpse: Glimpse) -> None:
        with self._arrived:
            self._newest = glimpse
            self._arrived.notify_all()
        self._notice(glimpse)

    def _moves(self) -> bool:
        last, pose = self._newest, self.head.pose()
        return last is not None and abs(pose.pan_deg - last.pose.pan_deg) + abs(pose.tilt_deg - last.pose.tilt_deg) > MOVING_DEG


def box_of(box: Box) -> list[float]:
    """Return x, y, width and height in fractions of the frame."""
    return [round(edge, 4) for edge in _xywh(box)]


def _xywh(box: Box) -> tuple[float, float, float, float]:
    return float(box.left), float(box.top), float(box.right - box.left), float(box.bottom - box.top)
