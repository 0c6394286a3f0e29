from fractions import Fraction

import cv2
import numpy as np
import pytest

from footage import ANIMATION, CAMERA, PORTRAIT, footage
from triptych.media.hashing import HASH_BYTES, hashes, without_borders
from triptych.media.picture import Picture
from triptych.media.sample import scene

SIZE = (320, 180)
NEAR = 40


def _picture(luma: np.ndarray, bits: int = 8) -> Picture:
    return Picture([luma], bits=bits, full=False, start=Fraction(0))


def _hash(luma: np.ndarray) -> int:
    found = hashes(_picture(np.ascontiguousarray(luma)))
    assert found is not None
    return int.from_bytes(found)


def _apart(one: np.ndarray, other: np.ndarray) -> int:
    return (_hash(one) ^ _hash(other)).bit_count()


@pytest.fixture(scope="module")
def lumas() -> list[np.ndarray]:
    """Return pictures of 13 different things: three films and ten scenes."""
    films = [footage(name, slice(0, 1), SIZE)[0][0] for name in (CAMERA, ANIMATION, PORTRAIT)]
    return [*films, *(scene(number, SIZE)[0] for number in range(10))]


CHANGES = {
    "half": lambda luma: cv2.resize(luma, (160, 90), interpolation=cv2.INTER_AREA),
    "brightened": lambda luma: (16 + 219 * (np.clip(luma - 16.0, 0, 219) / 219) ** 0.8).astype(np.uint8),
    "letterboxed": lambda luma: np.pad(luma, ((30, 30), (0, 0)), constant_values=16),
    "windowboxed": lambda luma: np.pad(luma, ((30, 20), (40, 50)), constant_values=16),
    "cropped": lambda luma: luma[4:-4, 8:-8],
    "marked": lambda luma: np.where(np.add.outer(np.arange(180) < 50, np.arange(320) >= 285) == 2, 235, luma).astype(np.uint8),
    "noisy": lambda luma: np.clip(luma + np.random.default_rng(1).normal(0, 5, luma.shape), 0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_picture_stays_near_itself(lumas, change) -> None:
    """media 4.2 VIDEO_INDEX: within 40 of 256 bits."""
    assert max(_apart(luma, CHANGES[change](luma)) for luma in lumas) <= NEAR


def test_different_pictures_are_far_apart(lumas) -> None:
    """media 4.2 VIDEO_INDEX."""
    assert min(_apart(one, other) for place, one in enumerate(lumas) for other in lumas[:place]) > 2 * NEAR


def test_half_of_the_bits_are_set(lumas) -> None:
    assert {_hash(luma).bit_count() for luma in lumas} == {128}


def test_a_sepia_copy_is_nearer_than_one_with_a_large_logo(lumas) -> None:
    """media 11.3 Copy: the order of the published samples, self 1.0, on pictures of our own."""
    for luma in lumas:
        sepia = np.clip(20 + 0.85 * luma, 0, 255).astype(np.uint8)
        marked = luma.copy()
        marked[40:140, 80:240] = scene(99, (160, 100))[0]
        assert _apart(luma, luma) == 0
        assert _apart(luma, sepia) < _apart(luma, marked)


def test_the_second_hash_is_that_of_the_picture_before_a_crop(lumas) -> None:
    """media 4.2 VIDEO_INDEX: so a crop of 5 % on each side is still found."""
    for luma in lumas:
        both = hashes(_picture(np.ascontiguousarray(luma[9:-9, 16:-16])), also_uncropped=True)
        assert both is not None
        assert len(both) == 2 * HASH_BYTES
        assert (int.from_bytes(both[HASH_BYTES:]) ^ _hash(luma)).bit_count() <= NEAR


def test_ten_bits_tell_what_eight_do(lumas) -> None:
    """media K1, VIDEO_INDEX."""
    for luma in lumas:
        deep = hashes(_picture(luma.astype(np.uint16) * 4, bits=10))
        assert deep is not None
        assert (int.from_bytes(deep) ^ _hash(luma)).bit_count() <= 4


@pytest.mark.parametrize("luma", [np.full((90, 160), 16), np.full((90, 160), 120), np.full((2, 2), 120), np.eye(90, 90) * 200], ids=str)
def test_a_flat_or_tiny_picture_has_no_hash(luma) -> None:
    """media 4.2 VIDEO_INDEX: flat pictures are skipped."""
    noise = np.random.default_rng(1).integers(0, 2, luma.shape)
    assert hashes(_picture((luma * (luma > 2) + noise).astype(np.uint8))) is None


def test_black_borders_go_and_dark_pictures_stay() -> None:
    """media 4.2 VIDEO_INDEX."""
    luma = np.full((90, 160), 17, np.uint8)
    luma[20:70, 30:150] = 60
    assert without_borders(_picture(luma)).shape == (50, 120)
    assert without_borders(_picture(np.full((90, 160), 30, np.uint8))).shape == (90, 160)
    assert without_borders(_picture(np.full((90, 160), 20, np.uint8))).size == 0
