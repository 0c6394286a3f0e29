from fractions import Fraction

import pytest

from triptych.media.features.black import InBlack, level
from triptych.media.measured import Seen
from triptych.media.options import InBlackOptions


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 18),
        ({"black_value": 0.0}, 18),
        ({"black_value": 1.0}, 235),
        ({"black_value": 0.1}, 16 + 21.9),
        ({"black_value": 30}, 30),
        ({"blackValue": 1}, 1),
        ({"blackValue": 40, "black_value": 30}, 30),
    ],
)
def test_the_level_is_a_share_up_to_1_and_a_code_above(options, expected) -> None:
    assert level(InBlackOptions(**options), 16, 235) == pytest.approx(expected)


def test_full_range_starts_at_0() -> None:
    assert level(InBlackOptions(), 0, 255) == 2


def _found(shown, delay) -> list:
    feature = InBlack(InBlackOptions(delay=delay))
    for number, (look, silent) in enumerate(shown):
        feature.frame(Seen(start=Fraction(number), end=Fraction(number + 1), thumb=None, change=None, silent=silent), look)
    feature.rest(Fraction(len(shown)))
    return [(item["startTimeOffset"], item["endTimeOffset"]) for item in feature.items()]


def test_a_run_needs_black_and_silence_and_its_delay() -> None:
    shown = [(1, True), (0.98, True), (0.9799, True), (1, False), (1, True)]
    assert _found(shown, 2) == [("0.000000s", "2.000000s")]
    assert _found(shown, 0) == [("0.000000s", "2.000000s"), ("4.000000s", "5.000000s")]
    assert _found(shown, 2.5) == []


def test_the_severity_is_1_while_a_picture_is_black_without_sound() -> None:
    """media 3.4: IN_BLACK is 1 while the condition holds, else 0, whatever `delay` says."""

    class Watch:
        def __init__(self) -> None:
            self.told = []

        def judge(self, start, end, severity) -> None:
            self.told.append((int(start), int(end), severity))

    feature = InBlack(InBlackOptions(delay=60))
    feature.alarm = watch = Watch()
    for number, (look, silent) in enumerate([(1, True), (0.9799, True), (1, False), (0.98, True)]):
        feature.frame(Seen(start=Fraction(number), end=Fraction(number + 1), thumb=None, change=None, silent=silent), look)
    assert watch.told == [(0, 1, 1.0), (1, 2, 0.0), (2, 3, 0.0), (3, 4, 1.0)]
