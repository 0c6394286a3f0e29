from fractions import Fraction

import numpy as np
import pytest

from triptych.media.features.programmes import Programmes, candidates, declared_place
from triptych.media.measured import AudioFacts, Bass, Cell, Piece

RATE_HZ = 4800
STEP = Fraction(1, 10)


def _facts(*streams: tuple[int, str]) -> list[AudioFacts]:
    return [AudioFacts("pcm_s16le", 48_000, channels, layout) for channels, layout in streams]


@pytest.mark.parametrize(
    ("streams", "place"),
    [
        (((6, "5.1"),), 1),
        (((6, "5.1(side)"),), 1),
        (((5, "5.0(side)"),), 1),
        (((6, "6 channels"),), 1),
        (((2, "stereo"), (6, "5.1")), 3),
        (((1, "mono"), (6, "5.1")), 0),
        (((2, "stereo"), (2, "stereo")), 0),
        (((8, "7.1"),), 0),
    ],
)
def test_a_stream_may_say_where_5_1_begins(streams, place) -> None:
    assert declared_place(_facts(*streams)) == place


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (1, [(0,)]),
        (3, [(0, 1), (2,)]),
        (5, [(0, 1), (2, 3), (4,), (0, 1, 2, 3, 4)]),
        (6, [(0, 1), (2, 3), (4, 5), (0, 1, 2, 3, 4, 5)]),
        (8, [(0, 1), (2, 3), (4, 5), (6, 7), (0, 1, 2, 3, 4, 5), (2, 3, 4, 5, 6, 7)]),
    ],
)
def test_channels_are_pairs_and_where_there_is_room_5_1(channels, expected) -> None:
    assert [programme.channels for programme in candidates(channels)] == expected


def test_the_lfe_weighs_nothing_and_the_surrounds_more() -> None:
    """BS.1770-5, table 3."""
    assert candidates(6)[-1].weights == (1, 1, 1, 0, 1.41, 1.41)
    assert candidates(5)[-1].weights == (1, 1, 1, 1.41, 1.41)


def _followed(samples: np.ndarray, low: tuple[int, ...] = (), declared: int = 0) -> Programmes:
    """Show (channels, n) samples in cells of 100 ms; the channels in `low` have all their energy below 200 Hz."""
    followed = Programmes(len(samples), declared)
    size = RATE_HZ // 10
    is_low = np.isin(np.arange(len(samples)), low)
    for number in range(samples.shape[1] // size):
        part = samples[:, number * size : (number + 1) * size]
        start, products = number * STEP, part @ part.T
        followed.bass(Bass(start=start, end=start + STEP, low=np.diag(products) * is_low, total=np.diag(products)))
        piece = Piece(start=start, end=start + STEP, samples=size, products=products)
        cell = Cell(start=start, end=start + STEP, power=np.diag(products) / size, grains=(piece,))
        followed.add(cell, cell.active)
    return followed


def _noise(*levels: float, seconds: float = 2.0) -> np.ndarray:
    dice = np.random.default_rng(len(levels))
    return np.stack([dice.standard_normal(int(seconds * RATE_HZ)) * level for level in levels])


def _told(followed: Programmes) -> list[tuple[str, tuple[int, ...]]]:
    return [(followed.name(number), followed.candidates[number].channels) for number in followed.found()]


FIVE_ONE = (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("levels", "low", "expected"),
    [
        ((0.1, 0.1), (), [("stereo", (0, 1))]),
        ((0.1, 0), (), [("mono", (0, 1))]),
        ((0, 0, 0.1, 0.1), (), [("stereo", (2, 3))]),
        ((0.1,) * 6, (), [("stereo", (0, 1)), ("stereo", (2, 3)), ("stereo", (4, 5))]),
        ((0.1,) * 6, (3,), [("5.1", FIVE_ONE)]),
        ((0.1, 0.1, 0.1, 0, 0.1, 0.1), (), [("5.1", FIVE_ONE)]),
        ((0.1,) * 8, (3,), [("5.1", FIVE_ONE), ("stereo", (6, 7))]),
        ((0.1,) * 8, (5,), [("stereo", (0, 1)), ("5.1", (2, 3, 4, 5, 6, 7))]),
        ((0.1,) * 7, (3,), [("5.1", FIVE_ONE), ("mono", (6,))]),
        ((0.1,) * 10, (3,), [("5.1", FIVE_ONE), ("stereo", (6, 7)), ("stereo", (8, 9))]),
        ((0.1,) * 5, (), [("5.0", (0, 1, 2, 3, 4))]),
        ((0.0,) * 4, (), []),
    ],
)
def test_programmes_are_found_as_audio_format_pairs_them(levels, low, expected) -> None:
    """media 4.3: one item per programme found by AUDIO_FORMAT's pairing."""
    assert _told(_followed(_noise(*levels), low)) == expected


def test_a_pair_of_equal_channels_is_mono() -> None:
    assert _told(_followed(np.tile(_noise(0.1), (2, 1)))) == [("mono", (0, 1))]


def test_where_nothing_tells_the_stream_does() -> None:
    alike = np.tile(_noise(0.1), (6, 1))
    assert _told(_followed(alike, declared=1)) == [("5.1", FIVE_ONE)]
    assert _told(_followed(alike)) == [("mono", (0, 1)), ("mono", (2, 3)), ("mono", (4, 5))]


def test_stereo_alone_is_stereo_whatever_the_stream_says() -> None:
    assert _told(_followed(_noise(0.1, 0.1, 0, 0, 0, 0), declared=1)) == [("stereo", (0, 1))]


def test_the_sound_wins_over_what_the_stream_says() -> None:
    assert len(_told(_followed(_noise(*(0.1,) * 6), declared=1))) == 3


def test_stretches_without_a_centre_do_not_speak_against_5_1() -> None:
    talk, music = _noise(0.1, 0.1, 0.1, 0, 0.1, 0.1), _noise(0.1, 0.1, 0, 0, 0.1, 0.1, seconds=10)
    assert _told(_followed(np.concatenate([talk, music], axis=1))) == [("5.1", FIVE_ONE)]


@pytest.mark.parametrize(("seconds", "found"), [(0.3, 0), (0.4, 1)])
def test_a_click_is_no_programme(seconds, found) -> None:
    click = _noise(0.1, 0.1, seconds=seconds)
    assert len(_told(_followed(np.pad(click, ((0, 0), (0, RATE_HZ)))))) == found
