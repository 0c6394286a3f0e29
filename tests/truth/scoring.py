"""How found spans are compared with what was put into a clip."""

import importlib
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec

from triptych.media import measured
from triptych.media.context import Context
from triptych.media.feature import Feature
from triptych.media.features import FEATURES
from triptych.media.measured import Finished, FromDecoder, Indexed, Measured
from triptych.media.pipeline import Plan, measure_all
from triptych.media.reduce import Reduce
from triptych.media.spans import Item, Segments

USUAL = ("IN_BLACK", "AUDIO_FORMAT", "SHOT_CHANGE_DETECTION")


class Analysis:
    """Index, Measure and Reduce of one file in this very process; every message takes the way over the wire."""

    def __init__(
        self, path: Path, names: Sequence[str] = USUAL, options: Mapping[str, dict] = {}, segments=(), *, data_dir="", alarm=None
    ) -> None:
        self.index: Indexed | None = None
        self.messages: list[FromDecoder] = []
        self.failed: dict[str, str] = {}
        self._features = {name: load(name, options.get(name, {})) for name in names}
        self._needs = {name: FEATURES[name].needs for name in names}
        self._segments = Segments(segments)
        self._reduce: Reduce | None = None
        descriptor = os.open(path, os.O_RDONLY)
        for feature in self._features.values():
            feature.context = Context.of(str(path), descriptor, data_dir)
            feature.alarm = alarm
        try:
            plan = Plan(features=self._features, needs=self._needs, segments=self._segments)
            measure_all(descriptor, plan, lambda message: self._take(measured.decode(measured.encode(message))))
            self.items = self._reduce.finish(self.finished) if self._reduce is not None and isinstance(self.end, Finished) else {}
        finally:
            os.close(descriptor)

    def extras(self, name: str) -> dict:
        """Return what a feature adds to the response beside its array."""
        assert self._reduce is not None
        return self._reduce.extras(name)

    @property
    def end(self) -> FromDecoder:
        return self.messages[-1]

    @property
    def finished(self) -> Finished:
        assert isinstance(self.end, Finished)
        return self.end

    def spans(self, name: str) -> list[tuple]:
        """Return (label, start, end) or (start, end) of each item, seconds as exact microseconds."""
        found = []
        for item in self.items[name]:
            label = (item["audioFormat"],) if "audioFormat" in item else ()
            found.append((*label, seconds(item["startTimeOffset"]), seconds(item["endTimeOffset"])))
        return found

    def cuts(self) -> list[Fraction]:
        return [start for start, _ in self.spans("SHOT_CHANGE_DETECTION")][1:]

    def _take(self, message: FromDecoder) -> None:
        if isinstance(message, Indexed):
            self.index = message
            self._reduce = Reduce(self._features, self._needs, self._segments, self.failed.__setitem__, hears=bool(message.audio))
            self._reduce.begin(message)
        elif isinstance(message, Measured):
            assert self._reduce is not None
            self._reduce.take(message)
        self.messages.append(message)


def load(name: str, options: Mapping[str, object]) -> Feature:
    """Return a feature of the register, with these options."""
    entry = FEATURES[name]
    module, _, attribute = (entry.run or "").partition(":")
    return getattr(importlib.import_module(module), attribute)(msgspec.convert(options, entry.options))


def seconds(text: object) -> Fraction:
    return Fraction(str(text).removesuffix("s"))


def cut(value: Fraction) -> Fraction:
    """Return `value` cut to microseconds, as it is printed."""
    return Fraction(value * 1_000_000 // 1, 1_000_000)


def tiles(items: Sequence[Item], start: str, end: str) -> bool:
    """Say whether the spans are contiguous from `start` to `end`."""
    edges = [(item["startTimeOffset"], item["endTimeOffset"]) for item in items]
    joints = all(before[1] == after[0] for before, after in pairwise(edges))
    return bool(edges) and edges[0][0] == start and edges[-1][1] == end and joints


def near(found: Sequence[tuple], truth: Sequence[tuple], tolerance: Fraction) -> bool:
    """Say whether the same spans were found with each edge within `tolerance` seconds."""
    if len(found) != len(truth):
        return False
    pairs = zip((edge for span in found for edge in span), (edge for span in truth for edge in span), strict=True)
    return all(one == other if isinstance(one, str) else abs(one - other) <= tolerance for one, other in pairs)


def right_share(spans: Sequence[tuple], truth: Sequence[tuple], tolerance: Fraction = Fraction(1, 4)) -> Fraction:
    """Return the share of time, outside `tolerance` seconds of the true changes, at which the label is right; looked at every 10 ms."""
    right = judged = 0
    for label, start, end in truth:
        for number in range(int((start + tolerance) * 100), int((end - tolerance) * 100)):
            at = Fraction(number, 100)
            judged += 1
            right += any(name == label and since <= at < until for name, since, until in spans)
    return Fraction(right, judged)
