"""Every source keeps the one contract."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from triptych.contracts import Frame, Source
from triptych.media.sources import SOURCES, SceneOptions, SimOptions
from triptych.media.sources.scene import SceneSource
from triptych.media.sources.sim import SimSource, VirtualClock


def scene(clock: VirtualClock) -> Source:
    return SceneSource(SceneOptions(), clock, wait=clock.wait)


def sim(clock: VirtualClock) -> Source:
    return SimSource(SimOptions(), clock, wait=clock.wait)


def sim_with_pixels(clock: VirtualClock) -> Source:
    return SimSource(SimOptions(pixels=True), clock, wait=clock.wait)


@pytest.fixture(params=[scene, sim, sim_with_pixels], ids=lambda build: build.__name__)
def clock_and_source(request: pytest.FixtureRequest) -> Iterator[tuple[VirtualClock, Source]]:
    clock = VirtualClock()
    source = request.param(clock)
    yield clock, source
    source.close()


def read(source: Source) -> Frame:
    frame = source.read()
    assert frame is not None
    return frame


def test_a_frame_has_the_stated_size(clock_and_source: tuple[VirtualClock, Source]) -> None:
    _, source = clock_and_source
    frame = read(source)
    assert frame.image.shape == (source.size[1], source.size[0], 3)
    assert frame.image.dtype == "uint8"


def test_frames_come_at_the_stated_rate_in_order(clock_and_source: tuple[VirtualClock, Source]) -> None:
    clock, source = clock_and_source
    frames = [read(source) for _ in range(31)]
    assert [frame.number for frame in frames] == list(range(31))
    span = (frames[-1].captured - frames[0].captured).total_seconds()
    assert span == pytest.approx(30 / source.fps, abs=0.01)
    assert clock.monotonic() == frames[-1].captured


def test_a_late_reader_gets_the_newest_frame_and_the_number_tells_the_gap(clock_and_source: tuple[VirtualClock, Source]) -> None:
    clock, source = clock_and_source
    read(source)
    clock.wait(1.0)
    frame = read(source)
    assert frame.number == 30
    assert abs(frame.captured - clock.monotonic()) < timedelta(milliseconds=34)


def test_a_closed_source_can_be_closed_again(clock_and_source: tuple[VirtualClock, Source]) -> None:
    _, source = clock_and_source
    source.close()


@pytest.mark.parametrize("kind", SOURCES)
def test_every_registered_source_opens_by_its_name(kind: str) -> None:
    entry = SOURCES[kind]
    module, _, name = entry.open.partition(":")
    source = getattr(__import__(module, fromlist=[name]), name)(entry.options(), VirtualClock())
    assert source.fps == 30.0
    source.close()
