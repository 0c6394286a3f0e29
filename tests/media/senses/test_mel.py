"""What Whisper hears, by the laws that its bands keep."""

import numpy as np
import pytest

from triptych.media.senses.mel import BANDS, RATE_HZ, bands, filters


def _tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(RATE_HZ * seconds)) / RATE_HZ).astype(np.float32)


def test_every_band_has_the_same_area() -> None:
    area = filters().sum(axis=1) * RATE_HZ / 400
    np.testing.assert_allclose(area[40:], 1, atol=0.07)
    assert (filters() >= 0).all()


@pytest.mark.parametrize("hertz", [250, 1000, 3000, 6500])
def test_a_tone_is_loudest_in_the_band_that_it_lies_in(hertz) -> None:
    heard = bands(_tone(hertz))
    middles = filters().argmax(axis=1) * RATE_HZ / 400
    assert abs(middles[heard.mean(axis=1).argmax()] - hertz) <= 0.06 * hertz + 40


def test_there_are_a_hundred_steps_a_second_and_the_quiet_is_cut_off() -> None:
    heard = bands(_tone(440, 0.5))
    assert heard.shape == (BANDS, 50)
    assert heard.max() - heard.min() <= 2.0001


def test_silence_is_even() -> None:
    heard = bands(np.zeros(RATE_HZ, np.float32))
    assert np.ptp(heard) == 0
