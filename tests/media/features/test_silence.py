from fractions import Fraction

import numpy as np
import pytest

from triptych.media.features.silence import Silence, SilenceEar
from triptych.media.measured import Heard
from triptych.media.options import SilenceOptions

STEP = Fraction(1, 10)
LOUD, SILENT = 0, 3


class Watch:
    """Keeps the severities."""

    def __init__(self) -> None:
        self.told: list[tuple[float, float, float]] = []

    def judge(self, start: Fraction, end: Fraction, severity: float) -> None:
        self.told.append((float(start), float(end), severity))


def _shown(feature: Silence, masks, channels: int = 2, first: int = 0) -> Silence:
    """Show steps of 10 ms, ten a block, the last block shorter."""
    for place in range(0, len(masks), 10):
        steps = masks[place : place + 10]
        start = Fraction(first + place, 100)
        feature.heard(Heard(start=start, end=start + Fraction(len(steps), 100), value=[channels, *steps]))
    feature.rest(Fraction(first + len(masks), 100))
    return feature


def _found(feature: Silence) -> list:
    return [(*item.get("channels", []), item["startTimeOffset"], item["endTimeOffset"]) for item in feature.items()]


def test_silence_needs_its_duration() -> None:
    """media 4.3 SILENCE: 10 ms steps, duration 2 s."""
    masks = [LOUD] * 13 + [SILENT] * 199 + [LOUD] * 8 + [SILENT] * 200 + [LOUD]
    assert _found(_shown(Silence(SilenceOptions()), masks)) == [("2.200000s", "4.200000s")]


def test_one_channel_that_sounds_ends_the_silence_of_all() -> None:
    masks = [SILENT] * 20 + [1] + [SILENT] * 20
    assert _found(_shown(Silence(SilenceOptions(duration=0.2)), masks)) == [("0.000000s", "0.200000s"), ("0.210000s", "0.410000s")]


def test_each_channel_for_itself() -> None:
    """media 4.3 SILENCE: perChannel; what begins and ends together is one item, and items go by their starts."""
    masks = [1] * 30 + [SILENT] * 30 + [2] * 30 + [SILENT] * 30
    found = _found(_shown(Silence(SilenceOptions(duration=0.3, perChannel=True)), masks))
    assert found == [(1, "0.000000s", "0.600000s"), (2, "0.300000s", "1.200000s"), (1, "0.900000s", "1.200000s")]
    together = [LOUD] * 10 + [SILENT] * 30 + [LOUD] * 10
    assert _found(_shown(Silence(SilenceOptions(duration=0.3, perChannel=True)), together)) == [(1, 2, "0.100000s", "0.400000s")]


@pytest.mark.parametrize(("per_channel", "last"), [(False, 0.0), (True, 1.0)])
def test_severity_is_1_while_it_is_silent(per_channel, last) -> None:
    """media 3.4."""
    feature = Silence(SilenceOptions(perChannel=per_channel))
    feature.alarm = watch = Watch()
    _shown(feature, [LOUD] * 3 + [SILENT] * 4 + [1] * 3)
    assert watch.told == [(0.0, 0.03, 0.0), (0.03, 0.07, 1.0), (0.07, 0.1, last)]


def test_a_gap_between_segments_ends_a_run() -> None:
    feature = _shown(Silence(SilenceOptions(duration=0.2)), [SILENT] * 30)
    assert len(_found(_shown(feature, [SILENT] * 30, first=100))) == 2


@pytest.mark.parametrize(("level", "peak", "expected"), [(-60, 0.00142, 0), (-60, 0.00141, 1), (-40, 0.0142, 0), (-40, 0.0141, 1)])
def test_the_level_is_rms_against_full_scale(level, peak, expected) -> None:
    ear = Silence(SilenceOptions(level=level)).ear(48_000, 1)
    sine = peak * np.sin(2 * np.pi * 1000 * np.arange(4800) / 48_000)
    assert ear.hear(0, sine[None].astype(np.float32)) == [1, *[expected] * 10]


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 44_100, 48_000])
def test_steps_begin_at_multiples_of_10_ms_at_any_rate(rate_hz) -> None:
    ear = SilenceEar(rate_hz, 1, 1e-6)
    first, end = -(-rate_hz * 3 // 10), -(-rate_hz * 4 // 10)
    samples = np.zeros((1, end - first), np.float32)
    samples[0, -(-rate_hz * 35 // 100) - first] = 1
    assert ear.hear(first, samples) == [1, *[1] * 5, 0, *[1] * 4]


def test_sixteen_channels_and_a_short_last_block() -> None:
    samples = np.ones((16, 700), np.float32)
    samples[15] = 0
    assert SilenceEar(48_000, 16, 1e-6).hear(0, samples) == [16, 1 << 15, 1 << 15]
