"""CONFORMANCE: whether the file is what its header says, what its name says, and what was expected (media 4.3, 9)."""

from collections.abc import Mapping
from fractions import Fraction

import msgspec

from triptych.media import conformity
from triptych.media.conformity import Check, Shot
from triptych.media.feature import Feature
from triptych.media.measured import Finished, Indexed, Seen
from triptych.media.options import ConformanceOptions
from triptych.media.sight import Sight
from triptych.media.spans import Item, bounds
from triptych.media.timecode import Continuity

GROUPED = frozenset({"mpeg1video", "mpeg2video"})
"""Codecs whose timecodes stand for groups of pictures."""
MOST_TOLD = 100
"""Faults of one kind that are told one by one."""


class Conformance(Feature):
    """Tells every fault; what was compared and agreed is listed beside them."""

    def __init__(self, options: ConformanceOptions) -> None:
        super().__init__(options)
        self.hashes = options.sha256 is not None
        self._options = options
        self._index: Indexed | None = None
        self._first: Shot | None = None
        self._shot: Shot | None = None
        self._timecodes: Continuity | None = None
        self._start_timecode: str | None = None
        self._timecode_seen = False
        self._count = 0
        self._passed: dict[str, Item] = {}
        self._failed: dict[str, int] = {}

    def look(self, sight: Sight) -> list[object]:
        """Return what the picture says of itself, and its timecode."""
        frame = sight.frame
        colour = [int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace), int(frame.color_range)]
        shot = [[frame.width, frame.height], frame.format.name, colour, frame.interlaced_frame]
        return [shot, frame.metadata.get("timecode")]

    def begin(self, index: Indexed) -> None:
        """Take what demuxing told."""
        self._index = index
        has_own = index.video is not None and index.video.codec not in GROUPED
        self._timecodes = Continuity(Fraction(*index.video.rate)) if index.video is not None and has_own else None

    def frame(self, seen: Seen, look: list[object]) -> None:
        """Compare each picture with the one before."""
        shot, timecode = msgspec.convert(look[0], Shot), str(look[1]) if look[1] is not None else None
        if self._shot is not None and shot != self._shot:
            self._tell(_change(self._shot, shot, seen))
        self._first = self._first or shot
        self._shot = shot
        self._follow(timecode, seen)

    def rest(self, at: Fraction) -> None:  # noqa: ARG002 - nothing is open
        """Expect nothing of the timecode after a gap."""
        if self._index is not None:
            self.begin(self._index)

    def conclude(self, finished: Finished) -> None:
        """Compare everything that concerns the whole file."""
        if self._index is None:
            return
        index, first = self._index, self._first
        is_cut = index.truncated or finished.truncated
        self._tell(Check("truncated", expected=False, found=is_cut, passed=not is_cut))
        checks = [
            *conformity.signature(self.context.file_name if self.context else "", index.header),
            *conformity.times(index, is_cut=is_cut),
            *conformity.group_timecodes(index),
        ]
        checks += [] if is_cut else conformity.durations(index)
        checks += [] if first is None else conformity.flags(index, first)
        told = index.header.get("timecode")
        if told is not None and self._start_timecode is not None:
            checks.append(Check("headerTimecode", told, self._start_timecode, told == self._start_timecode))
        checks += conformity.expectations(self._options, index, first, told or self._start_timecode or conformity.group_start(index))
        for check in checks:
            self._tell(check)
        self._pass_unbroken()

    def extras(self) -> Mapping[str, object]:
        """Return what was compared and agreed."""
        return {"conformancePassed": list(self._passed.values())}

    def _follow(self, timecode: str | None, seen: Seen) -> None:
        """Compare the picture's timecode with the last one; MPEG-2's lie in its groups and were compared in the index."""
        self._count += 1
        if self._timecodes is None or timecode is None:
            return
        self._timecode_seen = True
        self._start_timecode = self._start_timecode or (None if seen.start else timecode)
        expected = self._timecodes.take(timecode, self._count)
        if expected is not None:
            self._tell(Check("timecodeContinuity", expected, timecode, passed=False, start=seen.start, end=seen.end))

    def _pass_unbroken(self) -> None:
        """Put down what every picture agreed on."""
        for name, was_seen in (("sizeChange", self._first is not None), ("timecodeContinuity", self._timecode_seen)):
            if was_seen:
                self._tell(Check(name, None, None, passed=True))

    def _tell(self, check: Check) -> None:
        whole = Fraction(*self._index.duration) if self._index is not None else Fraction(0)
        start = Fraction(0) if check.start is None else check.start
        end = whole if check.end is None else check.end
        item: Item = {"check": check.name, "result": "pass" if check.passed else "fail", "expected": check.expected, "found": check.found}
        if check.passed:
            if check.name not in self._failed:
                self._passed[check.name] = item
            return
        self._passed.pop(check.name, None)
        self._failed[check.name] = self._failed.get(check.name, 0) + 1
        if self._failed[check.name] <= MOST_TOLD:
            self.found({**item, "segment": bounds(start, end)})


def _change(before: Shot, after: Shot, seen: Seen) -> Check:
    """Return the finding that pictures are not what they were from here on."""
    if before.size != after.size:
        return Check("sizeChange", list(before.size), list(after.size), passed=False, start=seen.start, end=seen.end)
    return Check("flagChange", msgspec.to_builtins(before), msgspec.to_builtins(after), passed=False, start=seen.start, end=seen.end)
