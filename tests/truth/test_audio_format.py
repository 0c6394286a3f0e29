"""AUDIO_FORMAT on layouts that were put there (media 4.2)."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip
from triptych.media.spans import Span, joined
from truth.scoring import Analysis, cut, right_share, seconds, tiles
from truth.wrapped import PERIOD, carried

PCM = Coding(video="ffv1", options={}, audio="pcm_s16le")
SIZE = (64, 36)


def _noise(seed, samples):
    return (np.random.default_rng(seed).standard_normal(samples) * 0.1).astype(np.float32)


PROGRAMMES = {
    "silence": [],
    "mono": [("mono", 0)],
    "stereo": [("stereo", 0)],
    "stereo pairs": [("stereo", 0), ("stereo", 2)],
    "stereo sap": [("stereo", 0), ("mono", 2)],
    "5.1": [("5.1", 0)],
    "5.1 stereo": [("5.1", 0), ("stereo", 6)],
    "stereo 5.1": [("stereo", 0), ("5.1", 2)],
    "5.1 sap": [("5.1", 0), ("dual mono", 6)],
}
"""What each layout is made of: programmes and the channel, from 0, at which each begins."""


def _programme(name, samples, first):
    def voice(number):
        return _noise(10 * first + number, samples)

    match name:
        case "mono":
            return [voice(0)]
        case "dual mono":
            return [voice(0)] * 2
        case "stereo":
            return [voice(0), voice(1)]
        case _:
            return [voice(0), voice(1), voice(2), tone(60, samples), voice(4), voice(5)]


def _layout(name, samples, channels=8):
    """Return (channels, samples) of sound that is of layout `name`."""
    sound = np.zeros((channels, samples), np.float32)
    for programme, first in PROGRAMMES[name]:
        voices = _programme(programme, samples, first)
        sound[first : first + len(voices)] = voices
    return sound


NAMES = list(PROGRAMMES)


def _write(path, sound, coding=PCM, layout="7.1", seconds_of_picture=None):
    duration = Fraction(sound[0].shape[1], RATE_HZ) if seconds_of_picture is None else seconds_of_picture
    pictures = [(Fraction(number, 25), scene(1, SIZE)) for number in range(int(duration * 25))]
    options = {"video": coding.video, "options": coding.options, "audio": coding.audio, "layout": layout}
    write_clip(path, pictures, sound, Coding(**options))


def _found(path, **options):
    analysis = Analysis(path, ["AUDIO_FORMAT"], {"AUDIO_FORMAT": options})
    assert not analysis.failed
    return analysis


@pytest.mark.parametrize(
    "order", [NAMES, NAMES[::-1], ["5.1", "stereo", "stereo pairs", "5.1 sap", "mono", "stereo 5.1", "5.1 stereo", "stereo sap"]]
)
def test_all_layouts_are_right_outside_a_quarter_second_of_changes(tmp_path, order) -> None:
    parts = [_layout(name, 3 * RATE_HZ) for name in order]
    _write(tmp_path / "a.mkv", [np.concatenate(parts, axis=1)])
    analysis = _found(tmp_path / "a.mkv")
    truth = [(name, Fraction(3 * place), Fraction(3 * place + 3)) for place, name in enumerate(order)]
    assert right_share(analysis.spans("AUDIO_FORMAT"), truth) == 1
    assert tiles(analysis.items["AUDIO_FORMAT"], "0.000000s", f"{3 * len(order)}.000000s")


def test_channels_may_come_from_several_streams(tmp_path) -> None:
    """K2: all audio streams joined in stream order."""
    sound = _layout("stereo pairs", 2 * RATE_HZ, channels=4)
    _write(tmp_path / "a.mkv", [sound[:2], sound[2:]], layout="stereo")
    assert _found(tmp_path / "a.mkv").spans("AUDIO_FORMAT") == [("stereo pairs", 0, 2)]


def test_two_equal_channels_are_mono_and_two_different_ones_stereo(tmp_path) -> None:
    same, other = tone(440, RATE_HZ), tone(660, RATE_HZ)
    _write(tmp_path / "a.mkv", [np.stack([same, same * 0.5])], layout="stereo")
    _write(tmp_path / "b.mkv", [np.stack([same, other])], layout="stereo")
    assert _found(tmp_path / "a.mkv").spans("AUDIO_FORMAT") == [("mono", 0, 1)]
    assert _found(tmp_path / "b.mkv").spans("AUDIO_FORMAT") == [("stereo", 0, 1)]


def test_a_tone_of_two_frames_is_a_mono_span_of_66_7_ms(tmp_path) -> None:
    """The example of the contract: 1.968633 to 2.035366 at 30000/1001."""
    rate = Fraction(30000, 1001)
    samples = int(4 * RATE_HZ)
    sound = np.zeros((2, samples), np.float32)
    first, last = int(59 / rate * RATE_HZ) + 1, int(61 / rate * RATE_HZ)
    sound[:, first:last] = tone(1000, last - first)
    pictures = [(number / rate, scene(1, SIZE)) for number in range(119)]
    coding = Coding(options={"preset": "veryfast", "qp": "0"}, audio="pcm_s16le", rate=rate)
    write_clip(tmp_path / "a.mov", pictures, [sound], coding)
    items = _found(tmp_path / "a.mov").items["AUDIO_FORMAT"]
    assert [(item["audioFormat"], item["startTimeOffset"], item["endTimeOffset"]) for item in items] == [
        ("silence", "0.000000s", "1.968633s"),
        ("mono", "1.968633s", "2.035366s"),
        ("silence", "2.035366s", "3.970633s"),
    ]


def test_silence_edges_are_sample_exact_at_frames(tmp_path) -> None:
    sound = np.tile(tone(1000, 2 * RATE_HZ), (2, 1))
    sound[:, int(0.52 * RATE_HZ) : int(1.48 * RATE_HZ)] = 0
    _write(tmp_path / "a.mkv", [sound], layout="stereo")
    assert [(start, end) for name, start, end in _found(tmp_path / "a.mkv").spans("AUDIO_FORMAT") if name == "silence"] == [
        (Fraction("0.52"), Fraction("1.48"))
    ]


@pytest.mark.parametrize(("decibels", "label"), [(-61, "silence"), (-59, "mono")])
def test_minus_60_dbfs_rms_is_the_edge_of_silence(tmp_path, decibels, label) -> None:
    peak = 10 ** (decibels / 20) * 2**0.5
    sound = np.tile(tone(1000, RATE_HZ, peak=peak), (2, 1))
    _write(tmp_path / "a.mkv", [sound], Coding(video="ffv1", options={}, audio="pcm_s24le"), layout="stereo")
    assert _found(tmp_path / "a.mkv").spans("AUDIO_FORMAT") == [(label, 0, 1)]


def test_a_change_that_does_not_hold_half_a_second_is_no_change(tmp_path) -> None:
    sound = _layout("stereo", 3 * RATE_HZ, channels=2)
    sound[1, RATE_HZ : RATE_HZ + RATE_HZ // 4] = 0
    _write(tmp_path / "a.mkv", [sound], layout="stereo")
    assert _found(tmp_path / "a.mkv").spans("AUDIO_FORMAT") == [("stereo", 0, 3)]


def test_five_one_is_remembered_over_a_quiet_centre(tmp_path) -> None:
    sound = _layout("5.1", 8 * RATE_HZ, channels=6)
    sound[2:, 2 * RATE_HZ : 5 * RATE_HZ] = 0
    _write(tmp_path / "a.mkv", [sound], layout="5.1")
    assert _found(tmp_path / "a.mkv").spans("AUDIO_FORMAT") == [("5.1", 0, 8)]


def test_five_one_is_not_remembered_for_longer_than_ten_seconds(tmp_path) -> None:
    sound = _layout("5.1", 15 * RATE_HZ, channels=6)
    sound[2:, 2 * RATE_HZ : 13 * RATE_HZ] = 0
    _write(tmp_path / "a.mkv", [sound], layout="5.1")
    assert [name for name, *_ in _found(tmp_path / "a.mkv").spans("AUDIO_FORMAT")] == ["5.1", "stereo", "5.1"]


def test_sound_without_picture_is_judged_in_cells_of_10_ms(tmp_path) -> None:
    sound = np.tile(tone(1000, 2 * RATE_HZ), (2, 1))
    sound[:, int(0.53 * RATE_HZ) : int(1.47 * RATE_HZ)] = 0
    _write(tmp_path / "a.wav", [sound], layout="stereo", seconds_of_picture=0)
    assert _found(tmp_path / "a.wav").spans("AUDIO_FORMAT") == [
        ("mono", 0, Fraction("0.53")),
        ("silence", Fraction("0.53"), Fraction("1.47")),
        ("mono", Fraction("1.47"), 2),
    ]


def test_sound_that_ends_before_the_picture_is_silence(tmp_path) -> None:
    _write(tmp_path / "a.mkv", [np.tile(tone(1000, RATE_HZ), (2, 1))], layout="stereo", seconds_of_picture=2)
    assert _found(tmp_path / "a.mkv").spans("AUDIO_FORMAT") == [("mono", 0, 1), ("silence", 1, 2)]


@pytest.mark.parametrize("audio", ["aac", "ac3"])
def test_coded_layouts_are_right_for_98_percent_of_the_time(tmp_path, audio) -> None:
    order = ["5.1", "silence", "stereo", "mono"]
    sound = np.concatenate([_layout(name, 3 * RATE_HZ, channels=6) for name in order], axis=1)
    _write(tmp_path / "a.mkv", [sound], Coding(video="ffv1", options={}, audio=audio), layout="5.1")
    truth = [(name, Fraction(3 * place), Fraction(3 * place + 3)) for place, name in enumerate(order)]
    assert right_share(_found(tmp_path / "a.mkv").spans("AUDIO_FORMAT"), truth) >= Fraction(98, 100)


class Judged:
    """An alarm that keeps what it is told."""

    def __init__(self) -> None:
        self.severities: list[tuple[Fraction, Fraction, float]] = []

    def judge(self, start: Fraction, end: Fraction, severity: float) -> None:
        self.severities.append((start, end, severity))

    @property
    def bad(self) -> list[tuple[Fraction, Fraction]]:
        """The stretches of severity 1, which with those of 0 must tile."""
        assert all(before[1] == after[0] for before, after in pairwise(self.severities))
        return [(span.start, span.end) for span in joined(Span(start, end, str(bad)) for start, end, bad in self.severities if bad)]


def _judged(path, **settings) -> Judged:
    alarm = Judged()
    Analysis(path, ["AUDIO_FORMAT"], {"AUDIO_FORMAT": {"alarmSettings": {"enabled": True, **settings}}}, alarm=alarm)
    return alarm


def test_the_alarm_is_told_1_where_the_format_is_not_allowed_and_0_elsewhere(tmp_path) -> None:
    """media 3.4: per frame, over the whole file, by the bit of the format that is settled there."""
    sound = np.concatenate([_layout(name, 2 * RATE_HZ, 2) for name in ("stereo", "silence", "mono")], axis=1)
    _write(tmp_path / "a.mkv", [sound], layout="stereo")
    assert _judged(tmp_path / "a.mkv", allowableAudioFormat=32).bad == [(2, 6)]
    assert _judged(tmp_path / "a.mkv", allowableAudioFormat=128 | 64).bad == [(0, 2)]
    assert _judged(tmp_path / "a.mkv", allowableAudioFormat=255).bad == []
    assert _judged(tmp_path / "a.mkv", allowableAudioFormat=255).severities[-1][1] == 6


def test_the_alarm_is_told_of_data_where_it_is_not_allowed(tmp_path) -> None:
    """media 3.4, 4.2: `compressed` is judged by `allowCompressedAudio` alone, bit 0 for channel 1."""
    data = np.concatenate([np.zeros((2, RATE_HZ), np.float32), carried(25), np.zeros((2, 30 * PERIOD), np.float32)], axis=1)
    _write(tmp_path / "a.mkv", [data], layout="stereo")
    silence_is_fine = {"allowableAudioFormat": 128}
    assert _judged(tmp_path / "a.mkv", **silence_is_fine).bad == []
    assert _judged(tmp_path / "a.mkv", **silence_is_fine, allowCompressedAudio=1).bad == [(1, Fraction("1.8"))]


@pytest.mark.parametrize("channels", range(1, 17))
def test_one_to_sixteen_channels_are_read(tmp_path, channels) -> None:
    """media K2: here each in a stream of its own."""
    sound = np.stack([_noise(channel, RATE_HZ) for channel in range(channels)])
    _write(tmp_path / "a.mkv", [sound[channel : channel + 1] for channel in range(channels)], layout="mono")
    label = {1: "mono", 2: "stereo", 3: "stereo sap"}.get(channels, "stereo pairs")
    assert _found(tmp_path / "a.mkv").spans("AUDIO_FORMAT") == [(label, 0, 1)]


def test_programme_audio_is_never_taken_for_data(tmp_path) -> None:
    """media 4.2: speech-like, music-like and clipped sound at 16 bit, where sync words may lie by chance; `bench shots` has an hour."""
    dice = np.random.default_rng(8)
    noise = dice.standard_normal((2, 20 * RATE_HZ)).astype(np.float32)
    swell = np.abs(np.sin(np.arange(20 * RATE_HZ) / RATE_HZ * 4)).astype(np.float32)
    sound = np.clip(noise * swell * 0.4 + tone(220, 20 * RATE_HZ, peak=0.5), -1, 1)
    _write(tmp_path / "a.wav", [sound], layout="stereo", seconds_of_picture=0)
    assert "compressed" not in str(_found(tmp_path / "a.wav").items)


def test_segments_are_judged_each_for_itself(tmp_path) -> None:
    _write(tmp_path / "a.mkv", [np.tile(tone(1000, 4 * RATE_HZ), (2, 1))], layout="stereo")
    found = Analysis(tmp_path / "a.mkv", ["AUDIO_FORMAT"], segments=[(0, 960_000), (2_000_000, 2_960_000)])
    assert found.spans("AUDIO_FORMAT") == [("mono", 0, 1), ("mono", 2, 3)]


def test_channels_that_are_to_carry_data_leave_the_layout(tmp_path) -> None:
    _write(tmp_path / "a.mkv", [_layout("stereo pairs", RATE_HZ, channels=4)], layout="quad")
    assert _found(tmp_path / "a.mkv", compressed_channels=(3, 4)).spans("AUDIO_FORMAT") == [("stereo", 0, 1)]


def test_offsets_are_cut_not_rounded(tmp_path) -> None:
    """G4: frame 61 at 30000/1001 is 2.035366."""
    assert cut(Fraction(61 * 1001, 30000)) == seconds("2.035366s")
