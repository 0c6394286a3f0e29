"""What a feature is: the seam between the one decode and everything that is measured on it.

A feature has two halves. `look` and what `ear` returns run where the file is decoded, in a sandboxed process, perhaps in several at
once on different stretches of the file; the rest runs in Reduce, in the job's own process, in order of time.
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from triptych.media.context import Context
from triptych.media.ears import Ear
from triptych.media.measured import Bass, Cell, Finished, Heard, Indexed, Seen
from triptych.media.options import Options
from triptych.media.sight import Sight
from triptych.media.spans import Item

Measurement = Any
"""What `look` and `hear` return: None, a number, text, bytes, or lists and dicts of these.

It goes through MessagePack, so tuples arrive as lists.
"""


class Alarm(Protocol):
    """Whom a feature tells how bad it is (media 3.4)."""

    def judge(self, start: Fraction, end: Fraction, severity: float) -> None:
        """Take the severity, 0 to 1, that holds over [start, end) seconds; in order of time, without overlap."""
        ...


class Watcher(Protocol):
    """Whom a feature tells at once what it has found."""

    def __call__(self, item: Item) -> None:
        """Take one item of the annotation array, which is final."""
        ...


class Feature:
    """One thing to measure: every step does nothing here, and a feature writes those that it needs.

    `alarm` is there when its alarm is on, `context` from `begin` on; `models_dir` is the folder of the operator's models; `tracks` says,
    when an ear is asked for, how many of the joined channels each audio stream has. What the steps see is declared by the `needs` of its
    row in the register. `hashes` asks for the file's checksum in the index.
    """

    alarm: Alarm | None = None
    watcher: Watcher | None = None
    models_dir: Path = Path("/nonexistent")
    tracks: tuple[int, ...] = ()
    context: Context | None = None
    hashes: bool = False

    def __init__(self, options: Options) -> None:  # noqa: ARG002 - each feature reads its own
        self._items: list[Item] = []

    def prepare(self) -> None:
        """Load what `look` or the ear needs: files may be opened here for the last time, in the process that decodes."""

    def look(self, sight: Sight) -> Measurement:
        """Return this feature's own measurement of one picture, None for nothing; it may depend on that picture and the next one alone.

        Asked only with `Need.LOOK`, from any process, so nothing may be remembered from one picture to the next.
        """
        raise NotImplementedError

    def ear(self, rate_hz: int, channels: int) -> Ear:
        """Return an ear for joined channels at `rate_hz`; asked only with `Need.EAR`."""
        raise NotImplementedError

    def begin(self, index: Indexed) -> None:
        """Take what demuxing told, before anything is shown."""

    def frame(self, seen: Seen, look: Measurement) -> None:
        """Take the next picture with what `look` returned for it."""

    def cell(self, cell: Cell) -> None:
        """Take the next cell of sound."""

    def heard(self, heard: Heard) -> None:
        """Take what the ear returned for a block, unless that was None; before the cell in which the block ends."""

    def bass(self, block: Bass) -> None:
        """Take the next block of low-frequency energy; only with six channels or more, and before the cells that it overlaps end."""

    def rest(self, at: Fraction) -> None:
        """Close what is open at `at` seconds: a gap between segments follows, or the end."""

    def conclude(self, finished: Finished) -> None:
        """Take what decoding told at its end; called once, after the last rest."""

    def items(self) -> list[Item]:
        """Return the whole annotation array; called once, at the very end."""
        return self._items

    def extras(self) -> Mapping[str, object]:
        """Return what goes into the response beside the array, by the `extra_keys` of the register."""
        return {}

    def found(self, item: Item) -> None:
        """Add an item that is final to the annotation array."""
        self._items.append(item)
        if self.watcher is not None:
            self.watcher(item)

    def judge(self, start: Fraction, end: Fraction, severity: float) -> None:
        """Tell the alarm, if it is on, how bad [start, end) is."""
        if self.alarm is not None:
            self.alarm.judge(start, end, severity)
