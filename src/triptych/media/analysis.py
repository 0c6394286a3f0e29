"""What one try at one input knows: its features, what was reduced, which of them failed, and what comes of it all."""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import partial

import msgspec

from triptych.errors import TriptychError
from triptych.media.context import Context
from triptych.media.description import describe
from triptych.media.feature import Feature
from triptych.media.features import FEATURES, GOOGLE_V1, Need
from triptych.media.frames import shown_or_indexed
from triptych.media.measured import Finished, Indexed, Measured
from triptych.media.options import AlarmSettings
from triptych.media.pipeline import Plan
from triptych.media.reduce import Reduce
from triptych.media.spans import Item, Segments, bounds
from triptych.model import Fault

ALMOST_DONE = 99.0
FOR_EVER = Fraction(10**12)

Found = Callable[[str, Item], None]
Lost = Callable[[str, Fault], None]


class Analysis:
    """One try. `found(feature, item)` is told of items as they become final, `lost(feature, fault)` of a feature that failed (media P8)."""

    def __init__(self, names: Sequence[str], config: Mapping[str, object], segments: Segments, found: Found, lost: Lost) -> None:
        self._segments = segments
        self._lost = lost
        options = {name: msgspec.convert(config.get(FEATURES[name].config_key, {}), FEATURES[name].options) for name in names}
        self.features: dict[str, Feature] = {name: _made(name, options[name]) for name in names}
        self.alarms: dict[str, AlarmSettings] = {
            name: chosen.alarmSettings for name, chosen in options.items() if hasattr(chosen, "alarmSettings")
        }
        self.failures: dict[str, Fault] = {}
        self._needs = {name: FEATURES[name].needs for name in names}
        self._index: Indexed | None = None
        self._reduce: Reduce | None = None
        for name, feature in self.features.items():
            feature.watcher = partial(found, name)

    @property
    def plan(self) -> Plan:
        """What is to be measured."""
        return Plan(features=self.features, needs=self._needs, segments=self._segments)

    @property
    def index(self) -> Indexed:
        """What demuxing told. Raises `TriptychError` before that."""
        if self._index is None:
            raise TriptychError("the decoder measured before it indexed")
        return self._index

    @property
    def reached(self) -> tuple[Fraction, Fraction]:
        """How far pictures were taken and sound was heard, in seconds from offset 0."""
        return self._reducer.taken, self._reducer.heard

    def know(self, context: Context) -> None:
        """Let the features know of the job."""
        for feature in self.features.values():
            feature.context = context

    def begin(self, index: Indexed) -> Fault | None:
        """Take the index; a fault is why nothing can be measured."""
        self._index = index
        if self._segments.whole(Fraction(*index.duration)) is None:
            return Fault(code="segment_outside", message="every segment lies beyond the end of the input")
        self._reduce = Reduce(self.features, self._needs, self._segments, self._raised, hears=bool(index.audio))
        for name in self.features:
            if (reason := lacks(name, index)) is not None:
                self.drop(name, Fault(code="bad_media", message=reason))
        if len(self.failures) == len(self.features):
            return next(iter(self.failures.values()))
        self._reduce.begin(index)
        return None

    def take(self, batch: Measured) -> None:
        """Take the next batch of measurements."""
        self._reducer.take(batch)

    def drop(self, name: str, fault: Fault) -> None:
        """Let a feature go that failed; the others go on."""
        self.failures.setdefault(name, fault)
        if self._reduce is not None:
            self._reduce.drop(name)
        self._lost(name, fault)

    def conclude(self, finished: Finished) -> dict[str, list[Item]] | Fault:
        """Close everything and return the array of each feature that did not fail, or why all of them did."""
        items = self._reducer.finish(finished)
        for name in self.features:
            need = self._needs[name]
            if need & Need.PICTURES and FEATURES[name].sees and finished.frames == 0 and not self._segments.last_us:
                self.failures.setdefault(name, Fault(code="bad_media", message="no picture of the input could be decoded"))
            elif FEATURES[name].hears and finished.samples == 0:
                self.failures.setdefault(name, Fault(code="bad_media", message="no sound of the input could be decoded"))
        good = {name: array for name, array in items.items() if name not in self.failures}
        return good or next(iter(self.failures.values()))

    def result(self, finished: Finished, items: Mapping[str, list[Item]]) -> dict[str, object]:
        """Return the response of a job of which `items` were found."""
        duration = Fraction(*finished.duration)
        start, end = self._segments.whole(duration) or (Fraction(0), duration)
        result: dict[str, object] = {"segment": bounds(start, end)}
        for name, array in items.items():
            result |= {FEATURES[name].result_key: array, **self._reducer.extras(name)}
        if self.failures:
            result["errors"] = [{"feature": name, **told} for name, told in self.told_failures().items()]
        return {**result, "media": describe(self.index, finished)}

    def last_frames(self, items: Mapping[str, list[Item]], offsets: Iterable[Fraction]) -> dict[str, object]:
        """Return where the last frames before the ends in `items` lie, for jobs that Google's v1 can tell of (media V5).

        `offsets` are the starts of the pictures by the index, in seconds.
        """
        if self.index.video is None or not GOOGLE_V1.keys() >= self.features.keys():
            return {}
        return {"lastFrames": shown_or_indexed(self._reducer.times, offsets, self._segments).told(items)}

    def told_failures(self) -> dict[str, dict[str, str]]:
        """Return code and message of every failure, by feature."""
        return {name: {"code": fault.code, "message": fault.message} for name, fault in self.failures.items()}

    def progress(self) -> dict[str, float]:
        """Return the percentage that each feature has reached, below 100 (media P7)."""
        if self._index is None or self._reduce is None:
            return {}
        frames = self._index.video.frames if self._index.video is not None and self._segments.last_us is None else 0
        last = self._segments.last_us
        end = min(Fraction(*self._index.duration), FOR_EVER if last is None else Fraction(last, 1_000_000))
        seen = Fraction(self._reduce.frames, frames) if frames else self._reduce.shown / max(end, Fraction(1, 1000))
        heard = self._reduce.heard / max(end, Fraction(1, 1000))
        return {
            name: min(ALMOST_DONE, int(1000 * (seen if self._needs[name] & Need.PICTURES else heard)) / 10)
            for name in self.features
            if name not in self.failures
        }

    @property
    def _reducer(self) -> Reduce:
        if self._reduce is None:
            raise TriptychError("the decoder measured before it indexed")
        return self._reduce

    def _raised(self, name: str, text: str) -> None:
        self.drop(name, Fault(code="internal", message=f"{name} failed: {text}"))


def lacks(name: str, index: Indexed) -> str | None:
    """Return what an input lacks that a feature cannot do without, or None."""
    if FEATURES[name].sees and index.video is None:
        return "input has no video"
    return "input has no audio" if FEATURES[name].hears and not index.audio else None


def _made(name: str, options: object) -> Feature:
    module, _, attribute = (FEATURES[name].run or "").partition(":")
    feature: Feature = getattr(importlib.import_module(module), attribute)(options)
    return feature
