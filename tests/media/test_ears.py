from fractions import Fraction

import numpy as np
import pytest

from triptych.media.ears import Ears
from triptych.media.spans import Segments


class Counting:
    def __init__(self, fail_at: int | None = None) -> None:
        self.blocks: list[tuple[int, int]] = []
        self.fail_at = fail_at

    def hear(self, first, samples):
        if len(self.blocks) == self.fail_at:
            raise ZeroDivisionError
        self.blocks.append((first, samples.shape[1]))
        return float(samples[0, 0]) if samples[0, 0] else None


def _fed(ears: Ears, total: int, piece: int) -> None:
    ramp = np.arange(total, dtype=np.float32)[None]
    for at in range(0, total, piece):
        ears.feed(ramp[:, at : at + piece])
    ears.flush()


@pytest.mark.parametrize("piece", [7, 480, 10_000])
def test_blocks_are_100_ms_and_touch_however_the_samples_come(piece) -> None:
    """media P4."""
    ear = Counting()
    ears = Ears({"X": ear}, 48_000, pytest.fail)
    _fed(ears, 12_000, piece)
    assert ear.blocks == [(0, 4800), (4800, 4800), (9600, 2400)]
    heard = ears.taken()
    assert [(Fraction(*one.start), Fraction(*one.end), one.value) for one in heard] == [
        (Fraction(1, 10), Fraction(1, 5), 4800.0),
        (Fraction(1, 5), Fraction(1, 4), 9600.0),
    ]
    assert ears.taken() == []


def test_an_odd_rate_keeps_step_with_time() -> None:
    ear = Counting()
    _fed(Ears({"X": ear}, 11_025, pytest.fail), 11_025, 1000)
    assert [first for first, _ in ear.blocks] == [-(-number * 11_025 // 10) for number in range(10)]


def test_an_ear_that_fails_is_told_once_and_the_others_go_on() -> None:
    """media P8."""
    failed = []
    other = Counting()
    ears = Ears({"X": Counting(fail_at=1), "Y": other}, 48_000, lambda name, fault: failed.append((name, type(fault))))
    _fed(ears, 24_000, 4800)
    assert failed == [("X", ZeroDivisionError)]
    assert len(other.blocks) == 5


class Recalling(Counting):
    """Tells at the end how many blocks there were."""

    def finish(self):
        return len(self.blocks) or None


def test_an_ear_may_tell_at_the_end_what_is_left_and_it_counts_as_heard_in_the_last_block() -> None:
    ears = Ears({"X": Recalling(), "Y": Counting()}, 48_000, pytest.fail)
    _fed(ears, 12_000, 480)
    last = ears.taken()[-1]
    assert (last.feature, Fraction(*last.start), Fraction(*last.end), last.value) == ("X", Fraction(1, 5), Fraction(1, 4), 3)


def test_without_sound_nothing_is_asked_at_the_end() -> None:
    ears = Ears({"X": Recalling()}, 48_000, pytest.fail)
    ears.flush()
    assert ears.taken() == []


def test_an_ear_that_lasts_hears_the_segments_alone_and_finishes_each() -> None:
    """media 2.3: the union of the segments is analysed; other ears keep hearing, as filters must."""
    lasting, other = Recalling(), Counting()
    ears = Ears({"X": lasting, "Y": other}, 48_000, pytest.fail, Segments([(200_000, 300_000), (600_000, 650_000)]))
    _fed(ears, 48_000, 4800)
    assert [first for first, _ in lasting.blocks] == [9600, 14_400, 28_800]
    assert len(other.blocks) == 10
    finished = [(Fraction(*one.start), one.value) for one in ears.taken() if one.feature == "X" and one.value < 4]
    assert finished == [(Fraction(3, 10), 2), (Fraction(6, 10), 3)]
