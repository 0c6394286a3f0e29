"""A film as a camera, on a virtual clock."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from footage import CAMERA, location
from media.farcamera import picture
from media.films import write_film
from triptych.errors import Unavailable
from triptych.media.sources import FileOptions
from triptych.media.sources.file import FileSource
from triptych.media.sources.sim import VirtualClock
from triptych.model import Place


@pytest.fixture
def opened(tmp_path):
    sources = []

    def open_film(path="film.mp4", roots=None, **film):
        if film:
            write_film(tmp_path / path, **film)
        clock = VirtualClock()
        place = Place(worker_id="", data_dir=str(tmp_path), media_roots=tuple(map(str, roots or [tmp_path])))
        sources.append(FileSource(FileOptions(path=path), clock, place, wait=clock.wait))
        return sources[-1], clock

    yield open_film
    for source in sources:
        source.close()


def test_the_film_begins_again_at_its_end_without_a_gap(opened):
    source, clock = opened(frames=10, fps=25)
    frames = [source.read() for _ in range(25)]
    assert [frame.captured.total_seconds() for frame in frames] == pytest.approx([number / 25 for number in range(25)])
    differences = [np.abs(frame.image.astype(int) - picture(number % 10)).mean() for number, frame in enumerate(frames)]
    assert max(differences) < 12
    assert clock.monotonic() == frames[-1].captured


def test_real_footage_plays_in_its_own_size_and_rate(opened):
    source, _ = opened(str(location(CAMERA)), roots=[location(CAMERA).parent])
    assert (source.size, source.fps, source.has_sound) == ((640, 272), 25.0, False)
    assert source.read().image.shape == (272, 640, 3)


def test_its_sound_is_true_to_its_pictures(opened):
    """camera R3, R4: mono at 48 kHz, at the time of the picture that it belongs to, over the seam of two turns."""
    source, clock = opened(frames=30, fps=30, tone_hz=1000.0)
    heard = []
    while clock.monotonic() < timedelta(seconds=1.9):
        source.read()
        heard += source.listen()
    assert heard[0].captured < timedelta(milliseconds=60)
    for before, after in pairwise(heard):
        gap = after.captured - before.captured - timedelta(seconds=len(before.samples) / 48000)
        assert abs(gap) < timedelta(milliseconds=50)
    samples = np.concatenate([sound.samples for sound in heard if sound.captured < timedelta(seconds=0.8)])
    assert np.argmax(np.abs(np.fft.rfft(samples))) * 48000 / len(samples) == pytest.approx(1000, abs=5)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.1)


def test_a_mute_film_is_silent(opened):
    source, _ = opened(frames=5, tone_hz=None)
    source.read()
    assert (source.has_sound, source.listen()) == (False, [])


def test_who_slept_for_long_finds_it_where_it_was_left(opened):
    source, clock = opened(frames=10)
    source.read()
    clock.wait(3600)
    frame = source.read()
    assert frame.number < 3
    assert abs(frame.captured - clock.monotonic()) < timedelta(seconds=0.1)


@pytest.mark.parametrize("path", ["../secret.mp4", "/etc/passwd", "missing.mp4", "folder", "note.txt", "junk.mp4", "http://a/b.mp4"])
def test_only_films_below_the_media_roots_are_opened_and_no_path_is_told(opened, tmp_path, path):
    """camera W3"""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    write_film(tmp_path / "secret.mp4", frames=2)
    (root / "note.txt").write_text("#EXTM3U\n/etc/passwd\n")
    (root / "junk.mp4").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(Unavailable, match="The film cannot be") as refused:
        opened(path, roots=[root])
    assert str(tmp_path) not in refused.value.message
    assert "passwd" not in refused.value.message
