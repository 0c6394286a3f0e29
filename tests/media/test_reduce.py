import numpy as np

from triptych.media.feature import Feature
from triptych.media.features import Need
from triptych.media.measured import CellMeasure, Finished, FrameMeasure, Grain, Measured
from triptych.media.options import Options
from triptych.media.reduce import Reduce
from triptych.media.spans import Segments


class Notes(Feature):
    """A feature that writes down what it is shown."""

    def __init__(self, fail_at: int | None = None) -> None:
        super().__init__(Options())
        self.seen = []
        self.fail_at = fail_at

    def frame(self, seen, look=None):
        if len(self.seen) == self.fail_at:
            raise ZeroDivisionError
        self.seen.append((float(seen.start), float(seen.end), seen.silent, seen.change))

    def cell(self, cell):
        self.seen.append(("cell", float(cell.start)))

    def rest(self, at):
        self.seen.append(("rest", float(at)))

    def items(self):
        return [{"count": len(self.seen)}]


FINISHED = Finished(frames=0, samples=0, duration=(0, 1), errors=(), truncated=False)


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
    reduce.finish(FINISHED)
    assert notes.seen == [(0.0, 1.0, True, None), (1.0, 2.0, True, 1.0), ("rest", 2.0), (3.0, 4.0, True, None), ("rest", 4.0)]


def test_a_feature_that_raises_is_shown_no_more() -> None:
    """P8."""
    notes, good = Notes(fail_at=1), Notes()
    failed = {}
    reduce = Reduce({"X": notes, "Y": good}, dict.fromkeys("XY", Need.CHANGE), Segments(()), failed.__setitem__, hears=False)
    reduce.take(Measured(frames=(_frame(0), _frame(1), _frame(2))))
    assert reduce.finish(FINISHED) == {"Y": [{"count": 4}]}
    assert failed == {"X": "ZeroDivisionError"}


def test_progress_is_counted_in_frames_and_in_sound() -> None:
    reduce, _ = _reduce(Notes())
    reduce.take(Measured(frames=(_frame(0), _frame(1)), cells=(_cell(0),)))
    assert (reduce.frames, reduce.shown, reduce.heard) == (1, 1, 1)


def test_the_frames_that_were_shown_are_noted() -> None:
    """media V5."""
    reduce, _ = _reduce(Notes(), hears=False)
    reduce.take(Measured(frames=(_frame(0), _frame(1))))
    assert reduce.times.told([]) == {"last": "1.000000s", "before": {}}
