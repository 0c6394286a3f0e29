import time
from fractions import Fraction

import numpy as np
import pytest

from triptych.media.library import Film
from triptych.media.likeness import NEAR_BITS, ROWS_AT_ONCE, Match, Stretch, blocks, distance, find, stretch_of

HALF_S_US = 500_000


def _film(source: str, pictures: int = 200, seed: int = 1) -> Film:
    times = np.arange(pictures, dtype=np.int64) * HALF_S_US
    return Film(source, times.tobytes(), np.random.default_rng(seed).bytes(32 * pictures))


def _flipped(found: bytes, bits: int, seed: int = 1) -> bytes:
    number = int.from_bytes(found)
    for bit in np.random.default_rng(seed).permutation(256)[:bits].tolist():
        number ^= 1 << bit
    return number.to_bytes(32)


def _stretch(film: Film, first: int, start: str = "8", flips: tuple[int, ...] = (0,) * 8) -> Stretch:
    """Return the film's pictures from number `first` on as a stretch that begins at `start` seconds, that many bits of each flipped."""
    pictures = [
        (Fraction(start) + Fraction(at, 2), _flipped(film.hashes[32 * (first + at) : 32 * (first + at + 1)], bits, at))
        for at, bits in enumerate(flips)
    ]
    return stretch_of(pictures, len(pictures))


def _one(stretch: Stretch, *films: Film) -> list[Match]:
    return find([stretch], films)[0]


def test_the_same_pictures_are_found_where_they_lie() -> None:
    """media 4.2 VIDEO_INDEX."""
    film = _film("a.mp4")
    assert _one(_stretch(film, 100), _film("b.mp4", seed=2), film) == [Match(1.0, "a.mp4", 50_000_000)]


def test_confidence_is_the_agreeing_share_by_how_near_it_is() -> None:
    """media 4.2 VIDEO_INDEX: agreeing share x (1 - mean distance / 128)."""
    film = _film("a.mp4")
    stretch = _stretch(film, 100, flips=(10, 20, 10, 20, 10, 20, 100, 100))
    assert _one(stretch, film) == [Match(round(6 / 8 * (1 - 15 / 128), 4), "a.mp4", 50_000_000)]


def test_less_than_half_a_confidence_is_no_match() -> None:
    """media 4.2 VIDEO_INDEX."""
    film = _film("a.mp4")
    assert _one(_stretch(film, 100, flips=(0, 0, 0, 0, 90, 90, 90, 90)), film) == [Match(0.5, "a.mp4", 50_000_000)]
    assert _one(_stretch(film, 100, flips=(0, 0, 0, 2, 90, 90, 90, 90)), film) == []


@pytest.mark.parametrize("seed", range(10))
def test_pictures_as_far_as_may_be_are_still_found(seed) -> None:
    """media 4.2 VIDEO_INDEX: candidates by Hamming distance up to 40."""
    film = _film("a.mp4", seed=seed)
    assert [match.at_us for match in _one(_stretch(film, 40, flips=(NEAR_BITS,) * 8), film)] == [20_000_000]
    assert _one(_stretch(film, 40, flips=(NEAR_BITS + 1,) * 8), film) == []


def test_the_best_film_comes_first_and_each_film_once() -> None:
    """media 4.2 VIDEO_INDEX: best first."""
    film = _film("a.mp4")
    twice = Film("twice.mp4", (np.arange(400, dtype=np.int64) * HALF_S_US).tobytes(), film.hashes * 2)
    worse = Film("worse.mp4", film.times, b"".join(_flipped(film.hashes[at : at + 32], 20) for at in range(0, len(film.hashes), 32)))
    assert [match.source for match in _one(_stretch(film, 100), worse, twice, film)] == ["a.mp4", "twice.mp4", "worse.mp4"]


def test_eight_pictures_a_second_find_what_lies_between_two_a_second() -> None:
    """media 4.2 VIDEO_INDEX: a copy that begins between two of the remembered pictures."""
    film = _film("a.mp4")
    dice = np.random.default_rng(9)
    pictures = []
    for at in range(32):
        moment = Fraction(at, 8) + Fraction(5, 16)
        place, rest = divmod(moment, Fraction(1, 2))
        found = film.hashes[32 * (60 + place) : 32 * (61 + place)] if rest < Fraction(1, 8) else dice.bytes(32)
        pictures.append((Fraction(at, 8), found))
    [match] = _one(stretch_of(pictures, 8), film)
    assert abs(match.at_us - 30_312_500) <= 125_000


def test_any_of_a_pictures_hashes_may_agree() -> None:
    film = _film("a.mp4")
    pictures = [(Fraction(at, 2), bytes(32) + film.hashes[32 * (50 + at) : 32 * (51 + at)]) for at in range(8)]
    assert _one(stretch_of(pictures, 8), film) == [Match(1.0, "a.mp4", 25_000_000)]


def test_a_still_film_is_found_in_itself() -> None:
    film = Film("still.mp4", (np.arange(8000, dtype=np.int64) * HALF_S_US).tobytes(), bytes(range(32)) * 8000)
    assert [match.confidence for match in _one(_stretch(film, 0), film)] == [1.0]


def test_a_stretch_that_begins_before_the_film_lies_at_its_start() -> None:
    film = _film("a.mp4", 8)
    before = [(Fraction(at, 2), np.random.default_rng(5).bytes(32)) for at in range(2)]
    pictures = [*before, *((Fraction(at + 2, 2), film.hashes[32 * at : 32 * (at + 1)]) for at in range(6))]
    assert _one(stretch_of(pictures, 8), film) == [Match(0.75, "a.mp4", 0)]


def test_no_film_is_divided_between_blocks() -> None:
    films = [_film(str(number), pictures=ROWS_AT_ONCE // 2 + 1, seed=number) for number in range(3)]
    found = list(blocks(films))
    assert [[film.source for film in block.films] for block in found] == [["0", "1"], ["2"]]
    assert [len(block.times) for block in found] == [ROWS_AT_ONCE + 2, ROWS_AT_ONCE // 2 + 1]
    assert list(blocks([])) == []


def test_distance_counts_bits() -> None:
    one = np.array([[0, 1, 2**64 - 1, 0]], np.uint64)
    assert distance(one, np.zeros((1, 4), np.uint64)).tolist() == [65]


def test_a_thousand_hours_are_searched_faster_than_the_stretches_last() -> None:
    """media 4.2 VIDEO_INDEX: 7.2 million hashes, 64 stretches of 4 s; the bound has room for a busy machine."""
    times = (np.arange(7200, dtype=np.int64) * HALF_S_US).tobytes()
    films = [Film(str(number), times, np.random.default_rng(number).bytes(32 * 7200)) for number in range(1000)]
    wanted = [_stretch(films[number], 40 * number, flips=(25,) * 8) for number in range(64)]
    begun = time.process_time()
    found = find(wanted, films)
    assert time.process_time() - begun < 10
    assert [matches[0].source for matches in found] == [str(number) for number in range(64)]


def test_what_is_everywhere_is_searched_in_bounded_time() -> None:
    """media 4.2 VIDEO_INDEX: a still film in ten hours of the same still."""
    still = bytes(range(32))
    films = [Film(str(number), (np.arange(3600, dtype=np.int64) * HALF_S_US).tobytes(), still * 3600) for number in range(20)]
    begun = time.process_time()
    found = find([_stretch(films[0], 0, str(4 * at)) for at in range(64)], films)
    assert time.process_time() - begun < 10
    assert {len(matches) for matches in found} == {20}
