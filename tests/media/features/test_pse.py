from fractions import Fraction

import numpy as np

from triptych.media.features.pse import Pse
from triptych.media.measured import Seen
from triptych.media.options import PseOptions


class Judge:
    def __init__(self) -> None:
        self.worst = 0.0

    def judge(self, start, end, severity) -> None:
        self.worst = max(self.worst, severity)


def _shown(lumas):
    feature = Pse(PseOptions())
    feature.alarm = Judge()
    for number, luma in enumerate(lumas):
        thumb = np.full((3, 27, 48), 128, np.uint8)
        thumb[0] = luma
        feature.frame(Seen(start=Fraction(number, 25), end=Fraction(number + 1, 25), thumb=thumb, change=None, silent=True))
    feature.rest(Fraction(len(lumas), 25))
    return feature


def test_flashes_are_reported_with_rate_and_area() -> None:
    """media 4.3 PSE: kind, rate, area; media 3.4: severity 1."""
    feature = _shown([70, 70, 70, 130, 130] * 10)
    (item,) = feature.items()
    assert (item["kind"], item["rate"], item["area"], item["red"]) == ("general", 5.0, 1.0, False)
    assert (item["startTimeOffset"], item["endTimeOffset"]) == ("0.120000s", "1.960000s")
    assert feature.alarm.worst == 1


def test_stripes_are_a_pattern_and_no_alarm() -> None:
    striped = np.where(np.arange(48) // 3 % 2, 160, 40)
    feature = _shown([np.full(48, 40)] * 5 + [striped] * 13)
    (item,) = feature.items()
    assert (item["kind"], item["startTimeOffset"], item["endTimeOffset"]) == ("pattern", "0.200000s", "0.720000s")
    assert feature.alarm.worst == 0


def test_kinds_are_in_order_of_their_start() -> None:
    striped = np.where(np.arange(48) // 3 % 2, 160, 40)
    feature = _shown([striped] * 20 + [np.full(48, 70), np.full(48, 130)] * 12)
    assert [item["kind"] for item in feature.items()] == ["pattern", "general"]
