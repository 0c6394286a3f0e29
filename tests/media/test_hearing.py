import os
from fractions import Fraction

import numpy as np
import pytest

from triptych.media.decode import open_input, survey
from triptych.media.feature import Feature
from triptych.media.hearing import Hearing
from triptych.media.options import Options
from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip


class Loudest:
    def __init__(self, channels: int) -> None:
        self.channels = channels

    def hear(self, first, samples):
        assert samples.shape[0] == self.channels
        return float(np.abs(samples).max())


class Listening(Feature):
    def ear(self, rate_hz, channels):
        return Loudest(channels)


class Deaf(Feature):
    def ear(self, rate_hz, channels):
        return None


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "a.mkv"
    sound = np.tile(tone(440, 2 * RATE_HZ), (2, 1))
    sound[:, RATE_HZ:] = 0
    pictures = [(Fraction(number, 25), scene(1, (64, 48), number)) for number in range(50)]
    write_clip(path, pictures, [sound, sound[:1]], Coding(audio="pcm_s16le"))
    return path


def _heard(path, features, last_us=None):
    descriptor, dropped = os.open(path, os.O_RDONLY), []
    with open_input(descriptor) as container:
        index = survey(container, lambda: None)
    with open_input(descriptor) as container:
        hearing = Hearing(container, index, features, dropped.append)
        cells, heard = [], []
        for batch in hearing.run(last_us, 10):
            cells += batch
            heard += hearing.heard()
    os.close(descriptor)
    return cells, heard, hearing.finished(), dropped


def test_all_streams_are_joined_and_every_ear_hears_them(clip) -> None:
    """media K2, P4."""
    cells, heard, finished, dropped = _heard(clip, {"X": Listening(Options())})
    assert (len(cells), finished.samples, dropped) == (50, 2 * RATE_HZ, [])
    assert [round(one.value, 2) for one in heard] == [0.25] * 10 + [0.0] * 10
    assert Fraction(*heard[-1].end) == 2


def test_it_stops_a_second_after_the_last_segment(clip) -> None:
    *_, finished, _ = _heard(clip, {}, last_us=100_000)
    assert RATE_HZ <= finished.samples < 2 * RATE_HZ


def test_a_feature_without_an_ear_is_dropped_and_the_sound_goes_on(clip) -> None:
    """media P8."""
    cells, heard, _, dropped = _heard(clip, {"X": Deaf(Options())})
    assert [one.feature for one in dropped] == ["X"]
    assert (len(cells), heard) == (50, [])
