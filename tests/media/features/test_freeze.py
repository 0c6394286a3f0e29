from fractions import Fraction

import numpy as np
import pytest

from triptych.media.features.freeze import Freeze, luma_change
from triptych.media.measured import Seen
from triptych.media.options import FreezeOptions
from triptych.media.picture import Picture

STILL, PULSE, MOVE = (0.1, True, False), (0.8, False, False), (9.0, False, False)


class Judge:
    def __init__(self) -> None:
        self.heard = []

    def judge(self, start, end, severity) -> None:
        self.heard.append((start, end, severity))


def _shown(looks, lumas=None, duration=2.0):
    """Show one picture a second; `looks` are each picture's change to the next."""
    feature = Freeze(FreezeOptions(duration=duration))
    feature.alarm = Judge()
    for number, look in enumerate(looks):
        thumb = np.full((3, 27, 48), 100 if lumas is None else lumas[number], np.uint8)
        feature.frame(Seen(start=Fraction(number), end=Fraction(number + 1), thumb=thumb, change=None, silent=True), list(look))
    feature.rest(Fraction(len(looks)))
    return feature


def _found(*args, **keys):
    return [(int(float(item["startTimeOffset"][:-1])), int(float(item["endTimeOffset"][:-1]))) for item in _shown(*args, **keys).items()]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([MOVE, STILL, STILL, MOVE, MOVE], [(1, 4)]),
        ([MOVE, STILL, STILL, PULSE, STILL, STILL, MOVE, MOVE], [(1, 7)]),
        ([MOVE, STILL, STILL, PULSE, PULSE, STILL, STILL, MOVE], [(1, 8)]),
        ([MOVE, STILL, STILL, PULSE, PULSE, PULSE, STILL, MOVE], [(1, 4), (6, 8)]),
        ([MOVE, STILL, STILL, PULSE, MOVE, MOVE], [(1, 4)]),
        ([PULSE, STILL, STILL], [(1, 3)]),
        ([MOVE, STILL, MOVE, MOVE], [(1, 3)]),
        ([MOVE, MOVE, MOVE], []),
    ],
)
def test_a_lone_pulse_of_one_code_ends_no_run(looks, expected) -> None:
    """media 4.3 FREEZE."""
    assert _found(looks) == expected


def test_drift_from_the_first_picture_ends_a_run() -> None:
    """media 4.3 FREEZE: at most 1 code against the run's first thumb."""
    assert _found([STILL] * 6, lumas=[100, 100, 101, 101, 102, 102], duration=4.0) == [(0, 4)]


def test_black_pictures_are_no_freeze() -> None:
    assert _found([(0.0, True, True)] * 3 + [STILL] * 3) == [(3, 6)]


def test_the_alarm_hears_of_the_first_frozen_picture_too() -> None:
    """media 3.4: 1 while the condition holds."""
    alarm = _shown([MOVE, STILL, STILL, MOVE, MOVE]).alarm
    assert [severity for _, _, severity in alarm.heard] == [0, 1, 1, 1, 0]
    assert [start for start, _, _ in alarm.heard] == [0, 1, 2, 3, 4]


def test_a_change_counts_in_codes_of_8_bits() -> None:
    planes = [np.full((4, 4), value, np.uint16) for value in (400, 402)]
    first, second = (Picture([plane], bits=10, full=False, start=Fraction(0)) for plane in planes)
    assert luma_change(first, second) == pytest.approx(0.5)
    assert luma_change(first, Picture([planes[0][:2]], bits=10, full=False, start=Fraction(0))) is None
