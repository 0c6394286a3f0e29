"""Reduce: one pass over the measurements in order of time, which makes every span (media P1). Runs in the job's own process."""

from collections import deque
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from typing import TypeVar

import numpy as np
import structlog

from triptych.media.feature import Feature
from triptych.media.features import Need
from triptych.media.frames import Frames
from triptych.media.measured import (
    Bass,
    BassMeasure,
    Burst,
    Cell,
    CellMeasure,
    Finished,
    FrameMeasure,
    Heard,
    HeardMeasure,
    Indexed,
    Measured,
    Piece,
    Ratio,
    Seen,
)
from triptych.media.picture import THUMB_SHAPE
from triptych.media.spans import Item, Segments

Fail = Callable[[str, str], None]
T = TypeVar("T")
ANYTHING = Need.NOTHING
"""Every feature, whatever it subscribes to."""

log = structlog.get_logger()


class Reduce:
    """Joins pictures with the sound under them and shows both to the features that subscribed.

    A feature that raises is told to `fail(name, text)` and gets no more; the others go on (media P8).
    """

    def __init__(self, features: Mapping[str, Feature], needs: Mapping[str, Need], segments: Segments, fail: Fail, *, hears: bool) -> None:
        self._features = dict(features)
        self._needs = needs
        self._segments = segments
        self._fail = fail
        self._frames: deque[FrameMeasure] = deque()
        self._silences: deque[tuple[Fraction, bool]] = deque()
        self._joins = hears and any(need & Need.SOUND and need & Need.PICTURES for need in needs.values())
        self._change: float | None = None
        self._picture_part: int | None = None
        self._sound_part: int | None = None
        self._sound_at = Fraction(0)
        self.times = Frames()
        self._ear_parts: dict[str, tuple[int | None, Fraction]] = {}
        self.frames = 0
        self.shown = Fraction(0)
        self.heard = Fraction(0)
        self.taken = Fraction(0)

    def drop(self, name: str) -> None:
        """Show nothing more to a feature."""
        self._features.pop(name, None)

    def begin(self, index: Indexed) -> None:
        """Tell every feature what demuxing found."""
        self._each(ANYTHING, lambda feature: feature.begin(index))

    def take(self, batch: Measured) -> None:
        """Take the next batch."""
        for block in batch.bass:
            self._hear_bass(block)
        for heard in batch.heard:
            self._hear_block(heard)
        for measure in batch.cells:
            self._hear(measure)
        if batch.frames:
            self._frames.extend(batch.frames)
            self.taken = Fraction(*batch.frames[-1].end)
        self._show_ready()

    def finish(self, finished: Finished) -> dict[str, list[Item]]:
        """Close everything at the end of the file and return each feature's whole annotation array."""
        while self._frames:
            self._show(self._frames.popleft())
        if self._picture_part is not None:
            self._each(Need.PICTURES, lambda feature: feature.rest(self.shown))
        if self._sound_part is not None:
            self._each(Need.SOUND, lambda feature: feature.rest(self._sound_at), without=Need.PICTURES)
        for name, (part, end) in self._ear_parts.items():
            if part is not None:
                self._rest_ear(name, end)
        self._each(ANYTHING, lambda feature: feature.conclude(finished))
        return {name: items for name in tuple(self._features) if (items := self._guarded(name, _items)) is not None}

    def extras(self, name: str) -> dict[str, object]:
        """Return what a feature adds to the response beside its array, none where it failed."""
        return dict(self._guarded(name, _extras) or {}) if name in self._features else {}

    def _hear_block(self, measure: HeardMeasure) -> None:
        name = measure.feature
        if name not in self._features:
            return
        heard = Heard(start=Fraction(*measure.start), end=Fraction(*measure.end), value=measure.value)
        part = self._segments.part(heard.start)
        before, end = self._ear_parts.get(name, (None, heard.start))
        if before is not None and part != before:
            self._rest_ear(name, end)
        self._ear_parts[name] = (part, heard.end)
        self.heard = max(self.heard, heard.end)
        if part is not None:
            self._guarded(name, lambda feature: feature.heard(heard))

    def _rest_ear(self, name: str, at: Fraction) -> None:
        """Let a feature rest that only listens; one that subscribed to more rests with that."""
        if name in self._features and not self._needs[name] & (Need.PICTURES | Need.SOUND):
            self._guarded(name, lambda feature: feature.rest(at))

    def _hear(self, measure: CellMeasure) -> None:
        cell = _cell(measure)
        self.heard = max(self.heard, cell.end)
        frame = Fraction(*measure.frame)
        if self._joins:
            self._silences.append((frame, not cell.active.any()))
        part = self._segments.part(frame)
        if part != self._sound_part and self._sound_part is not None:
            self._each(Need.SOUND, lambda feature: feature.rest(self._sound_at), without=Need.PICTURES)
        self._sound_part = part
        if part is not None:
            self._sound_at = cell.end
            self._each(Need.SOUND, lambda feature: feature.cell(cell))

    def _hear_bass(self, block: BassMeasure) -> None:
        bass = Bass(start=Fraction(*block.start), end=Fraction(*block.end), low=np.array(block.low), total=np.array(block.total))
        self._each(Need.SOUND, lambda feature: feature.bass(bass))

    def _show_ready(self) -> None:
        """Show each picture under which all sound has been heard."""
        while self._frames and (not self._joins or self.heard >= Fraction(*self._frames[0].end)):
            self._show(self._frames.popleft())

    def _show(self, measure: FrameMeasure) -> None:
        start, end = Fraction(*measure.start), Fraction(*measure.end)
        part = self._segments.part(start)
        self._turn_part(part)
        seen = Seen(
            start=start,
            end=end,
            thumb=np.frombuffer(measure.thumb, np.uint8).reshape(THUMB_SHAPE) if measure.thumb else None,
            change=self._change,
            silent=self._is_silent(start, end),
        )
        self._change = measure.change
        self._each_look(seen, measure.looks)
        self.times.show(start)
        self.frames += 1
        self.shown = end

    def _turn_part(self, part: int | None) -> None:
        if self._picture_part is not None and part != self._picture_part:
            self._each(Need.PICTURES, lambda feature: feature.rest(self.shown))
            self._change = None
        self._picture_part = part

    def _is_silent(self, start: Fraction, end: Fraction) -> bool:
        while self._silences and self._silences[0][0] < start:
            self._silences.popleft()
        silent = True
        while self._silences and self._silences[0][0] < end:
            silent &= self._silences.popleft()[1]
        return silent

    def _each_look(self, seen: Seen, looks: Mapping[str, object]) -> None:
        for name in tuple(self._features):
            if self._needs[name] & Need.PICTURES:
                self._guarded(name, partial(_show, seen, looks.get(name)))

    def _each(self, need: Need, show: Callable[[Feature], None], without: Need = Need.NOTHING) -> None:
        for name in tuple(self._features):
            if (need == ANYTHING or self._needs[name] & need) and not self._needs[name] & without:
                self._guarded(name, show)

    def _guarded(self, name: str, step: Callable[[Feature], T]) -> T | None:
        try:
            return step(self._features[name])
        except Exception as fault:
            log.exception("feature failed", feature=name)
            del self._features[name]
            self._fail(name, type(fault).__name__)
            return None


def _show(seen: Seen, look: object, feature: Feature) -> None:
    feature.frame(seen, look)


def _items(feature: Feature) -> list[Item]:
    return feature.items()


def _extras(feature: Feature) -> Mapping[str, object]:
    return feature.extras()


def _cell(measure: CellMeasure) -> Cell:
    pieces = tuple(_piece(grain.start, grain.end, grain.samples, grain.products) for grain in measure.grains)
    samples = sum(piece.samples for piece in pieces)
    energy = sum((np.diag(piece.products) for piece in pieces), np.zeros(len(pieces[0].products)))
    bursts = tuple(Burst(at=Fraction(*at), channels=tuple(range(first, first + count))) for at, first, count in measure.bursts)
    return Cell(start=Fraction(*measure.start), end=Fraction(*measure.end), power=energy / max(1, samples), grains=pieces, bursts=bursts)


def _piece(start: Ratio, end: Ratio, samples: int, products: bytes) -> Piece:
    values = np.frombuffer(products, np.float64)
    side = round(len(values) ** 0.5)
    return Piece(start=Fraction(*start), end=Fraction(*end), samples=samples, products=values.reshape(side, side))
