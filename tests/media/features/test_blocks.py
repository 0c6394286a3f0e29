from fractions import Fraction

import numpy as np
import pytest

from triptych.media.features.blocks import Macroblocking, kinks, pieces, ratios, ssim, stride
from triptych.media.measured import Seen
from triptych.media.options import MacroblockAlarm, MacroblockOptions
from triptych.media.picture import Picture

SIZE = (160, 96)


def _picture(luma: np.ndarray, bits: int = 8) -> Picture:
    return Picture([luma], bits=bits, full=False, start=Fraction(0))


def _soft(size: tuple[int, int]) -> np.ndarray:
    """Return a soft slope with the noise of a camera, as (rows, columns) of fractions of codes."""
    width, height = size
    slope = 60 + 80 * np.add.outer(np.arange(height), np.arange(width)) / (width + height)
    return slope + np.random.default_rng(1).normal(0, 0.5, slope.shape)


def _clean(size: tuple[int, int] = SIZE) -> np.ndarray:
    return _soft(size).astype(np.uint8)


def _mosaic(size: tuple[int, int] = SIZE, across: int = 0, down: int = 0) -> np.ndarray:
    """Return the same with an 8-pixel mosaic laid over it, its lines at these phases."""
    width, height = size
    tiles = np.random.default_rng(2).integers(-20, 21, (height // 8 + 2, width // 8 + 2)).repeat(8, axis=0).repeat(8, axis=1)
    return (_soft(size) + tiles[8 - down : 8 - down + height, 8 - across : 8 - across + width]).astype(np.uint8)


class Alarm:
    def __init__(self) -> None:
        self.judged: list[tuple[Fraction, Fraction, float]] = []

    def judge(self, start: Fraction, end: Fraction, severity: float) -> None:
        self.judged.append((start, end, severity))


def _run(looks: list[bytes | None], alarm: Alarm | None = None, least: float = 0.9) -> Macroblocking:
    feature = Macroblocking(MacroblockOptions(alarmSettings=MacroblockAlarm(enabled=True, minSsimValue=least)))
    feature.alarm = alarm
    thumb = np.zeros((3, 27, 48), np.uint8)
    for number, look in enumerate(looks):
        start = Fraction(number, 4)
        feature.frame(Seen(start=start, end=start + Fraction(1, 4), thumb=thumb, change=0.0 if number else None, silent=True), look)
    feature.rest(Fraction(len(looks), 4))
    return feature


def test_one_step_is_weighed_as_the_rule_says() -> None:
    """media 4.2 MACROBLOCKING: the kink, at most 24 codes, by 2 plus the activity of its neighbours."""
    for step, kink in ((10, 10), (100, 24)):
        luma = np.full((16, 17), 50, np.uint8)
        luma[:, 8:] += step
        upright, level = kinks(_picture(luma))
        lines = np.zeros(8)
        lines[[7, 0, 1]] = [min(24, step / 2) / (2 + step), kink / 2, min(24, step / 2) / (2 + step)]
        # Of the 14 columns that have neighbours on both sides, 2 to 15, phases 0 and 1 have one each but for those at 2 to 7.
        count = np.array([1, 1, 2, 2, 2, 2, 2, 2])
        assert upright == pytest.approx(lines / count, rel=1e-6)
        assert not level.any()


@pytest.mark.parametrize(("across", "down"), [(0, 0), (3, 5), (7, 1)])
def test_the_grid_is_found_wherever_it_lies(across, down) -> None:
    """media 4.2 MACROBLOCKING: so a shifted grid scores alike."""
    shifted = ratios([kinks(_picture(_mosaic(across=across, down=down)))])
    assert shifted == pytest.approx(ratios([kinks(_picture(_mosaic()))]), rel=0.25)
    assert shifted > 4


def test_the_score_is_the_logarithm_of_the_ratio() -> None:
    """media 4.2 MACROBLOCKING: 1 up to a ratio of 2, a tenth less for each doubling."""
    for ratio, score in ((1, 1.0), (2, 1.0), (4, 0.9), (16, 0.7), (1e6, 0.0)):
        sample = np.ones((2, 8), np.float32)
        sample[:, 4] = ratio
        assert ssim([sample])[0] == pytest.approx(score, abs=1e-3)


def test_a_flat_picture_has_no_blocks() -> None:
    assert ssim([kinks(_picture(np.full((90, 160), 16, np.uint8)))]).tolist() == [1.0]


def test_pictures_too_small_for_a_grid_have_no_blocks() -> None:
    for size in ((1, 1), (8, 8), (15, 15)):
        assert ssim([kinks(_picture(_clean(size)))]).tolist() == [1.0]


def test_ten_bits_give_what_eight_do() -> None:
    """media K1, MACROBLOCKING."""
    luma = _mosaic()
    assert kinks(_picture(luma.astype(np.uint16) * 4, bits=10)).tolist() == kinks(_picture(luma)).tolist()


def test_the_lines_left_out_change_nothing() -> None:
    """media 4.2 MACROBLOCKING: a large picture is scored on every fifth row and seventh column."""
    luma = _mosaic((1920, 1080))
    every = np.concatenate(
        [ratios([kinks(_picture(luma[at : at + 265, left : left + 265]))]) for at in range(0, 800, 265) for left in range(0, 1600, 265)]
    )
    assert [stride(lines) for lines in (90, 270, 540, 1080, 2160)] == [1, 1, 3, 5, 9]
    assert ratios([kinks(_picture(luma))])[0] == pytest.approx(every.mean(), rel=0.05)


def test_long_shots_are_cut_every_ten_seconds() -> None:
    """media 4.2 MACROBLOCKING."""
    shots = [(Fraction(0), Fraction(10)), (Fraction(10), Fraction("31.5"))]
    assert list(pieces(shots)) == [(0, 10), (10, 20), (20, 30), (30, Fraction("31.5"))]


def test_the_alarm_judges_what_was_sampled_last() -> None:
    """media 3.4 MACROBLOCKING: how far the score of the last half second lies below the least one, as a share of it."""
    clean, starved = kinks(_picture(_clean())), kinks(_picture(_mosaic()))
    alarm = Alarm()
    _run([clean.tobytes(), None, starved.tobytes(), None, starved.tobytes(), None], alarm)
    score = ssim([clean, starved])[1]
    severities = [severity for _, _, severity in alarm.judged]
    assert [start for start, _, _ in alarm.judged] == [Fraction(at, 4) for at in range(6)]
    assert severities[:2] == [0.0, 0.0]
    assert severities[2:] == pytest.approx([(0.9 - score) / 0.9] * 4, abs=0.02)
    assert severities[2] > 0.1


def test_two_samples_within_half_a_second_are_averaged() -> None:
    """media 3.4 MACROBLOCKING."""
    clean, starved = kinks(_picture(_clean())), kinks(_picture(_mosaic()))
    alarm = Alarm()
    _run([clean.tobytes(), starved.tobytes()], alarm)
    assert alarm.judged[1][2] == pytest.approx((0.9 - ssim([clean, starved]).mean()) / 0.9)


def test_without_any_sample_nothing_is_told() -> None:
    assert _run([None, None]).items() == []
