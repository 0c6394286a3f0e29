"""Annotate jobs: one file, one sandboxed decode, all features; this process reads no media itself."""

import os
import selectors
import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import assert_never

import msgspec

from triptych.contracts import Channel
from triptych.errors import ChannelClosed, TriptychError
from triptych.kinds import AnnotateSpec
from triptych.kinds.probing import probe
from triptych.media.analysis import Analysis
from triptych.media.content import open_content
from triptych.media.context import Context
from triptych.media.fetch import Fetching, open_source
from triptych.media.inputs import PEEK_BYTES, refuse_text
from triptych.media.measured import Alive, Broken, Dropped, Finished, FromDecoder, Indexed, Measured, Ready, Times, Torn
from triptych.media.measuring import Measuring
from triptych.media.shelf import Shelf, fingerprint
from triptych.media.spans import Item, Segments
from triptych.media.watch import Watch
from triptych.messages import (
    Answer,
    Ask,
    Asked,
    Ended,
    Finding,
    Order,
    Pause,
    Paused,
    Progress,
    Refused,
    Resume,
    Resumed,
    Running,
    Start,
    Stop,
)
from triptych.model import End, EndReason, Fault, Place

FIRST_PROGRESS_S = 0.5
PROGRESS_S = 1.0
STALL_S = 60.0
TICK_S = 0.25
MOST_FINDINGS = 1000
"""How many items of one job are told to watchers as they are found; the result holds all."""


def run(channel: Channel, place: Place) -> None:
    """Serve one annotate job over `channel`: receive its `Start`, measure, report, return. Or look at one input and answer an `Ask`."""
    asked = channel.receive()
    if asked is None:
        return
    if isinstance(asked.request, Ask):
        channel.answer(asked.number, probe(asked.request, place))
        return
    if not isinstance(asked.request, Start):
        channel.answer(asked.number, Refused(code="invalid", message="the first request to an annotate process is a start"))
        return
    job = Annotation(channel, place, asked.request)
    try:
        job.begin(asked.number)
        job.serve()
    except ChannelClosed:
        return
    finally:
        job.close()


class Annotation:
    """One attempt of one job: decoders at work, the analysis beside them, and the agent's requests."""

    def __init__(self, channel: Channel, place: Place, start: Start) -> None:
        self._channel = channel
        self._place = place
        self._start = start
        self._spec = msgspec.convert(start.spec, AnnotateSpec)
        self._source: int | None = None
        self._measuring: Fetching | Measuring | None = None
        self._finished: Finished | None = None
        self._items: dict[str, list[Item]] = {}
        self._paused_at: float | None = None
        self._ended = False
        self._findings: set[tuple[str, bytes]] = set()
        self._told: dict[str, float] = {}
        now = time.monotonic()
        self._heard_at = now
        self._next_progress = now + FIRST_PROGRESS_S
        self._deadline = None if self._spec.deadline_s is None else now + self._spec.deadline_s
        self._shelf: Shelf | None = None
        self._folder = Path(place.data_dir, "media", start.job_id)
        self._watch = Watch(start.job_id, self._folder, self._tell, lambda: datetime.now(UTC), min_free_gib=place.min_free_gib)
        self._analysis = self._fresh()

    def begin(self, number: int) -> None:
        """Say that the job runs, open its input and start the decoder; what cannot be opened ends the job."""
        self._report(Running(pid=os.getpid()))
        self._channel.answer(number, Answer(data={"pid": os.getpid()}))
        try:
            self._source, fetching = self._opened()
        except TriptychError as fault:
            self._fail("input_gone" if fault.code == "input_not_found" else "bad_media", fault.message)
            return
        self._measuring = fetching or self._begin_measuring(self._source)

    def _begin_measuring(self, source: int) -> Measuring:
        self._shelf = Shelf(self._folder / "chunks", fingerprint(source, msgspec.json.encode(self._spec)))
        self._shelf.tidy()
        return Measuring(source, self._analysis.plan, processes=self._place.decoders, shelf=self._shelf)

    def _opened(self) -> tuple[int, Fetching | None]:
        """Return a descriptor of what came with the request, or of what its inputUri names and the fetch that fills it."""
        content = self._spec.content
        if content is None:
            return open_source(self._spec.input_uri, self._place)
        source = open_content(self._place.data_dir, content)
        try:
            refuse_text(os.pread(source, PEEK_BYTES, 0))
        except TriptychError:
            os.close(source)
            raise
        return source, None

    def serve(self) -> None:
        """Work until the job has ended."""
        # Not epoll, which forgets a pipe that is closed even when the next decoder's has the same number.
        with selectors.PollSelector() as selector:
            selector.register(self._channel.fileno(), selectors.EVENT_READ)
            while not self._ended:
                selector.select(TICK_S if self._watch_decoders(selector) or self._paused_at is not None else 0)
                while not self._ended and (asked := self._channel.receive(timedelta(0))) is not None:
                    self._obey(asked)
                if not self._ended and self._paused_at is None:
                    self._work()

    def close(self) -> None:
        """Kill what works for this job and give the input back."""
        self._watch.end()
        if self._measuring is not None:
            self._measuring.end()
        if self._source is not None:
            os.close(self._source)

    def _fresh(self) -> Analysis:
        """Return what a try begins with: nothing known, nothing measured."""
        analysis = Analysis(self._spec.features, self._spec.config, Segments(self._spec.segments), self._found, self._lost)
        for feature in analysis.features.values():
            feature.models_dir = Path(self._place.models_dir)
        self._watch.follow(analysis.features, analysis.alarms)
        return analysis

    def _watch_decoders(self, selector: selectors.BaseSelector) -> bool:
        """Have the selector wait for the processes that work now, and for none while the job is paused; say whether it waits for any."""
        works = self._measuring is not None and self._paused_at is None
        wanted = self._measuring.filenos() | self._watch.filenos() if works and self._measuring is not None else set()
        watched = {key for key in selector.get_map() if key != self._channel.fileno()}
        for stale in watched - wanted:
            selector.unregister(stale)
        for fresh in wanted - watched:
            selector.register(fresh, selectors.EVENT_READ)
        return bool(wanted)

    def _obey(self, asked: Asked) -> None:
        request: Order = asked.request
        match request:
            case Pause():
                self._pause()
                self._channel.answer(asked.number, Answer())
            case Resume():
                self._resume()
                self._channel.answer(asked.number, Answer())
            case Stop():
                self._end(
                    EndReason(request.reason), Fault(code="cancelled", message="cancelled") if request.reason != "timed_out" else _LATE
                )
                self._channel.answer(asked.number, Answer())
            case Start() | Ask():
                self._channel.answer(asked.number, Refused(code="invalid", message="this process runs one job"))
            case _:
                assert_never(request)

    def _pause(self) -> None:
        if self._paused_at is None:
            if self._measuring is not None:
                self._measuring.hold()
            self._paused_at = time.monotonic()
            self._report(Paused())

    def _resume(self) -> None:
        if self._paused_at is not None:
            away = time.monotonic() - self._paused_at
            self._heard_at += away
            self._deadline = None if self._deadline is None else self._deadline + away
            self._paused_at = None
            if self._measuring is not None:
                self._measuring.release()
            self._report(Resumed())

    def _work(self) -> None:
        for message in self._measuring.work() if self._measuring is not None else ():
            self._heard_at = time.monotonic()
            self._take(message)
            if self._ended:
                return
        if isinstance(self._measuring, Fetching) and self._measuring.is_done and self._source is not None:
            self._measuring = self._begin_measuring(self._source)
        self._watch.work()
        if self._finished is not None and not self._watch.is_busy:
            self._conclude(self._finished)
        self._look_at_the_clock()

    def _take(self, message: FromDecoder) -> None:
        match message:
            case Ready():
                self._report(Progress(parts={}, facts={"sandbox": "full" if message.full else "partial"}))
            case Alive() | Times():
                pass
            case Indexed():
                self._begin(message)
            case Measured():
                self._reduce(message)
            case Dropped():
                self._analysis.drop(message.feature, Fault(code="internal", message=message.message))
            case Torn():
                self._begin_again()
            case Finished():
                self._finish(message)
            case Broken():
                self._fail(message.code, message.message)
            case _:
                assert_never(message)

    def _begin(self, index: Indexed) -> None:
        if self._source is not None:
            self._watch.begin(self._source, Fraction(*(index.origin or (0, 1))), Fraction(*index.duration))
            self._analysis.know(Context.of(self._spec.input_uri, self._source, self._place.data_dir))
        if (fault := self._analysis.begin(index)) is not None:
            self._fail_with(fault)

    def _reduce(self, batch: Measured) -> None:
        self._analysis.take(batch)
        if isinstance(self._measuring, Measuring):
            self._measuring.pace(*self._analysis.reached)

    def _begin_again(self) -> None:
        """Measure the file as one chunk: its chunks do not hold what the index promised (media P4)."""
        index = self._analysis.index
        self._analysis = self._fresh()
        self._begin(index)
        if isinstance(self._measuring, Measuring) and not self._ended:
            self._measuring.again(self._analysis.plan)

    def _finish(self, finished: Finished) -> None:
        """Close what is open; the job ends when its recordings are there."""
        items = self._analysis.conclude(finished)
        self._watch.finish()
        if isinstance(items, Fault):
            self._fail_with(items)
            return
        self._finished, self._items = finished, items

    def _conclude(self, finished: Finished) -> None:
        self._report(Progress(parts=dict.fromkeys(self._items, 100.0)))
        offsets = self._measuring.offsets() if isinstance(self._measuring, Measuring) else ()
        result = self._analysis.result(finished, self._items) | self._analysis.last_frames(self._items, offsets)
        self._end(EndReason.DONE, None, result={**result, **self._watch.told()})

    def _found(self, name: str, item: Item) -> None:
        """Tell watchers of an item, once, as long as there are not too many."""
        key = name, msgspec.json.encode(item)
        if key not in self._findings and len(self._findings) < MOST_FINDINGS:
            self._findings.add(key)
            self._tell("finding", {"feature": name, "item": item})

    def _lost(self, _name: str, _fault: Fault) -> None:
        self._report(Progress(parts={}, facts={"feature_errors": self._analysis.told_failures()}))

    def _tell(self, note: str, data: dict[str, object]) -> None:
        self._report(Finding(note=note, data=data))

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        if self._ended:
            return
        if self._deadline is not None and now > self._deadline:
            self._fail_with(_LATE)
        elif now - self._heard_at > STALL_S and self._finished is None:
            self._fail("deadline", "the input gave no frame for 60 seconds")
        elif now >= self._next_progress:
            self._next_progress = now + PROGRESS_S
            self._told = {name: max(percent, self._told.get(name, 0.0)) for name, percent in self._analysis.progress().items()}
            self._report(Progress(parts=self._told))

    def _fail(self, code: str, message: str) -> None:
        self._fail_with(Fault(code=code, message=message))

    def _fail_with(self, fault: Fault) -> None:
        self._end(EndReason.FAILED, fault)

    def _end(self, reason: EndReason, fault: Fault | None, result: dict[str, object] | None = None) -> None:
        """End the attempt once and for all; the decoders are dead before it is said."""
        if self._ended:
            return
        self._ended = True
        if self._measuring is not None:
            self._measuring.end()
        self._watch.end()
        if self._shelf is not None:
            self._shelf.clear()
        self._report(Ended(end=End(reason=reason, fault=fault), result=result))

    def _report(self, body: Running | Progress | Finding | Paused | Resumed | Ended) -> None:
        self._channel.report(self._start.job_id, self._start.attempt, body)


_LATE = Fault(code="deadline", message="the job ran longer than its deadlineSeconds")
