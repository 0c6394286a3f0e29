import numpy as np
import pytest

from triptych.media.meters import PARTS, Gated, Meters, lufs


def _power(level_lufs: float) -> float:
    return 10 ** ((level_lufs + 0.691) / 10)


def _fed(*levels: tuple[int, float], count: int = 1) -> Meters:
    meters = Meters(count)
    for steps, level in levels:
        for _ in range(steps):
            meters.add(np.full((PARTS, count), _power(level)))
    return meters


def test_steady_sound_reads_the_same_in_every_way() -> None:
    readings = _fed((40, -23)).readings(0)
    assert readings.integrated_lufs == pytest.approx(-23)
    assert readings.momentary_lufs == pytest.approx(-23)
    assert readings.short_term_lufs == pytest.approx(-23)
    assert readings.range_lu == pytest.approx(0)


@pytest.mark.parametrize(("steps", "momentary", "short_term"), [(3, False, False), (4, True, False), (29, True, False), (30, True, True)])
def test_a_value_needs_its_whole_window(steps, momentary, short_term) -> None:
    meters = _fed((steps, -23))
    readings = meters.readings(0)
    assert (readings.momentary_lufs is not None, readings.short_term_lufs is not None) == (momentary, short_term)
    assert (readings.integrated_lufs is not None, readings.range_lu is not None) == (momentary, short_term)
    assert (meters.short_term() is not None) == short_term


def test_what_is_below_the_gates_does_not_count() -> None:
    """BS.1770-5: -70 LUFS, then 10 LU below what is left."""
    assert _fed((100, -23), (100, -71), (100, -38)).readings(0).integrated_lufs == pytest.approx(-23, abs=0.1)
    assert _fed((100, -23), (100, -32)).readings(0).integrated_lufs == pytest.approx(float(lufs((_power(-23) + _power(-32)) / 2)), abs=0.06)
    assert _fed((100, -71)).readings(0).integrated_lufs is None


def test_a_restart_lets_no_window_reach_across() -> None:
    meters = _fed((30, -20))
    meters.restart()
    for _ in range(29):
        meters.add(np.full((PARTS, 1), _power(-10)))
    assert meters.readings(0).short_term_lufs == pytest.approx(-20)
    assert meters.readings(0).momentary_lufs == pytest.approx(-10)


def test_the_greatest_value_may_begin_within_a_step() -> None:
    meters = Meters(1)
    parts = np.full(10 * PARTS, _power(-90))
    parts[13 : 13 + 4 * PARTS] = _power(-23)
    for step in parts.reshape(-1, PARTS, 1):
        meters.add(step)
    assert meters.readings(0).momentary_lufs == pytest.approx(-23)


def test_meters_side_by_side_do_not_touch() -> None:
    meters = Meters(2)
    for _ in range(30):
        meters.add(np.tile([[_power(-23), _power(-40)]], (PARTS, 1)))
    assert [meters.readings(number).integrated_lufs for number in (0, 1)] == pytest.approx([-23, -40])


def test_a_histogram_is_as_good_as_the_list() -> None:
    """The loudness of thousands of windows agrees with the formula to 0.01 LU, at fixed memory."""
    levels = np.random.default_rng(5).normal(-30, 9, 5000)
    gated = Gated()
    for level in levels[levels > -70]:
        gated.add(level, _power(level))
    powers = _power(levels[levels > -70])
    loud = powers[powers > powers.mean() / 10]
    wide = np.sort(levels[(levels > -70) & (_power(levels) > powers.mean() / 100)])
    low, high = (wide[int((len(wide) - 1) * share + 0.5)] for share in (0.1, 0.95))
    assert gated.integrated() == pytest.approx(float(lufs(loud.mean())), abs=0.01)
    assert gated.range() == pytest.approx(high - low, abs=0.02)


def test_what_is_louder_than_any_bin_still_counts() -> None:
    gated = Gated()
    gated.add(90.0, _power(90.0))
    assert gated.integrated() == pytest.approx(90)
