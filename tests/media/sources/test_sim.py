"""The source without pixels: noisy truth on a virtual clock."""

from datetime import timedelta

import numpy as np
import pytest

from triptych.media import world
from triptych.media.sources import SimOptions
from triptych.media.sources.sim import SimSource, VirtualClock


def sim(**options):
    clock = VirtualClock()
    still = world.Figure(look=0, radius_px=60, path=lambda _: 12.0)
    return SimSource(SimOptions(**options), clock, cast=[still], wait=clock.wait)


def glimpses(source, count=600):
    return [source.glimpse(source.read()) for _ in range(count)]


def test_the_noise_and_the_misses_are_those_that_were_asked_for():
    seen = glimpses(sim(noise_deg=0.25, misses=0.03), 2000)
    pans = [heads[0].pan_deg for heads in seen if heads]
    assert np.std(pans) == pytest.approx(0.25, rel=0.1)
    assert np.mean(pans) == pytest.approx(12.0, abs=0.03)
    assert 1 - len(pans) / len(seen) == pytest.approx(0.03, abs=0.015)


def test_without_noise_it_tells_the_truth():
    source = sim(noise_deg=0.0, misses=0.0)
    assert glimpses(source, 3) == [source.truth(number / 30) for number in range(3)]


def test_the_same_seed_tells_the_same():
    assert glimpses(sim(seed=3), 50) == glimpses(sim(seed=3), 50)
    assert glimpses(sim(seed=3), 50) != glimpses(sim(seed=4), 50)


def test_pixels_are_drawn_only_when_asked_for():
    assert not sim().read().image.any()
    assert sim(pixels=True).read().image.any()


async def test_the_virtual_clock_moves_only_when_somebody_waits():
    clock = VirtualClock()
    begun = clock.now()
    assert clock.monotonic() == timedelta(0)
    await clock.sleep(timedelta(seconds=2))
    clock.wait(0.5)
    assert clock.now() - begun == clock.monotonic() == timedelta(seconds=2.5)
