from fractions import Fraction

import numpy as np
import pytest

from triptych.media.ears import Ears
from triptych.media.features.loudness import Loudness, LoudnessEar, is_within, mean_squares
from triptych.media.measured import Cell, Heard, Piece
from triptych.media.options import LoudnessOptions, LoudnessTarget
from triptych.media.truepeak import TAPS

STEP = Fraction(1, 10)


class Watch:
    """Keeps the severities."""

    def __init__(self) -> None:
        self.told: list[tuple[Fraction, Fraction, float]] = []

    def judge(self, start: Fraction, end: Fraction, severity: float) -> None:
        self.told.append((start, end, severity))


def _power(level_lufs: float) -> float:
    return 10 ** ((level_lufs + 0.691) / 10)


def _block(number: int, level_lufs: float) -> Heard:
    values = np.zeros((6, 2), np.float32)
    values[:5, 0] = _power(level_lufs)
    values[5] = 0.5
    return Heard(start=number * STEP, end=(number + 1) * STEP, value=values.tobytes())


def _cell(number: int) -> Cell:
    products = np.diag([48.0, 48.0])
    piece = Piece(start=number * STEP, end=(number + 1) * STEP, samples=4800, products=products)
    return Cell(start=piece.start, end=piece.end, power=np.diag(products) / 4800, grains=(piece,))


def _shown(feature: Loudness, levels, first: int = 0) -> None:
    for number, level in enumerate(levels, first):
        feature.heard(_block(number, level))
    for number in range(first, first + len(levels)):
        feature.cell(_cell(number))
    feature.rest((first + len(levels)) * STEP)


def _one(feature: Loudness) -> dict:
    (item,) = feature.items()
    return item


def test_an_item_has_every_key() -> None:
    feature = Loudness(LoudnessOptions())
    _shown(feature, [-23] * 40)
    assert _one(feature) == {
        "programme": "stereo",
        "integratedLufs": -23.0,
        "rangeLu": 0.0,
        "maxTruePeakDbtp": -6.02,
        "maxMomentaryLufs": -23.0,
        "maxShortTermLufs": -23.0,
        "channels": [1, 2],
        "withinTarget": True,
        "startTimeOffset": "0.000000s",
        "endTimeOffset": "4.000000s",
    }


def test_what_is_too_short_to_tell_is_null() -> None:
    feature = Loudness(LoudnessOptions())
    _shown(feature, [-23] * 10)
    item = _one(feature)
    assert (item["rangeLu"], item["maxShortTermLufs"]) == (None, None)
    assert item["integratedLufs"] == -23.0


@pytest.mark.parametrize(
    ("target", "integrated", "peak", "expected"),
    [
        ("ebu_r128", -23.5, -1.0, True),
        ("ebu_r128", -22.49, -1.0, False),
        ("ebu_r128", -23.0, -0.99, False),
        ("atsc_a85", -22.0, -2.0, True),
        ("atsc_a85", -26.01, -2.0, False),
        ("atsc_a85", -24.0, -1.9, False),
        ({"lufs": -16.0, "tolerance": 1.0, "truePeak": -1.5}, -15.0, -1.5, True),
        ({"lufs": -16.0, "tolerance": 1.0, "truePeak": -1.5}, -14.9, -3.0, False),
        ("ebu_r128", None, None, False),
    ],
)
def test_targets_are_r_128_a_85_or_numbers(target, integrated, peak, expected) -> None:
    """media 4.3 LOUDNESS: -23 within 0.5 LU and -1 dBTP; -24 within 2 LU and -2 dBTP."""
    given = Loudness(LoudnessOptions(target=LoudnessTarget(**target) if isinstance(target, dict) else target))._target
    assert is_within(given, integrated, peak) is expected


@pytest.mark.parametrize(("level", "severity"), [(-23.0, 0), (-22.5, 0), (-21.5, 0.1), (-28.5, 0.5), (-10.0, 1), (-60.0, 1)], ids=str)
def test_severity_is_how_far_the_last_three_seconds_lie_outside(level, severity) -> None:
    """media 3.4: min(1, max(0, |short-term - target| - tolerance) / 10)."""
    feature = Loudness(LoudnessOptions())
    feature.alarm = watch = Watch()
    _shown(feature, [level] * 40)
    assert [told[2] for told in watch.told[:29]] == [0] * 29
    assert [told[2] for told in watch.told[29:]] == pytest.approx([severity] * 11, abs=1e-4)
    assert [told[:2] for told in watch.told] == [(number * STEP, (number + 1) * STEP) for number in range(40)]


def test_a_gap_between_segments_parts_the_windows() -> None:
    feature = Loudness(LoudnessOptions(series=True))
    _shown(feature, [-23] * 20)
    _shown(feature, [-33] * 20, first=50)
    item = _one(feature)
    assert item["maxShortTermLufs"] is None
    assert (item["startTimeOffset"], item["endTimeOffset"]) == ("0.000000s", "7.000000s")
    assert [part["startTimeOffset"] for part in item["series"]] == ["0.000000s", "5.000000s"]
    assert item["series"][1]["momentaryLufs"] == [None] * 3 + [-33.0] * 17


def test_a_series_has_ten_values_a_second() -> None:
    """media 4.3 LOUDNESS: `series` true adds 10 Hz M and S."""
    feature = Loudness(LoudnessOptions(series=True))
    _shown(feature, [-23] * 30 + [-300] * 40)
    (series,) = _one(feature)["series"]
    assert series["momentaryLufs"][:4] == [None, None, None, -23.0]
    assert series["shortTermLufs"][28:31] == [None, -23.0, -23.15]
    assert (series["momentaryLufs"][-1], series["shortTermLufs"][-1]) == (-100.0, -100.0)
    assert len(series["momentaryLufs"]) == len(series["shortTermLufs"]) == 70


def test_silence_is_no_programme() -> None:
    assert Loudness(LoudnessOptions()).items() == []


def test_blocks_wait_until_it_is_known_what_they_carry() -> None:
    feature = Loudness(LoudnessOptions())
    feature.alarm = watch = Watch()
    for number in range(20):
        feature.heard(_block(number, -23))
        feature.cell(_cell(number))
    assert watch.told[-1][1] == 1
    feature.rest(Fraction(2))
    assert watch.told[-1][1] == 2


@pytest.mark.parametrize("step", [1, 333, 4800, 7000])
def test_an_ear_hears_the_same_however_sound_arrives(step) -> None:
    noise = (np.random.default_rng(2).standard_normal((2, 14_600)) * 0.1).astype(np.float32)
    whole, parts = _ears(), _ears()
    whole.feed(noise)
    for start in range(0, noise.shape[1], step):
        parts.feed(noise[:, start : start + step])
    whole.flush()
    parts.flush()
    assert [heard.value for heard in parts.taken()] == [heard.value for heard in whole.taken()]


def _ears() -> Ears:
    return Ears({"LOUDNESS": LoudnessEar(48_000, 2)}, 48_000, lambda name, fault: pytest.fail(f"{name}: {fault}"))


def test_a_point_between_the_last_samples_counts_with_the_next_block() -> None:
    ear = LoudnessEar(48_000, 1)
    tone = np.sin(2 * np.pi * np.arange(4800) / 4 + np.pi / 4).astype(np.float32)
    tone[: 4800 - TAPS // 2] = 0
    peaks = [np.frombuffer(ear.hear(0, part[None]), np.float32)[-1] for part in (tone, np.roll(tone, TAPS // 2) * 0)]
    assert peaks[1] > peaks[0]


def test_parts_of_uneven_length_are_means() -> None:
    samples = np.arange(11.0)[None]
    expected = [np.mean(part**2) for part in np.split(samples[0], [2, 4, 6, 8])]
    assert mean_squares(samples, 5)[0].tolist() == pytest.approx(expected)
