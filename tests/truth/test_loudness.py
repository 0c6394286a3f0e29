"""LOUDNESS on the signals of EBU Tech 3341 and 3342, made from their formulas (media 11.2)."""

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph

from kinds.jobprocess import JobProcess
from triptych.media.features.loudness import LoudnessEar
from triptych.media.meters import PARTS, Meters
from triptych.media.sample import Coding, flat, write_clip
from truth.scoring import Analysis, seconds
from truth.vectors import RATE_HZ, faded, periods, sine, steps, write_wav
from truth.wrapped import carried

LUFS = {"abs": 0.1}
SILENCE = None
LEVELS = range(-38, -18)
BLOCK = RATE_HZ // 10


def _programmes(path: Path, **options) -> list:
    analysis = Analysis(path, ["LOUDNESS"], {"LOUDNESS": options})
    assert not analysis.failed
    return analysis.items["LOUDNESS"]


def _one(folder: Path, channels, *, rate_hz: int = RATE_HZ, **options) -> dict:
    (item,) = _programmes(write_wav(folder / "a.wav", channels, rate_hz=rate_hz), **options)
    return item


@pytest.mark.parametrize("level", [-23, -33])
def test_cases_1_and_2_steady_sound(tmp_path, level) -> None:
    """media 11.2, Tech 3341: M = S = I."""
    item = _one(tmp_path, steps([(20, level)]), series=True)
    assert [item[key] for key in ("integratedLufs", "maxMomentaryLufs", "maxShortTermLufs")] == pytest.approx([level] * 3, **LUFS)
    (series,) = item["series"]
    assert series["momentaryLufs"][3:] == pytest.approx([level] * 197, **LUFS)
    assert series["shortTermLufs"][29:] == pytest.approx([level] * 171, **LUFS)


@pytest.mark.parametrize(
    "story",
    [
        [(10, -36), (60, -23), (10, -36)],
        [(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)],
        [(20, -26), (20.1, -20), (20, -26)],
    ],
    ids=["3", "4", "5"],
)
def test_cases_3_to_5_gates(tmp_path, story) -> None:
    """media 11.2, Tech 3341."""
    assert _one(tmp_path, steps(story))["integratedLufs"] == pytest.approx(-23, **LUFS)


def _five_zero(seconds: float, hertz: tuple[float, ...] = (1000,) * 5) -> list[np.ndarray]:
    return [sine(seconds, level, hertz=each) for level, each in zip((-28, -28, -24, -30, -30), hertz, strict=True)]


@pytest.mark.parametrize("lfe", [None, 100, 60], ids=["5.0", "5.1, all alike", "5.1"])
def test_case_6_surround_is_one_programme(tmp_path, lfe) -> None:
    """media 11.2, Tech 3341; the LFE, here louder than all else, does not count."""
    channels = _five_zero(20)
    if lfe:
        channels.insert(3, sine(20, -10, hertz=lfe))
    item = _one(tmp_path, np.stack(channels))
    assert item["integratedLufs"] == pytest.approx(-23, **LUFS)
    assert item["channels"] == list(range(1, len(channels) + 1))


def test_case_9_short_term_stands_still(tmp_path) -> None:
    """media 11.2, Tech 3341: S = -23 once 3 s have passed."""
    item = _one(tmp_path, steps([(1.34, -20), (1.66, -30)] * 5), series=True)
    assert item["series"][0]["shortTermLufs"][29:] == pytest.approx([-23] * 121, **LUFS)


def test_case_12_momentary_stands_still(tmp_path) -> None:
    """media 11.2, Tech 3341: M = -23 once 1 s has passed."""
    item = _one(tmp_path, steps([(0.18, -20), (0.22, -30)] * 25), series=True)
    assert item["series"][0]["momentaryLufs"][9:] == pytest.approx([-23] * 91, **LUFS)


@pytest.mark.parametrize("number", range(20))
def test_cases_10_and_13_the_greatest_value_of_a_short_sound(tmp_path, number) -> None:
    """media 11.2, Tech 3341: wherever it begins."""
    longer = _one(tmp_path, steps([(number * 0.15, SILENCE), (3, -23), (1, SILENCE)]))
    assert longer["maxShortTermLufs"] == pytest.approx(-23, **LUFS)
    shorter = _one(tmp_path, steps([(number * 0.02, SILENCE), (0.4, -23), (1, SILENCE)]))
    assert shorter["maxMomentaryLufs"] == pytest.approx(-23, **LUFS)


@pytest.mark.parametrize(("before_s", "sound_s", "key"), [(0.15, 3, "short_term_lufs"), (0.02, 0.4, "momentary_lufs")], ids=["11", "14"])
def test_cases_11_and_14_the_greatest_value_as_it_rises(before_s, sound_s, key) -> None:
    """media 11.2, Tech 3341: the same one after the other, -38 to -19, read after each as a live meter does."""
    ear, meters, rest, found = LoudnessEar(RATE_HZ, 2), Meters(1), np.zeros((2, 0)), []
    for number, level in enumerate(LEVELS):
        rest = np.concatenate([rest, steps([(number * before_s, SILENCE), (sound_s, level), (1, SILENCE)])], axis=1)
        while rest.shape[1] >= BLOCK:
            heard, rest = np.frombuffer(ear.hear(0, rest[:, :BLOCK].astype(np.float32)), np.float32), rest[:, BLOCK:]
            meters.add(heard.reshape(PARTS + 1, 2)[:PARTS].sum(axis=1, keepdims=True))
        found.append(getattr(meters.readings(0), key))
    assert found == pytest.approx(list(LEVELS), **LUFS)


@pytest.mark.parametrize(
    ("divisor", "degrees", "amplitude", "expected"),
    [(4, 0, 0.5, -6), (4, 45, 0.5, -6), (6, 60, 0.5, -6), (8, 67.5, 0.5, -6), (4, 45, 1.41, 3)],
    ids=["15", "16", "17", "18", "19"],
)
def test_cases_15_to_19_peaks_between_samples(tmp_path, divisor, degrees, amplitude, expected) -> None:
    """media 11.2, Tech 3341: within +0.2 and -0.4 dB."""
    path = tmp_path / "a.mkv"
    write_clip(path, [], [periods(divisor, degrees, amplitude).astype(np.float32)], Coding(audio="pcm_f32le"))
    assert -0.4 <= _programmes(path)[0]["maxTruePeakDbtp"] - expected <= 0.2


@pytest.mark.parametrize("offset", range(4), ids=["20", "21", "22", "23"])
def test_cases_20_to_23_one_period_that_peaks_between_samples(tmp_path, offset) -> None:
    """media 11.2, Tech 3341: one period of fs/4 at 1.00 in fs/6 at 0.50, built at 4 fs."""
    around = 0.5 * np.sin(2 * np.pi * np.arange(24 * 2000) / 24)
    fine = np.concatenate([around, np.sin(2 * np.pi * np.arange(16) / 16), around])
    coarse = faded(fine)[offset::4]
    item = _one(tmp_path, np.stack([coarse, coarse]) * (1 - 2**-23))
    assert -0.4 <= item["maxTruePeakDbtp"] <= 0.2


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
    ids=["1", "2", "3", "4"],
)
def test_tech_3342_loudness_range(tmp_path, levels, expected) -> None:
    """media 11.2, Tech 3342: within 1 LU."""
    assert _one(tmp_path, steps([(20, level) for level in levels]))["rangeLu"] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 22_050, 44_100, 96_000, 192_000])
def test_other_sample_rates_read_alike(tmp_path, rate_hz) -> None:
    item = _one(tmp_path, steps([(4, -23)], rate_hz=rate_hz), rate_hz=rate_hz)
    values = [item[key] for key in ("integratedLufs", "maxMomentaryLufs", "maxShortTermLufs", "maxTruePeakDbtp")]
    assert values == pytest.approx([-23] * 4, **LUFS)


def _noise(channels: int, level: float, seconds: float = 4) -> list[np.ndarray]:
    dice = np.random.default_rng(channels)
    return list(dice.standard_normal((channels, int(seconds * RATE_HZ))) * level)


def test_each_programme_is_one_item(tmp_path) -> None:
    """media 4.3: one item per programme found by AUDIO_FORMAT's pairing."""
    channels = [*_noise(3, 0.05), sine(4, -20, hertz=60), *_noise(2, 0.05), *_noise(2, 0.1), *_noise(1, 0.02), *[np.zeros(4 * RATE_HZ)] * 7]
    found = _programmes(write_wav(tmp_path / "a.wav", channels))
    assert [(item["programme"], item["channels"]) for item in found] == [
        ("5.1", [1, 2, 3, 4, 5, 6]),
        ("stereo", [7, 8]),
        ("mono", [9, 10]),
    ]


@pytest.mark.parametrize("audio", ["aac", "ac3"])
def test_coded_5_1_is_one_programme(tmp_path, audio) -> None:
    sound = np.stack([*_five_zero(4, (440, 700, 1000, 500, 900))]).astype(np.float32)
    sound = np.insert(sound, 3, sine(4, -20, hertz=60), axis=0)
    expected = _one(tmp_path, sound)["integratedLufs"]
    write_clip(tmp_path / "a.mkv", [], [sound], Coding(audio=audio, layout="5.1"))
    (item,) = _programmes(tmp_path / "a.mkv")
    assert (item["programme"], item["integratedLufs"]) == ("5.1", pytest.approx(expected, **LUFS))


def test_a_programme_reads_as_on_another_meter(tmp_path) -> None:
    """FFmpeg's own meter shares nothing with ours; its sound here rises, falls and breathes."""
    at = np.arange(20 * RATE_HZ) / RATE_HZ
    sound = np.stack(_noise(2, 0.1, 20)) * 10 ** (np.sin(2 * np.pi * at / 9) - 0.5) * (0.6 + 0.4 * np.sin(20 * at))
    item, told = _one(tmp_path, sound), _by_ffmpeg(sound.astype(np.float32))
    assert item["integratedLufs"] == pytest.approx(told["I"], **LUFS)
    assert item["rangeLu"] == pytest.approx(told["LRA"], abs=0.5)
    assert item["maxTruePeakDbtp"] == pytest.approx(20 * np.log10(told["true_peak"]), abs=0.3)


def _by_ffmpeg(sound: np.ndarray) -> dict[str, float]:
    graph = Graph()
    nodes = [
        graph.add_abuffer(sample_rate=RATE_HZ, format="fltp", layout="stereo", time_base=Fraction(1, RATE_HZ)),
        graph.add("ebur128", "metadata=1:peak=true"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    frame = av.AudioFrame.from_ndarray(np.clip(sound, -1, 1), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
    graph.push(frame)
    graph.push(None)
    told: dict[str, float] = {}
    with contextlib.suppress(av.error.EOFError):
        while True:
            told |= {key.rpartition(".")[2]: float(value) for key, value in nodes[-1].pull().metadata.items()}
    return told


def test_compressed_data_is_no_programme(tmp_path) -> None:
    data = carried(60)
    assert _programmes(write_wav(tmp_path / "a.wav", np.concatenate([data, np.stack(_noise(2, 0.05, data.shape[1] / RATE_HZ))])))[0][
        "channels"
    ] == [3, 4]
    assert _programmes(write_wav(tmp_path / "b.wav", np.concatenate([data, data * 0]))) == []


@pytest.mark.parametrize("audio", ["aac", "ac3", "pcm_s16le"])
def test_a_film_reads_as_its_sound_alone(tmp_path, audio) -> None:
    sound = np.stack([sine(4, -20), sine(4, -26, hertz=440)]).astype(np.float32)
    expected = _one(tmp_path, sound)["integratedLufs"]
    pictures = [(Fraction(number * 1001, 30_000), flat((32, 18))) for number in range(120)]
    write_clip(tmp_path / "a.mkv", pictures, [sound], Coding(rate=Fraction(30_000, 1001), audio=audio))
    (item,) = _programmes(tmp_path / "a.mkv")
    assert item["integratedLufs"] == pytest.approx(expected, abs=0.1)


def test_segments_are_measured_alone(tmp_path) -> None:
    path = write_wav(tmp_path / "a.wav", steps([(4, -10), (4, -23), (4, -10)]))
    analysis = Analysis(path, ["LOUDNESS"], segments=[(4_100_000, 7_900_000)])
    (item,) = analysis.items["LOUDNESS"]
    assert item["integratedLufs"] == pytest.approx(-23, abs=0.2)
    assert item["maxTruePeakDbtp"] == pytest.approx(-23, abs=0.2)
    assert (item["startTimeOffset"], item["endTimeOffset"]) == ("4.100000s", "8.000000s")


def test_sound_is_measured_inside_the_sandbox(tmp_path) -> None:
    """A whole job of the three features that listen, its decoder confined."""
    sound = steps([(3, -23), (2.5, SILENCE)]).astype(np.float32)
    write_clip(tmp_path / "a.mkv", [(Fraction(number, 25), flat((32, 18))) for number in range(137)], [sound], Coding(audio="aac"))
    with JobProcess(tmp_path) as job:
        job.start("a.mkv", ("LOUDNESS", "SILENCE", "AUDIO_PHASE"))
        result = job.ended().result
    assert result["loudnessAnnotations"][0]["maxShortTermLufs"] == pytest.approx(-23, **LUFS)
    assert [float(seconds(item["startTimeOffset"])) for item in result["silenceAnnotations"]] == pytest.approx([3], abs=0.05)
    assert [item["kind"] for item in result["audioPhaseAnnotations"]] == ["dual_mono"]
