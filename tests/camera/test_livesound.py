"""camera 3.2: a live stream always has sound: the source's, or silence."""

from datetime import timedelta

import numpy as np
import pytest

from triptych.camera.livesound import SLACK, LiveSound
from triptych.contracts import Sound

ORIGIN = timedelta(seconds=100)


def sound(at_s, samples):
    return Sound(captured=ORIGIN + timedelta(seconds=at_s), samples=np.asarray(samples, np.float32))


def taken(track, until_s, **how):
    found = list(track.take(timedelta(seconds=until_s), **how))
    return [first for first, _ in found], np.concatenate([samples for _, samples in found]) if found else np.zeros(0)


def test_without_sound_there_is_silence_at_once():
    firsts, samples = taken(LiveSound(ORIGIN), 1.0)
    assert firsts == list(range(0, 46 * 1024, 1024))
    assert not samples.any()


def test_sound_lies_where_it_was_captured_and_gaps_are_silent():
    track = LiveSound(ORIGIN)
    track.put(sound(0.1, np.ones(4800)))
    track.put(sound(0.3, np.full(4800, 0.5)))
    _, samples = taken(track, 1.0)
    assert samples[4799] == 0
    assert samples[4800:9600] == pytest.approx(1)
    assert not samples[9600:14400].any()
    assert samples[14400:19200] == pytest.approx(0.5)


def test_sound_that_comes_late_is_waited_for_and_what_is_too_late_is_lost():
    track = LiveSound(ORIGIN)
    track.put(sound(0.0, np.ones(4800)))
    firsts, _ = taken(track, 0.5)
    assert (firsts[-1] + 1024) / 48000 <= 0.5 - SLACK.total_seconds()
    track.put(sound(0.0, np.ones(4800)))
    track.put(sound(0.4, np.ones(4800)))
    _, samples = taken(track, 1.0)
    assert samples.sum() == pytest.approx(4800, abs=1)


def test_a_pause_is_silent_whatever_was_heard():
    track = LiveSound(ORIGIN)
    track.put(sound(0.0, np.ones(48000)))
    _, samples = taken(track, 0.5, silent=True)
    assert not samples.any()
    _, samples = taken(track, 0.8)
    assert samples.all()
