from fractions import Fraction

import numpy as np
import pytest

from triptych.media.bursts import DECIDED_AFTER, LONGEST_SPACING, Rows, Syncs
from triptych.media.measured import Burst

RATE_HZ = 48_000
PA, PB = (0xF872 - 0x10000) / 0x8000, 0x4E1F / 0x8000


def _sound(samples, words) -> np.ndarray:
    """Return two channels of silence with `words`: (channel, sample, value)."""
    sound = np.zeros((2, samples), np.float32)
    for channel, sample, value in words:
        sound[channel, sample] = value
    return sound


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([(0, 10, PA), (1, 10, PB)], [(110, 0, 2)]),
        ([(1, 10, PA), (1, 11, PB)], [(110, 1, 1)]),
        ([(0, 10, PA), (1, 11, PB)], []),
        ([(1, 10, PA), (0, 11, PB)], []),
        ([(0, 10, PA)], []),
    ],
)
def test_pb_comes_right_after_pa_or_beside_it(words, found) -> None:
    assert list(Syncs().find(100, _sound(20, words))) == found


@pytest.mark.parametrize("edge", range(8, 13))
def test_words_are_found_once_wherever_the_sound_is_cut(edge) -> None:
    sound = _sound(20, [(0, 10, PA), (0, 11, PB)])
    syncs = Syncs()
    found = [*syncs.find(0, sound[:, :edge]), *syncs.find(edge, sound[:, edge:edge]), *syncs.find(edge, sound[:, edge:])]
    assert found == [(10, 0, 1)]


def test_an_hour_of_random_16_bit_samples_is_no_data() -> None:
    """Media 4.2: no false alarm. Full-scale noise holds every word alike; real programmes hold these less often."""
    dice, syncs, rows = np.random.default_rng(7), Syncs(), Rows()
    for second in range(3600):
        noise = np.frombuffer(dice.bytes(4 * RATE_HZ), np.int16).astype(np.float32).reshape(2, -1)
        noise *= 1 / 32768
        for at, channel, count in syncs.find(second * RATE_HZ, noise):
            rows.add([Burst(at=Fraction(at, RATE_HZ), channels=tuple(range(channel, channel + count)))])
        assert rows.carried(Fraction(max(0, second - 2)), Fraction(max(1, second - 1))) == frozenset()


def _rows(*times) -> Rows:
    rows = Rows()
    rows.add(Burst(at=Fraction(time), channels=(2, 3)) for time in times)
    return rows


def test_three_bursts_at_a_steady_spacing_reach_one_spacing_beyond_the_last() -> None:
    rows = _rows("1", "1.1", "1.2")
    edges = [Fraction(number, 20) for number in range(30)]
    carried = [start for start in edges if rows.carried(start, start + Fraction(1, 20))]
    assert (carried[0], carried[-1]) == (Fraction("1"), Fraction("1.25"))


def test_a_steady_row_is_seen_among_other_bursts() -> None:
    """ST 337 lets bursts of other data, as time stamps, stand between."""
    rows = _rows("1", "1.01", "1.1", "1.11", "1.2", "1.21", "1.3")
    assert rows.carried(Fraction("1.05"), Fraction("1.06")) == {2, 3}


def test_bursts_farther_apart_than_half_a_second_are_no_row() -> None:
    assert 2 * LONGEST_SPACING == DECIDED_AFTER
    assert not _rows("1", "1.6", "2.2", "2.8").carried(Fraction(0), Fraction(4))
    assert _rows("1", "1.5", "2").carried(Fraction(0), Fraction(4))
