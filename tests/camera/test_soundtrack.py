"""camera R3, R4: where sound lies on the time line of a file."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.camera.soundtrack import BLOCK, RATE, TOLERANCE, Soundtrack


def at(samples):
    return timedelta(seconds=samples / RATE)


def ramp(first, count):
    """Return samples that say where they belong."""
    return np.arange(first, first + count, dtype=np.float32)


def taken(track, until):
    return np.concatenate([np.zeros(BLOCK, np.float32), *(block for _, block in track.take(at(until)))])


def test_sound_lies_where_it_was():
    track = Soundtrack()
    for first in range(0, 20 * BLOCK, 1600):
        track.lay(at(first), ramp(first, 1600))
    assert taken(track, 18 * BLOCK)[BLOCK:] == pytest.approx(ramp(BLOCK, 17 * BLOCK))


def test_a_gap_is_silence():
    track = Soundtrack()
    track.lay(at(0), ramp(0, 4 * BLOCK))
    track.lay(at(9 * BLOCK), ramp(9 * BLOCK, 3 * BLOCK))
    heard = taken(track, 12 * BLOCK)
    assert heard[BLOCK : 4 * BLOCK] == pytest.approx(ramp(BLOCK, 3 * BLOCK))
    assert not heard[4 * BLOCK : 9 * BLOCK].any()
    assert heard[9 * BLOCK :] == pytest.approx(ramp(9 * BLOCK, 3 * BLOCK))


def test_an_overlap_is_trimmed():
    track = Soundtrack()
    track.lay(at(0), ramp(0, 6 * BLOCK))
    track.lay(at(2 * BLOCK), ramp(2 * BLOCK, 8 * BLOCK))
    assert taken(track, 10 * BLOCK)[BLOCK:] == pytest.approx(ramp(BLOCK, 9 * BLOCK))


@pytest.mark.parametrize("part", [0.999, 1.001])
def test_a_clock_that_drifts_is_followed_without_a_jump(part):
    """Ten minutes of a device that counts 1 in 1000 too few or too many: never 40 ms off, and no sample is missing."""
    track, step, worst = Soundtrack(), 1600, 0
    for number in range(18000):
        track.lay(at(number * step), np.full(round(step * part), 0.5, np.float32))
        worst = max(worst, abs(track._end - (number + 1) * step)) if number > 30 else 0
        for _, block in track.take(at(number * step)):
            assert (block == 0.5).all()
    assert worst < TOLERANCE


def test_what_is_late_is_given_up_and_its_rest_lies_right():
    track = Soundtrack()
    track.lay(at(0), ramp(0, 3 * BLOCK))
    track.settle(at(5 * BLOCK))
    track.lay(at(4 * BLOCK), ramp(4 * BLOCK, 4 * BLOCK))
    heard = taken(track, 8 * BLOCK)
    assert not heard[3 * BLOCK : 5 * BLOCK].any()
    assert heard[5 * BLOCK :] == pytest.approx(ramp(5 * BLOCK, 3 * BLOCK))


def test_a_cut_ends_what_was_laid():
    """camera 3.2: no sample is written while paused."""
    track = Soundtrack()
    track.lay(at(0), ramp(0, 6 * BLOCK))
    track.cut(at(4 * BLOCK))
    track.lay(at(3 * BLOCK), np.full(4 * BLOCK, -1, np.float32))
    heard = taken(track, 7 * BLOCK)
    assert heard[BLOCK : 4 * BLOCK] == pytest.approx(ramp(BLOCK, 3 * BLOCK))
    assert (heard[4 * BLOCK :] == -1).all()


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 3000)), max_size=20), st.integers(0, 60000))
def test_blocks_follow_each_other_whatever_comes(pieces, until):
    track, places = Soundtrack(), []
    for first, count in pieces:
        track.lay(at(first), np.ones(count, np.float32))
    track.settle(at(until))
    places = [(place, len(block)) for place, block in track.take(at(until))]
    assert places == [(BLOCK * (number + 1), BLOCK) for number in range(len(places))]
    assert len(places) == max(0, until // BLOCK - 1)
