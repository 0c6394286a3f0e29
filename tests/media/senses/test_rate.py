"""Sound brought to 16 kHz."""

import numpy as np
import pytest

from triptych.media.senses.rate import RATE_HZ, Thinner


def _tone(rate_hz: int, hertz: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(rate_hz) / rate_hz).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 32000, 44100, 48000, 96000])
def test_a_tone_keeps_its_pitch_place_and_length(rate_hz) -> None:
    thinner = Thinner(rate_hz)
    sound = np.concatenate([thinner.thin(_tone(rate_hz)), thinner.rest()])
    assert abs(len(sound) - RATE_HZ) <= 40
    np.testing.assert_allclose(sound[400:15600], _tone(RATE_HZ)[400:15600], atol=0.02)


def test_blocks_give_what_the_whole_gives() -> None:
    whole, parts = Thinner(48000), Thinner(48000)
    tone = _tone(48000)
    once = np.concatenate([whole.thin(tone), whole.rest()])
    pieces = [parts.thin(block) for block in np.array_split(tone, 13)]
    np.testing.assert_array_equal(np.concatenate([*pieces, parts.rest()]), once)


def test_sound_at_16_khz_is_left_alone() -> None:
    thinner = Thinner(RATE_HZ)
    np.testing.assert_array_equal(thinner.thin(_tone(RATE_HZ)), _tone(RATE_HZ))
    assert len(thinner.rest()) == 0
