"""Sound of any layout and rate becomes mono at 48 kHz with its time."""

from datetime import timedelta

import av
import numpy as np
import pytest

from media.films import write_film
from triptych.media.sounding import Sounding


def sounds(path):
    with av.open(str(path)) as film:
        sounding = Sounding(film.streams.audio[0])
        return [sound for packet in film.demux(film.streams.audio[0]) if packet.size for sound in sounding.sound(packet)]


def test_stereo_becomes_mono_with_its_times(tmp_path):
    write_film(tmp_path / "film.mp4", frames=30)
    heard = sounds(tmp_path / "film.mp4")
    assert sum(len(sound.samples) for sound in heard) == pytest.approx(48000, abs=2048)
    assert all(sound.samples.dtype == np.float32 and sound.samples.ndim == 1 for sound in heard)
    ends = [sound.captured + timedelta(seconds=len(sound.samples) / 48000) for sound in heard]
    assert all(abs(after.captured - end) < timedelta(milliseconds=1) for after, end in zip(heard[1:], ends, strict=False))


def test_another_rate_is_resampled(tmp_path):
    with av.open(str(tmp_path / "low.wav"), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, 8000), 8192, np.int16), format="s16", layout="mono")
        frame.rate = 8000
        out.mux(stream.encode(frame))
    samples = np.concatenate([sound.samples for sound in sounds(tmp_path / "low.wav")])
    assert len(samples) == pytest.approx(48000, abs=500)
    assert np.median(samples) == pytest.approx(0.25, abs=0.01)


def test_what_cannot_be_decoded_is_left_out(tmp_path):
    write_film(tmp_path / "film.mp4", frames=5)
    with av.open(str(tmp_path / "film.mp4")) as film:
        sounding = Sounding(film.streams.audio[0])
        broken = av.Packet(b"\xff" * 64)
        assert list(sounding.sound(broken)) == []
