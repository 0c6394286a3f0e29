import os
from array import array
from fractions import Fraction

import av
import numpy as np
import pytest

from triptych.media.decode import Clock, Index, Unreadable, check_size, open_input, picture_stream, survey
from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip, write_sample

SIZE = (64, 48)


def _pictures(count, rate=Fraction(25)):
    return [(number / rate, scene(1, SIZE, number)) for number in range(count)]


def _index(path) -> Index:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with open_input(descriptor) as container:
            return survey(container, lambda: None)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.mov"])
def test_an_index_holds_every_picture_once_from_offset_0(tmp_path, name) -> None:
    write_clip(tmp_path / name, _pictures(40), [np.tile(tone(440, 40 * RATE_HZ // 25), (2, 1))], Coding())
    index = _index(tmp_path / name)
    assert index.video.frames == 40
    offsets = list(index.offsets())
    assert offsets[0] == 0
    assert [round(float(offset), 3) for offset in offsets] == [round(number / 25, 3) for number in range(40)]
    assert round(float(index.duration), 3) == 1.6
    assert not index.truncated
    assert [(stream.channels, stream.rate_hz) for stream in index.audio] == [(2, RATE_HZ)]


def test_times_are_those_of_the_pictures_not_of_a_rate(tmp_path) -> None:
    """G6."""
    starts = [0, 40, 50, 200, 210]
    pictures = [(Fraction(at, 1000), scene(1, SIZE)) for at in starts]
    write_clip(tmp_path / "a.mkv", pictures, [], Coding(video="ffv1", options={}, time_base=Fraction(1, 1000)))
    assert list(_index(tmp_path / "a.mkv").offsets()) == [Fraction(at, 1000) for at in starts]


def test_cover_art_is_no_picture(tmp_path) -> None:
    path = tmp_path / "a.mp4"
    write_clip(path, [], [np.tile(tone(440, RATE_HZ), (2, 1))], Coding())
    with av.open(str(path)) as container:
        assert picture_stream(container) is None


def test_sound_alone_has_its_own_length(tmp_path) -> None:
    write_clip(tmp_path / "a.wav", [], [np.tile(tone(440, RATE_HZ), (2, 1))], Coding(audio="pcm_s16le"))
    index = _index(tmp_path / "a.wav")
    assert (index.video, index.origin, index.duration) == (None, None, 1)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"#EXTM3U\n#EXTINF:1,\na.mp4\n", b"ffconcat version 1.0\nfile 'a.mp4'\n", bytes(9000)])
def test_what_is_no_media_is_unreadable(tmp_path, data) -> None:
    (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(Unreadable, match="not a media file"):
        _index(tmp_path / "a.mp4")


def test_a_picture_format_that_is_no_film_is_unreadable(tmp_path) -> None:
    """S2: an allow-list."""
    (tmp_path / "a.mp4").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(Unreadable):
        _index(tmp_path / "a.mp4")


def test_a_file_that_ends_early_is_truncated(tmp_path) -> None:
    write_clip(tmp_path / "a.mkv", _pictures(200), [], Coding())
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(data[: len(data) // 2])
    assert _index(tmp_path / "b.mkv").truncated


@pytest.mark.parametrize("size", [(16385, 2), (2, 16385), (16000, 16000)])
def test_pictures_beyond_the_limits_are_refused_before_memory_grows(size) -> None:
    with pytest.raises(Unreadable) as caught:
        check_size(*size)
    assert caught.value.code == "limits"


def _frame(pts: int | None) -> av.VideoFrame:
    frame = av.VideoFrame(16, 16, "yuv420p")
    frame.pts = pts
    return frame


def _clock(form: str = "mov", **more) -> Clock:
    return Clock(Index(form, None, (), starts=array("q", [10, 20, 30]), last_duration=10, **more))


def test_a_clock_tells_the_times_of_the_frames() -> None:
    clock = _clock()
    assert [clock.tick(_frame(pts)) for pts in (10, 20, 30)] == [10, 20, 30]
    assert clock.rebuilt == 0


def test_a_frame_before_offset_0_is_not_shown() -> None:
    assert _clock().tick(_frame(5)) is None


def test_a_missing_or_repeated_time_is_rebuilt_from_the_one_before() -> None:
    clock = _clock()
    assert [clock.tick(_frame(pts)) for pts in (10, None, 20, 90)] == [10, 20, 30, 90]
    assert clock.rebuilt == 2


def test_a_format_without_times_is_timed_by_order() -> None:
    clock = _clock("avi")
    assert [clock.tick(_frame(pts)) for pts in (10, 40, 20)] == [10, 20, 30]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"avc1", b"zzzz", "input has video in codec 'zzzz', which this server cannot decode"),
        (b"avc1", b"encv", "input has video in codec 'encv', which this server cannot decode"),
        (b"avc1", b"evc1", "input has video in codec 'evc', which this server cannot decode"),
        (b"mp4a", b"enca", "input has encrypted audio in codec 'aac', which this server cannot decode"),
    ],
)
def test_a_codec_that_cannot_be_decoded_is_named(tmp_path, old, new, message) -> None:
    """Media 9."""
    path = tmp_path / "a.mp4"
    write_sample(path)
    data = path.read_bytes()
    place = data.index(old, data.index(b"moov"))
    path.write_bytes(data[:place] + new + data[place + 4 :])
    with pytest.raises(Unreadable) as caught:
        _index(path)
    assert caught.value.message == message
