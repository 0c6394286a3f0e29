"""Inputs off the beaten track that give full results (media 9)."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from triptych.media.sample import RATE_HZ, Coding, flat, scene, tone, write_clip
from truth.scoring import Analysis, cut, near

SIZE = (96, 64)
FRAME = Fraction(1, 25)
EXACT = {"video": "ffv1", "options": {}, "audio": "pcm_s16le"}


def _story(times, size=SIZE):
    """Return one scene until 1 s, black until 2 s, then another scene."""
    picture = {0: scene(1, size), 1: flat(size)}
    return [(at, picture.get(int(at), scene(2, size))) for at in times]


def _even(rate=Fraction(25), end=3):
    return [number / rate for number in range(int(end * rate))]


def _sound(channels=2):
    """Return one tone in every channel, silent from 1 s to 2 s."""
    sound = np.tile(tone(440, 3 * RATE_HZ), (channels, 1))
    sound[:, RATE_HZ : 2 * RATE_HZ] = 0
    return sound


def _uneven() -> list[Fraction]:
    """Return the starts of pictures shown for 20, 40 and 60 ms in turns, with one each at 1 s and 2 s."""
    times, at, number = [], Fraction(0), 0
    while at < 3:
        times.append(at)
        at = min(mark for mark in (at + Fraction(20 * (1 + number % 3), 1000), 1, 2, 3) if mark > at)
        number += 1
    return times


def _write(path: Path, *, times=None, size=SIZE, sound=None, **coding) -> None:
    write_clip(path, _story(times or _even(), size), sound or [_sound()], Coding(**{**EXACT, **coding}))


def _vfr(path: Path) -> None:
    _write(path, times=_uneven(), video="libx264", options={"preset": "veryfast", "qp": "4"}, time_base=Fraction(1, 1000))


def _rotated(path: Path) -> None:
    """Write an MP4 of which the display matrix says: turn by 90 degrees."""
    _write(path, video="libx264", options={"preset": "veryfast", "qp": "4"}, audio="aac")
    data = bytearray(path.read_bytes())
    movie = data.rindex(b"moov")
    track = data.rindex(b"tkhd", movie, data.index(b"vide", movie))
    matrix = track + 4 + 40
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))


def _with_cover(path: Path) -> None:
    """Write a film with a still picture attached as another video stream."""
    plain = path.with_suffix(".plain.mp4")
    _write(plain, video="libx264", options={"preset": "veryfast", "qp": "4"}, audio="aac")
    cover = av.CodecContext.create("mjpeg", "w")
    cover.width, cover.height, cover.pix_fmt, cover.time_base = 32, 32, "yuvj420p", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24").reformat(format="yuvj420p")
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    packet = cover.encode(frame)[0]
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        art = out.add_stream("mjpeg", rate=25)
        art.width, art.height, art.pix_fmt = 32, 32, "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        packet.stream = art
        out.mux(packet)
        for copied in source.demux():
            if copied.dts is not None:
                copied.stream = streams[copied.stream_index]
                out.mux(copied)


UNUSUAL: dict[str, tuple[str, Callable[[Path], None]]] = {
    "variable rate": ("a.mp4", _vfr),
    "odd size": ("a.mkv", lambda path: _write(path, size=(97, 65), pixels="yuv444p")),
    "10 bit 4:2:2": ("a.mkv", lambda path: _write(path, pixels="yuv422p10le")),
    "rotated": ("a.mp4", _rotated),
    "cover art": ("a.mp4", _with_cover),
    "8 channels": ("a.mkv", lambda path: _write(path, sound=[_sound(8)], layout="7.1")),
    "16 channels": ("a.mkv", lambda path: _write(path, sound=[_sound(16)], layout="hexadecagonal")),
    "8 planar channels": ("a.mkv", lambda path: _write(path, sound=[_sound(8)], layout="7.1", audio="flac")),
    "three audio streams": ("a.mkv", lambda path: _write(path, sound=[_sound(2), _sound(2), _sound(2)])),
    "10 frames a second": ("a.mkv", lambda path: _write(path, times=_even(Fraction(10)), rate=Fraction(10))),
    "300 frames a second": ("a.mkv", lambda path: _write(path, times=_even(Fraction(300)), rate=Fraction(300))),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_input_gives_full_results(tmp_path, name) -> None:
    file, write = UNUSUAL[name]
    write(tmp_path / file)
    found = Analysis(tmp_path / file, options={"IN_BLACK": {"delay": 0}})
    assert not found.failed
    end = cut(Fraction(*found.finished.duration))
    slack = 2 * FRAME if found.index.audio[0].codec == "aac" else Fraction(1, 1000)
    assert abs(end - 3) <= FRAME
    assert near(found.spans("IN_BLACK"), [(1, 2)], slack)
    assert near(found.spans("AUDIO_FORMAT"), [("mono", 0, 1), ("silence", 1, 2), ("mono", 2, end)], slack)
    assert near(found.spans("SHOT_CHANGE_DETECTION"), [(0, 1), (1, 2), (2, end)], Fraction(1, 1000))


def test_one_frame_is_one_shot_and_one_run_of_black(tmp_path) -> None:
    write_clip(tmp_path / "a.mkv", [(Fraction(0), flat(SIZE))], [], Coding(video="ffv1", options={}))
    found = Analysis(tmp_path / "a.mkv", ["IN_BLACK", "SHOT_CHANGE_DETECTION"], {"IN_BLACK": {"delay": 0}})
    assert found.spans("IN_BLACK") == found.spans("SHOT_CHANGE_DETECTION") == [(0, FRAME)]


def test_one_sample_is_one_span(tmp_path) -> None:
    write_clip(tmp_path / "a.wav", [], [np.full((2, 1), 0.5, np.float32)], Coding(audio="pcm_s16le"))
    found = Analysis(tmp_path / "a.wav", ["AUDIO_FORMAT"])
    assert found.items["AUDIO_FORMAT"] == [{"audioFormat": "mono", "startTimeOffset": "0.000000s", "endTimeOffset": "0.000020s"}]
    assert found.finished.samples == 1


def test_a_picture_every_ten_seconds_is_enough(tmp_path) -> None:
    """0.1 frames a second."""
    times = [Fraction(0), Fraction(10), Fraction(20)]
    pictures = [(at, flat(SIZE) if at == 10 else scene(1, SIZE)) for at in times]
    write_clip(tmp_path / "a.mkv", pictures, [], Coding(video="ffv1", options={}, rate=Fraction(1, 10)))
    found = Analysis(tmp_path / "a.mkv", ["IN_BLACK", "SHOT_CHANGE_DETECTION"])
    assert found.spans("IN_BLACK") == [(10, 20)]
    assert found.spans("SHOT_CHANGE_DETECTION")[-1][1] == 30
