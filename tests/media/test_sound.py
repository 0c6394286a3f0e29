from fractions import Fraction
from itertools import islice, pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.media.sound import HOP, LONGEST_CELL, CellTime, Sound, Track, as_samples, picture_cells, sound_cells

RATE = 1000


def _ramp(first: int, count: int) -> np.ndarray:
    return np.arange(first, first + count, dtype=np.float32)[None, :]


@given(st.lists(st.fractions(Fraction(1, 1000), 2, max_denominator=90_000), min_size=1, max_size=10))
def test_cells_tile_the_pictures_and_none_is_longer_than_100_ms(lengths) -> None:
    """K2."""
    starts = [sum(lengths[:place], Fraction(0)) for place in range(len(lengths))]
    end = sum(lengths, Fraction(0))
    cells = list(picture_cells(starts, end))
    assert cells[0].start == 0
    assert cells[-1].end == end
    assert all(one.end == other.start for one, other in pairwise(cells))
    assert all(0 < cell.end - cell.start <= LONGEST_CELL for cell in cells)
    assert {cell.frame for cell in cells} == set(starts)


def test_cells_without_picture_are_of_10_ms() -> None:
    assert [cell.start for cell in islice(sound_cells(), 3)] == [0, Fraction(1, 100), Fraction(2, 100)]


def test_a_track_gives_samples_by_their_number() -> None:
    track = Track(1, RATE, Fraction(0))
    track.feed(Fraction(0), _ramp(0, 10))
    track.feed(Fraction(10, RATE), _ramp(10, 10))
    assert track.take(5, 15).tolist() == [list(range(5, 15))]
    assert track.take(15, 22).tolist() == [[15, 16, 17, 18, 19, 0, 0]]


def test_a_jump_leaves_silence_and_an_overlap_is_cut() -> None:
    track = Track(1, RATE, Fraction(0))
    track.feed(Fraction(0), _ramp(1, 5))
    track.feed(Fraction(10, RATE), _ramp(11, 5))
    track.feed(Fraction(8, RATE), _ramp(9, 10))
    assert track.take(0, 18).tolist() == [[1, 2, 3, 4, 5, 0, 0, 0, 0, 0, *range(11, 19)]]


def test_jitter_of_a_time_stamp_moves_no_sample() -> None:
    track = Track(1, RATE, Fraction(0))
    track.feed(Fraction(0), _ramp(0, 10))
    track.feed(Fraction(11, RATE), _ramp(10, 10))
    assert track.take(0, 20).tolist() == [list(range(20))]


def test_samples_before_offset_0_are_dropped() -> None:
    track = Track(1, RATE, Fraction(0))
    track.feed(Fraction(-5, RATE), _ramp(0, 10))
    assert track.take(0, 5).tolist() == [[5, 6, 7, 8, 9]]


def _sound(channels=(1,), cells=None) -> Sound:
    cells = cells or picture_cells([Fraction(0), Fraction(1, 10), Fraction(2, 10)], Fraction(3, 10))
    return Sound(channels, RATE, iter(cells), [Fraction(0)] * len(channels))


def test_grains_end_at_cells_and_at_hops_and_add_up() -> None:
    sound = _sound()
    sound.tracks[0].feed(Fraction(0), np.ones((1, 300), np.float32))
    cells = list(sound.cells())
    assert len(cells) == 3
    edges = [Fraction(*grain.start) for cell in cells for grain in cell.grains]
    assert edges == sorted({*(Fraction(n, 10) for n in range(3)), *(n * HOP for n in range(8))})
    assert sum(np.frombuffer(grain.products)[0] for cell in cells for grain in cell.grains) == 300


def test_a_cell_waits_for_every_track_but_not_for_one_that_lags_by_ten_seconds() -> None:
    """K2, P10."""
    sound = _sound((1, 1), [CellTime(Fraction(0), Fraction(0), Fraction(1, 10))])
    sound.tracks[0].feed(Fraction(0), np.ones((1, 200), np.float32))
    assert list(sound.cells()) == []
    sound.tracks[0].feed(Fraction(2, 10), np.ones((1, 11 * RATE), np.float32))
    assert len(list(sound.cells())) == 1


def test_the_tail_cuts_the_last_cell() -> None:
    sound = Sound((1,), RATE, sound_cells(), [Fraction(0)])
    sound.tracks[0].feed(Fraction(0), np.ones((1, 25), np.float32))
    assert [Fraction(*cell.end) for cell in sound.tail(Fraction(25, 1000))] == [Fraction(10, 1000), Fraction(20, 1000), Fraction(25, 1000)]


def test_at_most_sixteen_channels_are_judged() -> None:
    sound = _sound((10, 10))
    for track in sound.tracks:
        track.feed(Fraction(0), np.ones((10, 100), np.float32))
    (cell,) = sound.cells()
    assert len(np.frombuffer(cell.grains[0].products)) == 16 * 16


def test_bass_is_told_from_treble() -> None:
    rate = 48_000
    sound = Sound((6,), rate, sound_cells(), [Fraction(0)])
    times = np.arange(rate) / rate
    joined = np.stack([np.sin(2 * np.pi * hertz * times) for hertz in (60, 60, 60, 1000, 1000, 1000)]).astype(np.float32)
    sound.tracks[0].feed(Fraction(0), joined)
    list(sound.cells())
    blocks = sound.bass()
    assert len(blocks) == 5
    shares = np.array(blocks[0].low) / np.array(blocks[0].total)
    assert np.all(shares[:3] > 0.99)
    assert np.all(shares[3:] < 0.01)


@pytest.mark.parametrize(
    ("form", "raw", "expected"),
    [
        ("s16", np.array([[16384, -32768]], np.int16), [0.5, -1.0]),
        ("s32", np.array([[1 << 30, -(1 << 31)]], np.int32), [0.5, -1.0]),
        ("u8", np.array([[192, 0]], np.uint8), [0.5, -1.0]),
        ("flt", np.array([[0.5, np.nan]], np.float32), [0.5, 0.0]),
        ("dblp", np.array([[0.25, np.inf]], np.float64), [0.25, 8.0]),
    ],
)
def test_every_sample_format_has_full_scale_1(form, raw, expected) -> None:
    frame = av.AudioFrame.from_ndarray(raw, format=form, layout="mono")
    assert as_samples(frame).tolist() == [expected]
