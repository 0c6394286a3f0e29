"""Runs a file through real decoder processes in chunks of a given length, as an annotate job does."""

import os
import select
from collections.abc import Sequence
from pathlib import Path

import msgspec

from triptych.media.context import Context
from triptych.media.features import FEATURES
from triptych.media.measured import Broken, Finished, Indexed, Measured, Torn
from triptych.media.measuring import Measuring
from triptych.media.pipeline import Plan
from triptych.media.reduce import Reduce
from triptych.media.spans import Segments
from truth.scoring import load


class Chunked:
    """What a file gives when it is measured in chunks of `chunk_s` seconds by `processes` decoders at once."""

    def __init__(
        self, path: Path, names: Sequence[str], chunk_s: float, *, processes: int = 2, options=None, segments=(), data_dir=""
    ) -> None:
        self._names = names
        self._options = options or {}
        self._segments = Segments(segments)
        self.dropped: dict[str, str] = {}
        self.torn: list[str] = []
        self.chunks = 0
        self.end: Finished | Broken | None = None
        source = os.open(path, os.O_RDONLY)
        self._context = Context.of(str(path), source, data_dir)
        assert self._context.content
        self._fresh()
        self._measuring = Measuring(source, self._plan, processes=processes, chunk_s=chunk_s)
        try:
            while self.end is None:
                self._step()
        finally:
            self._measuring.end()
            os.close(source)

    @property
    def response(self) -> bytes:
        """Return everything that was found, as the bytes of one JSON object."""
        assert isinstance(self.end, Finished), self.end
        items = self._reduce.finish(self.end)
        arrays = {FEATURES[name].result_key: items[name] for name in items}
        extras = {name: self._reduce.extras(name) for name in items}
        return msgspec.json.encode([arrays, extras, self.dropped, self.end])

    def _fresh(self) -> None:
        features = {name: load(name, self._options.get(name, {})) for name in self._names}
        for feature in features.values():
            feature.context = self._context
        needs = {name: FEATURES[name].needs for name in features}
        self._plan = Plan(features=features, needs=needs, segments=self._segments)

    def _begin(self, index: Indexed) -> None:
        self._index = index
        plan = self._plan
        self._reduce = Reduce(plan.features, plan.needs, self._segments, self.dropped.__setitem__, hears=bool(index.audio))
        self._reduce.begin(index)

    def _step(self) -> None:
        waiting = self._measuring.filenos()
        if waiting:
            select.select(list(waiting), [], [], 1)
        for message in self._measuring.work():
            match message:
                case Indexed():
                    self._begin(message)
                case Measured():
                    self._reduce.take(message)
                    self._measuring.pace(self._reduce.taken, self._reduce.heard)
                case Torn():
                    self.torn.append(message.reason)
                    self._fresh()
                    self._begin(self._index)
                    self._measuring.again(self._plan)
                case Finished() | Broken():
                    self.end = message
        self.chunks = max(self.chunks, sum(run.part is not None for run in self._measuring._runs))
