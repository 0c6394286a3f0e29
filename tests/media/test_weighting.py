import numpy as np
import pytest

from triptych.media.weighting import KWeighting, k_filter

GIVEN_AT_48_KHZ = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
"""The two stages as BS.1770 prints them: forward and back coefficients."""


def _one_by_one(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    space, state, heard = k_filter(rate_hz), np.zeros(4), np.zeros(len(samples))
    for place, sample in enumerate(samples):
        heard[place] = space.c @ state + space.d * sample
        state = space.a @ state + space.b * sample
    return heard


def _standard(samples: np.ndarray) -> np.ndarray:
    for forward, back in GIVEN_AT_48_KHZ:
        heard = np.zeros(len(samples))
        for place in range(len(samples)):
            past = [(forward[lag] * samples[place - lag], back[lag] * heard[place - lag]) for lag in range(3) if place >= lag]
            heard[place] = sum(one for one, _ in past) - sum(other for _, other in past[1:])
        samples = heard
    return samples


def _noise(channels: int, size: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((channels, size)).astype(np.float32)


def test_at_48_khz_it_is_the_filter_of_the_standard() -> None:
    """media 4.3 LOUDNESS, BS.1770-5 annex 1."""
    samples = _noise(1, 2000)[0].astype(np.float64)
    assert np.allclose(_one_by_one(samples, 48_000), _standard(samples), atol=1e-7)


@pytest.mark.parametrize(
    ("rate_hz", "sizes"), [(48_000, [4800, 4800, 77]), (44_100, [4410, 4410]), (11_025, [1103, 1102, 1]), (8000, [800, 3])]
)
def test_blocks_give_what_sample_after_sample_gives(rate_hz, sizes) -> None:
    samples = _noise(2, sum(sizes))
    weighting = KWeighting(rate_hz, 2, max(sizes))
    heard = np.concatenate([weighting.weigh(part).copy() for part in np.split(samples, np.cumsum(sizes)[:-1], axis=1)], axis=1)
    expected = [_one_by_one(channel.astype(np.float64), rate_hz) for channel in samples]
    assert np.allclose(heard, expected, atol=1e-9)


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100, 96_000, 192_000])
def test_another_rate_weighs_alike(rate_hz) -> None:
    """Bilinear transform keeps 1 kHz within 0.05 dB of what it is at 48 kHz."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate_hz) / rate_hz).astype(np.float32)
    heard = KWeighting(rate_hz, 1, rate_hz).weigh(tone[None])[0, rate_hz // 2 :]
    assert 10 * np.log10(np.mean(heard**2)) == pytest.approx(-3.01 + 0.695, abs=0.05)


def test_a_rate_below_the_corner_of_the_filter_is_still_stable() -> None:
    heard = KWeighting(2000, 1, 200).weigh(_noise(1, 200))
    assert np.isfinite(heard).all()


def test_silence_after_sound_ends_in_exact_silence() -> None:
    weighting = KWeighting(8000, 1, 800)
    weighting.weigh(_noise(1, 800))
    for _ in range(80):
        heard = weighting.weigh(np.zeros((1, 800), np.float32))
    assert not heard.any()
