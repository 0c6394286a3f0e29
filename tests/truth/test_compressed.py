"""AUDIO_FORMAT on compressed sound carried in PCM (media 4.2)."""

from fractions import Fraction

import numpy as np
import pytest

from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip
from truth.scoring import Analysis, cut
from truth.wrapped import PERIOD, carried

LEAD = Fraction(1)
BURSTS = 50
LENGTH = Fraction(BURSTS * PERIOD, RATE_HZ)
"""1.6 s, which ends at a frame of 25 a second."""


def _silence(duration, channels=2):
    return np.zeros((channels, int(duration * RATE_HZ)), np.float32)


def _stereo(duration):
    samples = int(duration * RATE_HZ)
    return np.stack([tone(440, samples), tone(660, samples)])


def _between(data, before=None, after=None):
    """Return sound with `data` after 1 s of silence and before 1 s of a stereo tone, unless said otherwise."""
    return np.concatenate([_silence(LEAD, len(data)) if before is None else before, data, _stereo(1) if after is None else after], axis=1)


def _analysed(path, sound, audio="pcm_s16le", layout="stereo", **options) -> Analysis:
    duration = Fraction(sound[0].shape[1], RATE_HZ) if path.suffix != ".wav" else 0
    pictures = [(Fraction(number, 25), scene(1, (64, 36))) for number in range(int(duration * 25))]
    write_clip(path, pictures, sound, Coding(options={"preset": "ultrafast"}, audio=audio, layout=layout))
    analysis = Analysis(path, ["AUDIO_FORMAT"], {"AUDIO_FORMAT": options})
    assert not analysis.failed
    return analysis


EXPECTED = [("silence", 0, LEAD), ("compressed", LEAD, LEAD + LENGTH), ("stereo", LEAD + LENGTH, LEAD + LENGTH + 1)]


@pytest.mark.parametrize(
    ("name", "audio", "bits"),
    [
        ("a.wav", "pcm_s16le", 16),
        ("a.mov", "pcm_s16le", 16),
        ("a.mkv", "pcm_s16le", 16),
        ("a.mov", "pcm_s24le", 16),
        ("a.mov", "pcm_s24le", 20),
        ("a.mov", "pcm_s24le", 24),
        ("a.wav", "pcm_s24le", 24),
        ("a.mkv", "pcm_s32le", 24),
        ("a.mkv", "flac", 16),
    ],
)
def test_ac3_in_pcm_is_compressed_from_its_first_burst_to_the_end_of_its_last(tmp_path, name, audio, bits) -> None:
    found = _analysed(tmp_path / name, [_between(carried(BURSTS, bits=bits))], audio)
    assert found.spans("AUDIO_FORMAT") == EXPECTED
    assert [item.get("compressedChannels") for item in found.items["AUDIO_FORMAT"]] == [None, [1, 2], None]


def test_a_wav_of_nothing_but_data_is_read_as_pcm(tmp_path) -> None:
    """FFmpeg would unwrap it and decode the AC-3 within."""
    found = _analysed(tmp_path / "a.wav", [np.concatenate([carried(BURSTS), _stereo(1)], axis=1)])
    assert found.spans("AUDIO_FORMAT") == [("compressed", 0, LENGTH), ("stereo", LENGTH, LENGTH + 1)]
    assert found.index.audio[0].codec == "pcm_s16le"
    assert found.finished.samples == (LENGTH + 1) * RATE_HZ


def test_data_in_one_channel_leaves_the_other_in_the_layout(tmp_path) -> None:
    data = _between(carried(BURSTS, channels=1), after=_silence(1, 1))
    voice = tone(440, data.shape[1])[None]
    found = _analysed(tmp_path / "a.mkv", [np.concatenate([voice, data])])
    assert found.items["AUDIO_FORMAT"] == [
        {"audioFormat": "mono", "startTimeOffset": "0.000000s", "endTimeOffset": "3.600000s", "compressedChannels": [2]}
    ]


def test_data_beside_a_programme_leaves_the_layout(tmp_path) -> None:
    data = _between(carried(BURSTS), after=_silence(1))
    found = _analysed(tmp_path / "a.mkv", [np.concatenate([_stereo(LEAD + LENGTH + 1), data])], layout="quad")
    assert found.spans("AUDIO_FORMAT") == [("stereo", 0, LEAD + LENGTH + 1)]
    assert found.items["AUDIO_FORMAT"][0]["compressedChannels"] == [3, 4]


def test_a_pair_may_lie_in_two_streams(tmp_path) -> None:
    sound = _between(carried(BURSTS))
    found = _analysed(tmp_path / "a.mkv", [sound[:1], sound[1:]], layout="mono")
    assert found.spans("AUDIO_FORMAT") == EXPECTED


def test_data_that_starts_between_frames_takes_the_frames_it_touches(tmp_path) -> None:
    late = np.concatenate([_silence(Fraction(1, 100)), carried(BURSTS)], axis=1)
    found = _analysed(tmp_path / "a.mkv", [_between(late, after=_silence(Fraction(139, 100)))])
    assert found.spans("AUDIO_FORMAT") == [
        ("silence", 0, 1),
        ("compressed", 1, Fraction("2.64")),
        ("silence", Fraction("2.64"), 4),
    ]


def test_two_bursts_are_not_enough_and_three_are(tmp_path) -> None:
    for bursts, label in ((2, "stereo"), (3, "compressed")):
        found = _analysed(tmp_path / f"{bursts}.mkv", [_between(carried(bursts), after=_silence(Fraction(1)))])
        assert label in [name for name, *_ in found.spans("AUDIO_FORMAT")]
        assert ("compressed" in str(found.items)) == (bursts == 3)


def test_bursts_that_keep_no_time_are_no_data(tmp_path) -> None:
    """At least three at a steady spacing."""
    data = carried(6)
    places = [0, 1601, 3300, 5100, 7200, 9500]
    sound = np.zeros((2, 12_000), np.float32)
    for number, place in enumerate(places):
        sound[:, place : place + 400] = data[:, number * PERIOD : number * PERIOD + 400]
    found = _analysed(tmp_path / "a.mkv", [_between(sound)])
    assert "compressed" not in str(found.items)


def test_a_lost_burst_or_two_do_not_end_the_data(tmp_path) -> None:
    data = carried(BURSTS)
    data[:, 20 * PERIOD : 22 * PERIOD] = 0
    assert _analysed(tmp_path / "a.mkv", [_between(data)]).spans("AUDIO_FORMAT") == EXPECTED


def test_a_repetition_by_video_frames_is_steady(tmp_path) -> None:
    """As Dolby E at 29.97: 1601 and 1602 samples in turns."""
    starts = [int(number * 8008 / 5) for number in range(60)]
    data = np.zeros((2, int(60 * 8008 / 5)), np.float32)
    burst = carried(1)[:, :400]
    for start in starts:
        data[:, start : start + 400] = burst
    found = _analysed(tmp_path / "a.mkv", [_between(data, after=_silence(Fraction(99_904, 48_000)))])
    assert [name for name, *_ in found.spans("AUDIO_FORMAT")] == ["silence", "compressed", "silence"]


def test_channels_that_are_to_carry_data_are_out_between_bursts_too(tmp_path) -> None:
    data = _between(carried(BURSTS), before=_stereo(LEAD))
    found = _analysed(tmp_path / "a.mkv", [data], compressed_channels=(1, 2))
    assert found.spans("AUDIO_FORMAT") == [("silence", 0, 1), ("compressed", 1, 1 + LENGTH), ("silence", 1 + LENGTH, 2 + LENGTH)]


def test_a_segment_of_data_is_compressed_from_end_to_end(tmp_path) -> None:
    path = tmp_path / "a.mkv"
    _analysed(path, [_between(carried(BURSTS))])
    found = Analysis(path, ["AUDIO_FORMAT"], segments=[(1_200_000, 1_960_000)])
    assert found.spans("AUDIO_FORMAT") == [("compressed", Fraction("1.2"), cut(Fraction(2)))]
