from dataclasses import dataclass, field

import numpy as np

from triptych.media.features import Need
from triptych.media.measured import CellMeasure, FrameMeasure, Grain, Measured
from triptych.media.reduce import Reduce
from triptych.media.spans import Segments


@dataclass
class Notes:
    """A feature that writes down what it is shown."""

    seen: list = field(default_factory=list)
    fail_at: int | None = None

    def frame(self, seen):
        if len(self.seen) == self.fail_at:
            raise ZeroDivisionError
        self.seen.append((float(seen.start), float(seen.end), seen.silent, seen.change))

    def cell(self, cell):
        self.seen.append(("cell", float(cell.start)))

    def rest(self, at):
        self.seen.append(("rest", float(at)))

    def items(self):
        return [{"count": len(self.seen)}]


def _frame(second: int, change: float | None = 1.0) -> FrameMeasure:
    return FrameMeasure((second, 1), (second + 1, 1), b"", change, {})


def _cell(second: int, energy: float = 0.0) -> CellMeasure:
    grain = Grain((second, 1), (second + 1, 1), 100, np.array([energy * 100]).tobytes())
    return CellMeasure((second, 1), (second, 1), (second + 1, 1), (grain,))


def _reduce(notes, needs=Need.CHANGE | Need.SOUND, segments=(), *, hears=True) -> tuple[Reduce, dict]:
    failed = {}
    return Reduce({"X": notes}, {"X": needs}, Segments(segments), failed.__setitem__, hears=hears), failed


def test_a_picture_waits_for_the_sound_under_it() -> None:
    notes = Notes()
    reduce, _ = _reduce(notes)
    reduce.take(Measured(frames=(_frame(0), _frame(1))))
    assert notes.seen == []
    reduce.take(Measured(cells=(_cell(0, 1.0),)))
    assert notes.seen == [("cell", 0.0), (0.0, 1.0, False, None)]
    reduce.take(Measured(cells=(_cell(1),)))
    assert notes.seen[-1] == (1.0, 2.0, True, 1.0)


def test_without_any_sound_every_picture_is_silent_at_once() -> None:
    notes = Notes()
    reduce, _ = _reduce(notes, hears=False)
    reduce.take(Measured(frames=(_frame(0),)))
    assert notes.seen == [(0.0, 1.0, True, None)]


def test_a_run_rests_at_the_end_of_its_last_picture_and_begins_anew_after_a_gap() -> None:
    notes = Notes()
    reduce, _ = _reduce(notes, Need.CHANGE, [(0, 1_000_000), (3_000_000, 3_000_000)])
    reduce.take(Measured(frames=(_frame(0), _frame(1), _frame(3))))
    reduce.finish()
    assert notes.seen == [(0.0, 1.0, True, None), (1.0, 2.0, True, 1.0), ("rest", 2.0), (3.0, 4.0, True, None), ("rest", 4.0)]


def test_a_feature_that_raises_is_shown_no_more() -> None:
    """P8."""
    notes, good = Notes(fail_at=1), Notes()
    failed = {}
    reduce = Reduce({"X": notes, "Y": good}, dict.fromkeys("XY", Need.CHANGE), Segments(()), failed.__setitem__, hears=False)
    reduce.take(Measured(frames=(_frame(0), _frame(1), _frame(2))))
    assert reduce.finish() == {"Y": [{"count": 4}]}
    assert failed == {"X": "ZeroDivisionError"}


def test_progress_is_counted_in_frames_and_in_sound() -> None:
    reduce, _ = _reduce(Notes())
    reduce.take(Measured(frames=(_frame(0), _frame(1)), cells=(_cell(0),)))
    assert (reduce.frames, reduce.shown, reduce.heard) == (1, 1, 1)


def test_frames_are_noted_from_the_pictures_and_where_none_are_measured_from_the_sound() -> None:
    """media V5."""
    seen, _ = _reduce(Notes(), hears=False)
    seen.take(Measured(frames=(_frame(0), _frame(1))))
    heard, _ = _reduce(Notes(), Need.SOUND)
    heard.take(Measured(cells=(_cell(0), _cell(1))))
    assert seen.times.told([]) == heard.times.told([]) == {"last": "1.000000s", "before": {}}
