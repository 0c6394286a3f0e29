"""A camera at work: its activities, and what each call does to them (camera.md 3).

Calls come from one thread, one after the other; the frame loop tells what it saw from its own. Both meet at one lock, which is never
held while anything is waited for.
"""

import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from triptych.camera.activities import ACTIVITIES
from triptych.camera.activities.record import Filming
from triptych.camera.activities.track import Tracking
from triptych.camera.activity import Activity, Standing
from triptych.camera.definition import Definition
from triptych.camera.eye import SIGHTS, Eye, Glimpse
from triptych.camera.feed import Trouble
from triptych.camera.lookout import Ears, Lookout
from triptych.camera.manual import Manual
from triptych.camera.parameters import Mark, Parameters, Variant
from triptych.camera.persons.reception import Reception
from triptych.camera.records import Archive
from triptych.camera.shots import encode_jpeg, take_shot
from triptych.camera.state import Facts, describe, essence
from triptych.camera.stream import QUALITY, View, Views, render
from triptych.contracts import Clock
from triptych.errors import TriptychError, Unavailable
from triptych.model import Json, Place

FRESH = timedelta(milliseconds=200)
FIRST_SIGHT = timedelta(seconds=1)
PEEK = timedelta(seconds=2)
GIVES_UP = MappingProxyType({"record": timedelta(seconds=10), "track": timedelta(seconds=30)})
"""How long an activity waits for a picture that was lost (camera 11)."""


class Teller(Protocol):
    """Whom a session tells what happens to it, from any thread."""

    def settled(self, fault: TriptychError | None = None) -> None:
        """Take note that the target is locked, or that nobody has to wait for it any more; `fault` says why it never will be."""

    def changed(self, state: dict[str, Any]) -> None:
        """Take note of a new state."""

    def happened(self, note: str, data: Json) -> None:
        """Take note of an event: `note` is its kind."""

    def rest(self, fault: TriptychError | None) -> None:
        """Take note that every activity is off, finished or failed, after one was on."""


class Session:
    """One camera in its process. Opens the source at the first call that needs it, and gives it back when nobody used it for 10 s."""

    def __init__(
        self,
        camera: str,
        definition: Definition,
        parameters: Parameters,
        mark: Mark | None,
        *,
        folder: Path,
        place: Place | None = None,
        archive: Archive,
        clock: Clock,
        views: Views,
        teller: Teller,
        models_dir: Path | None = None,
    ) -> None:
        self.camera, self.definition, self.folder = camera, definition, folder
        self.parameters, self.mark = parameters, mark
        self.archive, self.clock = archive, clock
        self.reception = Reception(folder / "persons", models_dir or folder / "models", clock, faceless=_faceless(definition))
        self.lock = threading.RLock()
        self.job: str | None = None
        self._views, self._teller = views, teller
        self._essence: object = None
        self.manual = Manual(self)
        ears = Ears(notice=self._noticed, blind=self._blind, starve=self._starved)
        place = place or Place(worker_id="", data_dir=str(folder))
        self._lookout = Lookout(definition, place, ears, clock=clock, views=views, manual=self.manual)
        self._lookout.mark = mark
        self.activities: Mapping[str, Activity] = {cause: make(self) for cause, make in ACTIVITIES.items()}

    @property
    def eye(self) -> Eye | None:
        """The open eye, None while the source is closed."""
        return self._lookout.eye

    @property
    def live(self) -> bool:
        """Whether any activity goes on, now or after a resume."""
        return any(activity.standing.live for activity in self.activities.values())

    @property
    def busy(self) -> bool:
        """Whether any activity goes on, anybody looks, or something is moved by hand."""
        return self.live or self.manual.busy or self._views.wanted(self.clock.monotonic())

    @property
    def waits_for_lock(self) -> bool:
        """Whether whoever asked for track has still to wait."""
        return self._tracking.waits

    @property
    def locks(self) -> bool:
        """Whether track answers when a target is locked, or as soon as it runs (camera 2.6)."""
        return self._tracking.locks

    def start(self, cause: str, data: Json | None = None) -> None:
        """Start an activity, go on with it where it is paused, or let it take what changed. Raises `TriptychError`: nothing changed."""
        self.activities[cause].start(data or {})

    def shoot(self) -> str:
        """Keep one photograph of now; return its id."""
        self.archive.check_room()
        glimpse = self._lookout.next(self.opened())
        note = take_shot(self.archive, self.camera, glimpse.frame.image, self.clock.now().astimezone())
        self.rest()
        return note.id

    def stop(self, cause: str | None = None) -> None:
        """End one activity, or all; what it wrote is on the disk and whole then."""
        for activity in self._meant(cause):
            activity.stop()
        self.tell()
        self._teller.settled()
        self.rest()

    def pause(self, cause: str | None = None) -> None:
        """Hold what goes on: the head still, no frame written."""
        for activity in self._meant(cause):
            activity.pause()
        self.tell()
        self._teller.settled()

    def resume(self, cause: str | None = None) -> None:
        """Go on with what is paused: the same target if it was seen within 5 s, the same file."""
        for activity in self._meant(cause):
            activity.resume()
        self.tell()

    def halt(self) -> None:
        """Let every axis stand at once and stay so, whatever else goes on; the one call that may come from any thread."""
        self.manual.halt()

    def settle_halt(self) -> None:
        """Pause whatever moved when everything was halted; from then on axes may be moved again."""
        self.manual.halt()
        self.pause("track")
        self.pause("mission")
        self.manual.ease()

    def configure(self, parameters: Parameters, mark: Mark | None) -> None:
        """Take new parameters and mark, in force with the next frame. Raises `TriptychError` for what a running activity cannot honour."""
        for activity in self.activities.values():
            activity.check(parameters)
        with self.lock:
            self.parameters, self.mark, self._lookout.mark = parameters, mark, mark
            if self.eye is not None:
                self.eye.mark = mark
        for activity in self.activities.values():
            activity.adapt()
        self.tell()
        self._teller.settled()

    def view(self, variant: Variant) -> str:
        """Make pictures of this variant for a while, from when there are some; return their topic."""
        topic = self._views.want(variant, self.clock.monotonic())
        eye = self._lookout.seeing(self._tracking.lens)
        if variant.marks:
            self._lookout.look(eye)
        return topic

    def picture(self, variant: Variant) -> bytes:
        """Return the newest picture as a JPEG, at most 200 ms old. Raises `Unavailable` with code `stale` when there is none for 2 s."""
        eye = self.opened()
        marks = variant.marks and self.mark is not None and self._lookout.look(eye)
        if marks:
            eye.peek(self.clock.monotonic() + PEEK)
            eye.wait(lambda glimpse: glimpse.searched >= SIGHTS, FIRST_SIGHT)
        glimpse = self._lookout.next(eye, FRESH)
        view = View(frame=glimpse.frame, objects=glimpse.marked())
        return encode_jpeg(render(view, self.mark if marks else None, variant.width), QUALITY)

    def state(self) -> dict[str, Any]:
        """Return the state object."""
        with self.lock:
            return describe(self._facts())

    def tick(self) -> bool:
        """Give the source back when nobody used it for 10 s, or when it is lost; return whether it is still open."""
        if self.live or self.manual.busy:
            self._lookout.use()
        if self._lookout.is_idle:
            self._close_eye()
        return self.eye is not None

    def close(self) -> None:
        """Stop the head and finish what is written."""
        self.stop()
        self._close_eye()
        self.reception.close()
        self.manual.close()

    def opened(self) -> Eye:
        """Return the open eye, having seen a frame. Raises `Unavailable`: code `source_silent` after 5 s without.

        Where its picture was lost since: code `source_lost`, at once, but after 2 s where it may only be late.
        """
        return self._lookout.opened(self._tracking.lens)

    def search(self, eye: Eye) -> None:
        """Let the eye look for faces. Raises `Unavailable` when there is no detector."""
        self._lookout.search(eye)

    def fresh(self) -> Glimpse:
        """Return a frame that is at most 200 ms old. Raises `Unavailable` with code `stale`."""
        return self._lookout.next(self.opened(), FRESH)

    def tell(self) -> None:
        """Tell the state to whoever watches, if it is another one."""
        with self.lock:
            state = describe(self._facts())
            if (now := essence(state)) != self._essence:
                self._essence = now
                self._teller.changed(state)

    def event(self, note: str, data: Json) -> None:
        """Tell something that happened."""
        self._teller.happened(note, data)

    def settled(self, fault: TriptychError | None = None) -> None:
        """Say that nobody has to wait for a lock any more."""
        self._teller.settled(fault)

    def rest(self) -> None:
        """End the session's job if nothing goes on any more."""
        if not self.live:
            failed = [activity.fault for activity in self.activities.values() if activity.standing is Standing.FAILED]
            self._teller.rest(failed[0] if failed else None)

    @property
    def _tracking(self) -> Tracking:
        tracking = self.activities["track"]
        assert isinstance(tracking, Tracking)  # noqa: S101 - the register says so
        return tracking

    @property
    def _filming(self) -> Filming:
        filming = self.activities["record"]
        assert isinstance(filming, Filming)  # noqa: S101 - the register says so
        return filming

    def _meant(self, cause: str | None) -> list[Activity]:
        return list(self.activities.values()) if cause is None else [self.activities[cause]]

    def _close_eye(self) -> None:
        if self._lookout.close():
            self._filming.shut()
            self.tell()

    def _noticed(self, glimpse: Glimpse) -> None:
        """Take a frame from the loop: to each activity, and into the state where it changed something."""
        with self.lock:
            for activity in self.activities.values():
                activity.notice(glimpse)
            self.tell()
            settled, fault = not self.waits_for_lock, self.activities["track"].fault
        if settled:
            self._teller.settled(fault)

    def _starved(self, trouble: Trouble | None, silent: timedelta) -> None:
        """Take it from the loop that there is no fresh picture, or one again."""
        if trouble != self._lookout.trouble:
            self._lookout.trouble = trouble
            told = ("back", None) if trouble is None else (trouble.kind, trouble.message)
            self.event("source", dict(zip(("state", "message"), told, strict=True)))
        weary = [self.activities[cause] for cause, bound in GIVES_UP.items() if silent >= bound and self.activities[cause].standing.live]
        if trouble is not None and weary:
            fault = Unavailable(trouble.message, code="source_lost")
            for activity in weary:
                activity.blind(fault)
            if self._tracking in weary:
                self._teller.settled(fault)
            self.rest()
        self.tell()

    def _blind(self, message: str) -> None:
        """Take it from the loop that there will be no more frames."""
        fault = Unavailable(message, code="source_lost")
        for activity in self.activities.values():
            activity.blind(fault)
        self.tell()
        self._teller.settled(fault)
        self.rest()

    def _facts(self) -> Facts:
        glimpse = None if self.eye is None else self.eye.newest
        age = None if glimpse is None else (self.clock.monotonic() - glimpse.frame.captured).total_seconds()
        faults = {cause: activity.fault for cause, activity in self.activities.items()} | {"arm": self.manual.fault}
        return Facts(
            camera=self.camera,
            definition=self.definition,
            parameters=self.parameters,
            mark=self.mark,
            session=self.job,
            activities=self.activities,
            eye=self.eye,
            age_s=age,
            faults=(*self._lookout.hints(), *(f"{cause}: {fault.message}" for cause, fault in faults.items() if fault is not None)),
            calibration=self._tracking.calibration,
        )


def _faceless(definition: Definition) -> str | None:
    """Say why a camera sees no faces that could be recognised; None when it does."""
    if definition.simulated:
        return "a sim source shows no faces"
    return None if definition.colour is None else "this camera follows a colour"
