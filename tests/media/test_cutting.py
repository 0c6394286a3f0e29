import io
import os
from fractions import Fraction

import av
import numpy as np
import pytest

from triptych.media.cutting import Done, Piece, Stretch, Thumbnail, cut, decode, encode
from triptych.media.decode import Unreadable, open_input, survey
from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip

SECONDS = 12
X264 = {"preset": "ultrafast", "x264-params": "keyint=25:min-keyint=25:scenecut=0:bframes=2"}


def _clip(path, coding, *, sound=True, pictures=True) -> None:
    shown = ((Fraction(number, 25), scene(1, (64, 48), number)) for number in range(SECONDS * 25)) if pictures else ()
    write_clip(path, shown, [np.tile(tone(440, SECONDS * RATE_HZ), (2, 1))] if sound else [], coding)


def _cut(path, start, end, shown=None) -> tuple[bytes, Done, list[Thumbnail]]:
    descriptor = os.open(path, os.O_RDONLY)
    with open_input(descriptor) as container:
        origin = survey(container, lambda: None).origin or Fraction(0)
    whole, told = bytearray(), []

    def take(message) -> None:
        message = decode(encode(message))
        if isinstance(message, Piece):
            whole.extend(bytes(max(0, message.at + len(message.data) - len(whole))))
            whole[message.at : message.at + len(message.data)] = message.data
        else:
            told.append(message)

    try:
        cut(descriptor, Stretch(origin=origin, start=Fraction(start), end=Fraction(end), shown=Fraction(shown or start)), take)
    finally:
        os.close(descriptor)
    return bytes(whole), told[-1], told[:-1]


@pytest.mark.parametrize(
    ("name", "coding", "codecs"),
    [
        ("a.mp4", Coding(options=X264), ["h264", "aac"]),
        ("a.mkv", Coding(options=X264), ["h264", "aac"]),
        ("a.ts", Coding(options=X264, audio="mp2"), ["h264", "aac"]),
        ("a.mpg", Coding(video="mpeg2video", options={"g": "12", "bf": "2"}, audio="mp2"), ["mpeg2video", "aac"]),
        ("a.mov", Coding(video="prores_ks", pixels="yuv422p10le", options={}, audio="pcm_s16le"), ["h264", "aac"]),
        ("a.avi", Coding(video="mjpeg", pixels="yuvj420p", options={}, audio="pcm_s16le"), ["h264", "aac"]),
    ],
)
def test_a_piece_begins_at_a_key_frame_and_covers_its_stretch(tmp_path, name, coding, codecs) -> None:
    """media R1: by copy where MP4 holds the codec, encoded as H.264 and AAC elsewhere."""
    _clip(tmp_path / name, coding)
    data, done, thumbnails = _cut(tmp_path / name, "5.5", "8.5", "6")
    with av.open(io.BytesIO(data)) as container:
        assert [stream.codec_context.name for stream in container.streams] == codecs
        frames = list(container.decode(video=0))
        container.seek(0)
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert done.start_us <= 5_500_000
    assert done.start_us >= 4_400_000
    assert done.end_us >= 8_400_000
    assert abs(len(frames) - (8.5 - done.start_us / 1e6) * 25) <= 3
    assert abs(samples / RATE_HZ - (8.5 - done.start_us / 1e6)) < 0.2
    assert [thumbnail.data[:2] for thumbnail in thumbnails] == [b"\xff\xd8"]


def test_sound_alone_is_cut_too(tmp_path) -> None:
    _clip(tmp_path / "a.wav", Coding(audio="pcm_s16le"), pictures=False)
    data, done, thumbnails = _cut(tmp_path / "a.wav", 2, 4)
    with av.open(io.BytesIO(data)) as container:
        assert abs(container.duration / 1e6 - 2) < 0.2
    assert thumbnails == []
    assert abs(done.start_us - 2_000_000) < 100_000


def test_what_cannot_be_read_raises(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"\0nothing")
    with pytest.raises(Unreadable):
        _cut(tmp_path / "a", 0, 1)
