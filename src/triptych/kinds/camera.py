"""The process of one camera: serves its channel, one call after the other, and keeps the session's job (camera.md 1, W9)."""

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, assert_never

import msgspec
import structlog

from triptych.camera.definition import Definition, read_definition
from triptych.camera.events import Tail
from triptych.camera.keeper import Keeper
from triptych.camera.moves import HALT
from triptych.camera.parameters import Mark, Parameters
from triptych.camera.records import Archive
from triptych.camera.session import Session
from triptych.camera.shelf import VERBS as SHELF
from triptych.camera.stream import Views
from triptych.camera.verbs import obey
from triptych.clock import SystemClock
from triptych.contracts import Channel, Clock
from triptych.errors import ChannelClosed, Invalid, NotFound, TriptychError
from triptych.kinds import KINDS, CameraSpec
from triptych.kinds.inbox import Inbox
from triptych.messages import (
    Answer,
    Ask,
    Asked,
    Body,
    Ended,
    Finding,
    Order,
    Pause,
    Paused,
    Refused,
    Reply,
    Resume,
    Resumed,
    Running,
    Start,
    Stop,
)
from triptych.model import End, EndReason, Fault, Json, Place

log = structlog.get_logger()

TICK = timedelta(milliseconds=250)
UNUSED = timedelta(seconds=10)
KEEPING_BOUND = timedelta(seconds=3)
FIRST_FRAME = timedelta(seconds=2)
NEEDS_SESSION = frozenset({"track", "record", "mission", "live_stream", "take_shots"})
NEEDS_RECORDS = frozenset(SHELF) - {"read"}


def run(channel: Channel, place: Place) -> None:
    """Serve one camera until nobody used it for 10 s or the agent is gone."""
    Server(channel, place, SystemClock()).run()


class Server:
    """Takes the requests of one camera in order. Only an answer to `track` is held back, until the target is locked."""

    def __init__(self, channel: Channel, place: Place, clock: Clock) -> None:
        self._channel, self._clock = channel, clock
        self._folder, self._place = Path(place.data_dir), place
        self._models_dir = Path(place.models_dir) if place.models_dir else None
        self._records = self._folder / "records"
        self._session: Session | None = None
        self._tail: Tail | None = None
        self._definition = Definition()
        self._archive = Archive(self._records)
        self._keeper = Keeper(self._archive, clock, self.happened)
        self._job: tuple[str, int] | None = None
        self._job_since = self._used = clock.monotonic()
        self._was_paused = False
        self._reason = EndReason.DONE
        self._waiting: dict[int, timedelta] = {}
        self._lock = threading.RLock()
        self._inbox = Inbox(channel, self._glance)

    def run(self) -> None:
        """Serve until the end."""
        self._keeper.start()
        try:
            while self._needed():
                asked = self._inbox.receive(self._pause())
                if asked is not None:
                    self._used = self._clock.monotonic()
                    self._serve(asked)
                self._tick()
        except ChannelClosed:
            log.info("agent gone")
        finally:
            self._inbox.close()
            if self._session is not None:
                self._session.close()
            self._keeper.close()

    def settled(self, fault: TriptychError | None = None) -> None:
        """Answer whoever waits for the target."""
        reply = Answer() if fault is None else Refused(code=fault.code, message=fault.message)
        with self._lock:
            numbers, self._waiting = list(self._waiting), {}
        for number in numbers:
            self._answer(number, reply)

    def changed(self, state: dict[str, Any]) -> None:
        """Report a new state to those who watch the job."""
        with self._lock:
            self.happened("camera", state)
            paused = state["state"] == "paused"
            if paused != self._was_paused:
                self._report(Paused() if paused else Resumed())
            self._was_paused = paused

    def happened(self, note: str, data: Json) -> None:
        """Report an event to those who watch the job, and to those who watch the camera."""
        with self._lock:
            self._report(Finding(note=note, data=dict(data)))
            if self._tail is not None:
                self._tail.add("state" if note == "camera" else note, data)

    def rest(self, fault: TriptychError | None) -> None:
        """End the session's job: everything it was for is off."""
        end = End(reason=self._reason)
        if fault is not None and self._reason is EndReason.DONE:
            end = End(reason=EndReason.FAILED, fault=Fault(code=fault.code, message=fault.message))
        self._end(end)

    def _glance(self, asked: Asked) -> None:
        """Stop every axis as soon as that is asked for; the rest of it waits for its turn (camera S2)."""
        if isinstance(asked.request, Ask) and asked.request.verb == HALT and self._session is not None:
            self._session.halt()

    def _needed(self) -> bool:
        idle = self._session is None or not self._session.tick()
        return self._job is not None or not idle or self._clock.monotonic() - self._used < UNUSED

    def _pause(self) -> timedelta:
        """Return how long to wait for a request: until the first waiting answer is due, or for a tick."""
        with self._lock:
            due = min(self._waiting.values(), default=None)
        return TICK if due is None else max(timedelta(0), min(TICK, due - self._clock.monotonic()))

    def _tick(self) -> None:
        now = self._clock.monotonic()
        with self._lock:
            if self._tail is not None:
                self._tail.repeat()
            overdue = [number for number, due in self._waiting.items() if due <= now]
            self._waiting = {number: due for number, due in self._waiting.items() if due > now}
        for number in overdue:
            self._answer(number, Answer())
        if self._job is not None and self._session is not None and not self._session.live and now - self._job_since > UNUSED:
            self._end(End(reason=EndReason.DONE))

    def _serve(self, asked: Asked) -> None:
        try:
            reply = self._reply(asked.number, asked.request)
        except TriptychError as fault:
            reply = Refused(code=fault.code, message=fault.message)
        except OSError as fault:
            log.exception("request failed", number=asked.number)
            reply = Refused(code="storage", message=f"The file system refused: {os.strerror(fault.errno or 0)}.")
        except ChannelClosed:
            raise
        except Exception:
            log.exception("request failed", number=asked.number, job_id=self._job and self._job[0])
            reply = Refused(code="internal", message="internal error")
        if reply is not None:
            self._channel.answer(asked.number, reply)

    def _reply(self, number: int, request: Order) -> Reply | None:
        match request:
            case Start():
                return self._start(request)
            case Ask():
                return self._asked(number, request)
            case Stop():
                session = self._held(request.job_id)
                self._reason = request.reason
                session.stop()
            case Pause():
                self._held(request.job_id).pause()
            case Resume():
                self._held(request.job_id).resume()
            case _:
                assert_never(request)
        return Answer()

    def _start(self, request: Start) -> Reply:
        try:
            session = self._meet(request.spec)
            if self._job is not None:
                raise Invalid("This camera has a session already.")
        except TriptychError as fault:
            end = End(reason=EndReason.NEVER_STARTED, fault=Fault(code="start_failed", message=fault.message))
            self._channel.report(request.job_id, request.attempt, Ended(end=end))
            return Refused(code="start_failed", message=fault.message)
        with self._lock:
            self._job, self._job_since = (request.job_id, request.attempt), self._clock.monotonic()
            self._was_paused, self._reason = False, EndReason.DONE
            session.job = request.job_id
            self._report(Running(pid=os.getpid()))
        return Answer(data={"pid": os.getpid()})

    def _asked(self, number: int, request: Ask) -> Reply | None:
        session = self._meet(request.spec)
        if request.verb in NEEDS_SESSION and self._job is None:
            return Refused(code="no_session", message="The camera has no session.")
        if request.verb == "track":
            return self._track(number, session, request.data)
        if request.verb in NEEDS_RECORDS:
            self._keeper.ready(KEEPING_BOUND)
        return Answer(data=dict(obey(session, request.verb, request.data)))

    def _track(self, number: int, session: Session, data: Json) -> Reply | None:
        session.start("track", data)
        bound = timedelta(seconds=self._definition.lock_wait_s) if session.locks else FIRST_FRAME
        with self._lock:
            self._waiting[number] = self._clock.monotonic() + bound
        if not session.waits_for_lock:
            self.settled()
        return None

    def _meet(self, spec: Mapping[str, Any]) -> Session:
        """Return the session. The first request says what the camera is, or a later one while nobody uses it."""
        asked = msgspec.convert(spec, CameraSpec)
        definition = read_definition(asked.definition)
        if self._session is not None and (definition == self._definition or self._job is not None or self._session.busy):
            return self._session
        if self._session is not None:
            self._session.close()
        self._definition = definition
        self._archive.min_free_bytes = definition.min_free_bytes
        self._keeper.keep(asked.camera, definition.records)
        process = KINDS["camera"].process("", spec)
        self._tail = self._tail or Tail(process, self._show, self._clock)
        self._session = Session(
            asked.camera,
            definition,
            msgspec.convert(asked.parameters, Parameters),
            msgspec.convert(asked.mark, Mark | None),
            folder=self._folder,
            place=self._place,
            models_dir=self._models_dir,
            archive=self._archive,
            clock=self._clock,
            views=Views(process, self._show, self._clock),
            teller=self,
        )
        return self._session

    def _held(self, job_id: str) -> Session:
        if self._session is None or self._job is None or self._job[0] != job_id:
            raise NotFound("job not found", code="job_not_found")
        return self._session

    def _end(self, end: End) -> None:
        with self._lock:
            self._report(Ended(end=end))
            self._job = None
            if self._session is not None:
                self._session.job = None

    def _report(self, body: Body) -> None:
        if self._job is not None:
            with suppress(ChannelClosed):
                self._channel.report(*self._job, body)

    def _answer(self, number: int, reply: Reply) -> None:
        with suppress(ChannelClosed):
            self._channel.answer(number, reply)

    def _show(self, topic: str, picture: bytes) -> bool:
        with suppress(ChannelClosed):
            return self._channel.show(topic, picture)
        return False
