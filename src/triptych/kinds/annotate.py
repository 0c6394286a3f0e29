"""Annotate jobs: one file, one sandboxed decode, all features; this process reads no media itself."""

import importlib
import os
import selectors
import time
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from functools import partial
from typing import assert_never

import msgspec

from triptych.contracts import Channel
from triptych.errors import ChannelClosed, TriptychError
from triptych.kinds import AnnotateSpec
from triptych.media.context import Context
from triptych.media.feature import Feature
from triptych.media.features import FEATURES, Need
from triptych.media.inputs import open_input, refuse_text
from triptych.media.measured import Alive, Broken, Dropped, Finished, FromDecoder, Indexed, Measured, Ready, Times, Torn
from triptych.media.measuring import Measuring
from triptych.media.options import Options
from triptych.media.pipeline import Plan
from triptych.media.reduce import Reduce
from triptych.media.spans import Item, Segments, bounds, offset_text
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
ALMOST_DONE = 99.0
ERROR_GAP = Fraction(1)
HEAD_BYTES = 4096


def run(channel: Channel, place: Place) -> None:
    """Serve one annotate job over `channel`: receive its `Start`, measure, report, return."""
    asked = channel.receive()
    if asked is None:
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
    """One attempt of one job: a decoder at work, Reduce beside it, and the agent's requests."""

    def __init__(self, channel: Channel, place: Place, start: Start) -> None:
        self._channel = channel
        self._roots = place.media_roots
        self._data_dir = place.data_dir
        self._processes = place.decoders
        self._findings = 0
        self._start = start
        self._spec = msgspec.convert(start.spec, AnnotateSpec)
        self._segments = Segments(self._spec.segments)
        self._source: int | None = None
        self._measuring: Measuring | None = None
        self._paused_at: float | None = None
        self._ended = False
        self._told: dict[str, float] = {}
        now = time.monotonic()
        self._next_progress = now + FIRST_PROGRESS_S
        self._deadline = None if self._spec.deadline_s is None else now + self._spec.deadline_s
        self._forget()

    def begin(self, number: int) -> None:
        """Say that the job runs, open its input and start the decoder; what cannot be opened ends the job."""
        self._report(Running(pid=os.getpid()))
        self._channel.answer(number, Answer(data={"pid": os.getpid()}))
        try:
            self._source = open_input(self._spec.input_uri, self._roots)
            refuse_text(os.pread(self._source, HEAD_BYTES, 0))
        except TriptychError as fault:
            self._fail("input_gone" if fault.code == "input_not_found" else "bad_media", fault.message)
            return
        self._measuring = Measuring(self._source, self._plan(), processes=self._processes)

    def serve(self) -> None:
        """Work until the job has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel.fileno(), selectors.EVENT_READ)
            while not self._ended:
                self._watch_decoders(selector)
                selector.select(TICK_S)
                while not self._ended and (asked := self._channel.receive(timedelta(0))) is not None:
                    self._obey(asked)
                if not self._ended and self._paused_at is None:
                    self._work()

    def close(self) -> None:
        """Kill the decoders that live and give the input back."""
        if self._measuring is not None:
            self._measuring.end()
        if self._source is not None:
            os.close(self._source)

    def _forget(self) -> None:
        """Stand where a try begins: nothing known, nothing measured."""
        self._features = {name: _load(name, self._spec.config) for name in self._spec.features}
        self._needs = {name: FEATURES[name].needs for name in self._features}
        self._failures: dict[str, Fault] = {}
        self._index: Indexed | None = None
        self._finished: Finished | None = None
        self._reduce: Reduce | None = None
        self._heard_at = time.monotonic()
        for name, feature in self._features.items():
            feature.watcher = partial(self._found, name)

    def _plan(self) -> Plan:
        return Plan(features=self._features, needs=self._needs, segments=self._segments)

    def _watch_decoders(self, selector: selectors.BaseSelector) -> None:
        """Have the selector wait for the decoders that work now, and for none while the job is paused."""
        wanted = self._measuring.filenos() if self._measuring is not None and self._paused_at is None else set()
        watched = {key for key in selector.get_map() if key != self._channel.fileno()}
        for stale in watched - wanted:
            selector.unregister(stale)
        for fresh in wanted - watched:
            selector.register(fresh, selectors.EVENT_READ)

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
        self._look_at_the_clock()

    def _take(self, message: FromDecoder) -> None:
        match message:
            case Ready():
                self._report(Progress(parts={}, facts={"sandbox": "full" if message.full else "partial"}))
            case Alive() | Times():
                pass
            case Indexed():
                self._begin_reduce(message)
            case Measured():
                self._reduce_batch(message)
            case Dropped():
                self._drop(message.feature, Fault(code="internal", message=message.message))
            case Torn():
                self._begin_again()
            case Finished():
                self._conclude(self._found_index, message)
            case Broken():
                self._fail(message.code, message.message)
            case _:
                assert_never(message)

    def _reduce_batch(self, batch: Measured) -> None:
        reduce = self._reducer
        reduce.take(batch)
        if self._measuring is not None:
            self._measuring.pace(reduce.taken, reduce.heard)

    def _begin_again(self) -> None:
        """Measure the file as one chunk: its chunks do not hold what the index promised (media P4)."""
        index = self._found_index
        self._forget()
        self._begin_reduce(index)
        if self._measuring is not None and not self._ended:
            self._measuring.again(self._plan())

    @property
    def _found_index(self) -> Indexed:
        if self._index is None:
            raise TriptychError("the decoder measured before it indexed")
        return self._index

    @property
    def _reducer(self) -> Reduce:
        if self._reduce is None:
            raise TriptychError("the decoder measured before it indexed")
        return self._reduce

    def _begin_reduce(self, index: Indexed) -> None:
        self._index = index
        if self._segments.whole(Fraction(*index.duration)) is None:
            self._fail("segment_outside", "every segment lies beyond the end of the input")
            return
        self._reduce = Reduce(self._features, self._needs, self._segments, self._raised, hears=bool(index.audio))
        for name in tuple(self._features):
            if FEATURES[name].sees and index.video is None:
                self._drop(name, Fault(code="bad_media", message="input has no video"))
            elif FEATURES[name].hears and not index.audio:
                self._drop(name, Fault(code="bad_media", message="input has no audio"))
        if len(self._failures) == len(self._features):
            self._fail_with(next(iter(self._failures.values())))
            return
        for feature in self._features.values():
            feature.context = Context.of(self._spec.input_uri, self._source, self._data_dir)
        self._reduce.begin(index)

    def _found(self, name: str, item: Item) -> None:
        """Tell watchers of an item, as long as there are not too many."""
        self._findings += 1
        if self._findings <= MOST_FINDINGS:
            self._report(Finding(note="finding", data={"feature": name, "item": item}))

    def _raised(self, name: str, text: str) -> None:
        self._drop(name, Fault(code="internal", message=f"{name} failed: {text}"))

    def _drop(self, name: str, fault: Fault) -> None:
        self._failures.setdefault(name, fault)
        if self._reduce is not None:
            self._reduce.drop(name)
        self._report(Progress(parts={}, facts={"feature_errors": _told(self._failures)}))

    def _conclude(self, index: Indexed, finished: Finished) -> None:
        items = self._reducer.finish(finished)
        for name in self._features:
            need = self._needs[name]
            if need & Need.PICTURES and FEATURES[name].sees and finished.frames == 0 and not self._spec.segments:
                self._failures.setdefault(name, Fault(code="bad_media", message="no picture of the input could be decoded"))
            elif FEATURES[name].hears and finished.samples == 0:
                self._failures.setdefault(name, Fault(code="bad_media", message="no sound of the input could be decoded"))
        good = {name: array for name, array in items.items() if name not in self._failures}
        if not good:
            self._fail_with(next(iter(self._failures.values())))
            return
        self._report(Progress(parts=dict.fromkeys(good, 100.0)))
        self._end(EndReason.DONE, None, result=self._result(index, finished, good))

    def _result(self, index: Indexed, finished: Finished, items: Mapping[str, list[Item]]) -> dict[str, object]:
        duration = Fraction(*finished.duration)
        start, end = self._segments.whole(duration) or (Fraction(0), duration)
        result: dict[str, object] = {"segment": bounds(start, end)}
        for name, array in items.items():
            result |= {FEATURES[name].result_key: array, **self._reducer.extras(name)}
        if self._failures:
            result["errors"] = [{"feature": name, **told} for name, told in _told(self._failures).items()]
        return {**result, "media": describe(index, finished)}

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        if self._ended:
            return
        if self._deadline is not None and now > self._deadline:
            self._fail_with(_LATE)
        elif now - self._heard_at > STALL_S:
            self._fail("deadline", "the input gave no frame for 60 seconds")
        elif now >= self._next_progress:
            self._next_progress = now + PROGRESS_S
            self._told = {name: max(percent, self._told.get(name, 0.0)) for name, percent in self._progress().items()}
            self._report(Progress(parts=self._told))

    def _progress(self) -> dict[str, float]:
        if self._index is None or self._reduce is None:
            return {}
        frames = self._index.video.frames if self._index.video is not None and not self._spec.segments else 0
        last = self._segments.last_us
        end = min(Fraction(*self._index.duration), Fraction(last, 1_000_000) if last is not None else Fraction(10**12))
        seen = Fraction(self._reduce.frames, frames) if frames else self._reduce.shown / max(end, Fraction(1, 1000))
        heard = self._reduce.heard / max(end, Fraction(1, 1000))
        return {
            name: min(ALMOST_DONE, float(100 * (seen if self._needs[name] & Need.PICTURES else heard)) // 0.1 / 10)
            for name in self._features
            if name not in self._failures
        }

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
        self._report(Ended(end=End(reason=reason, fault=fault), result=result))

    def _report(self, body: Running | Progress | Finding | Paused | Resumed | Ended) -> None:
        self._channel.report(self._start.job_id, self._start.attempt, body)


def describe(index: Indexed, finished: Finished) -> dict[str, object]:
    """Return the `media` object of a response (media J2)."""
    told: dict[str, object] = {"duration": offset_text(Fraction(*finished.duration)), "frames": index.video.frames if index.video else 0}
    if index.video is not None:
        video = index.video
        told["video"] = {
            "codec": video.codec,
            "width": video.width,
            "height": video.height,
            "frameRate": round(float(Fraction(*video.rate)), 3),
            "pixelFormat": video.pixel_format,
            "bitDepth": video.bits,
            "fullRange": video.full_range,
        }
    if index.audio:
        streams = [
            {"codec": stream.codec, "sampleRate": stream.rate_hz, "channels": stream.channels, "layout": stream.layout}
            for stream in index.audio
        ]
        told["audio"] = {"channels": sum(stream.channels for stream in index.audio), "streams": streams}
    if finished.errors:
        told["decodeErrors"] = _damage([Fraction(*at) for at in finished.errors])
    if index.truncated or finished.truncated:
        told["truncated"] = True
    if index.times_rebuilt:
        told["timestampsRebuilt"] = True
    return told


def _damage(times: list[Fraction]) -> dict[str, object]:
    """Return how many errors there were, and where: those within a second of each other as one span."""
    spans: list[tuple[Fraction, Fraction]] = []
    for at in sorted(times):
        if spans and at - spans[-1][1] <= ERROR_GAP:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((at, at))
    return {"count": len(times), "spans": [bounds(start, end) for start, end in spans]}


def _load(name: str, config: Mapping[str, object]) -> Feature:
    entry = FEATURES[name]
    module, _, attribute = (entry.run or "").partition(":")
    options: Options = msgspec.convert(config.get(entry.config_key, {}), entry.options)
    feature: Feature = getattr(importlib.import_module(module), attribute)(options)
    return feature


def _told(failures: Mapping[str, Fault]) -> dict[str, dict[str, str]]:
    return {name: {"code": fault.code, "message": fault.message} for name, fault in failures.items()}


_LATE = Fault(code="deadline", message="the job ran longer than its deadlineSeconds")
