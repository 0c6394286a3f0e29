"""Every source keeps the one contract."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import av
import pytest

from media.farcamera import FarCamera, RtspCamera
from media.films import write_film
from triptych.clock import SystemClock
from triptych.contracts import Clock, Frame, Source
from triptych.media.live import LiveSource
from triptych.media.sources import SOURCES, FileOptions, SceneOptions, SimOptions, UrlOptions
from triptych.media.sources.file import FileSource
from triptych.media.sources.scene import SceneSource
from triptych.media.sources.sim import SimSource, VirtualClock
from triptych.media.sources.url import UrlSource
from triptych.model import Place

MOST_READS = 40
Build = Callable[[VirtualClock, Path], Source]


def scene(clock: VirtualClock, _folder: Path) -> Source:
    return SceneSource(SceneOptions(), clock, wait=clock.wait)


def sim(clock: VirtualClock, _folder: Path) -> Source:
    return SimSource(SimOptions(), clock, wait=clock.wait)


def sim_with_pixels(clock: VirtualClock, _folder: Path) -> Source:
    return SimSource(SimOptions(pixels=True), clock, wait=clock.wait)


def file(clock: VirtualClock, folder: Path) -> Source:
    write_film(folder / "film.mp4", frames=20)
    place = Place(worker_id="", data_dir=str(folder), media_roots=(str(folder),))
    return FileSource(FileOptions(path="film.mp4"), clock, place, wait=clock.wait)


class TestCardLine:
    """A device of the same library that `v4l2` opens, which draws a test card in real time."""

    __test__ = False

    def open(self) -> av.container.InputContainer:
        return av.open("testsrc=size=320x240:rate=25,realtime", format="lavfi")

    def hang_up(self) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Opened:
    clock: Clock
    source: Source


@pytest.fixture(params=[scene, sim, sim_with_pixels, file], ids=lambda build: build.__name__)
def paced(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[VirtualClock, Source]]:
    """A source that makes its own pace, on a virtual clock."""
    clock = VirtualClock()
    source = request.param(clock, tmp_path)
    yield clock, source
    source.close()


@pytest.fixture(params=["http", "rtsp", "device"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """A source that something else paces."""
    if request.param == "device":
        source: Source = LiveSource(TestCardLine(), SystemClock())
        yield source
        source.close()
        return
    with (FarCamera if request.param == "http" else RtspCamera)() as camera:
        source = UrlSource(UrlOptions(url=camera.url), SystemClock(), Place(worker_id="", data_dir=str(tmp_path)))
        yield source
        source.close()


def read(source: Source) -> Frame:
    frame = next((frame for _ in range(MOST_READS) if (frame := source.read()) is not None), None)
    assert frame is not None
    return frame


def check_size(source: Source) -> None:
    frame = read(source)
    assert frame.image.shape == (source.size[1], source.size[0], 3)
    assert frame.image.dtype == "uint8"


def test_a_frame_has_the_stated_size(paced: tuple[VirtualClock, Source]) -> None:
    check_size(paced[1])


def test_a_live_frame_has_the_stated_size(live: Source) -> None:
    check_size(live)


def test_frames_come_at_the_stated_rate_in_order(paced: tuple[VirtualClock, Source]) -> None:
    clock, source = paced
    frames = [read(source) for _ in range(31)]
    assert [frame.number for frame in frames] == list(range(31))
    span = (frames[-1].captured - frames[0].captured).total_seconds()
    assert span == pytest.approx(30 / source.fps, abs=0.01)
    assert clock.monotonic() == frames[-1].captured


def test_live_frames_come_at_about_the_stated_rate_in_order_and_are_new(live: Source) -> None:
    """camera R3: true capture times; margins for a busy machine."""
    frames, ages_s = [], []
    for _ in range(25):
        frames.append(read(live))
        ages_s.append((SystemClock().monotonic() - frames[-1].captured).total_seconds())
    assert all(before.captured < after.captured and before.number < after.number for before, after in pairwise(frames))
    span = (frames[-1].captured - frames[0].captured).total_seconds()
    assert (frames[-1].number - frames[0].number) / span == pytest.approx(live.fps, rel=0.25)
    assert 0 <= sorted(ages_s)[len(ages_s) // 2] < 0.5


def test_a_late_reader_gets_the_newest_frame_and_the_number_tells_the_gap(paced: tuple[VirtualClock, Source]) -> None:
    clock, source = paced
    read(source)
    clock.wait(1.0)
    frame = read(source)
    assert frame.number == 30
    assert abs(frame.captured - clock.monotonic()) < timedelta(milliseconds=34)


def test_sound_comes_without_waiting_and_only_where_it_is_said_to(paced: tuple[VirtualClock, Source]) -> None:
    clock, source = paced
    for _ in range(10):
        read(source)
    heard = source.listen()
    assert bool(heard) == source.has_sound
    assert all(sound.samples.dtype == "float32" and sound.captured <= clock.monotonic() for sound in heard)
    assert not source.listen()


def test_a_closed_source_can_be_closed_again(paced: tuple[VirtualClock, Source]) -> None:
    paced[1].close()
    paced[1].close()


def test_a_closed_live_source_can_be_closed_again(live: Source) -> None:
    live.close()
    live.close()


@pytest.mark.parametrize("kind", SOURCES)
def test_every_registered_source_is_a_class_that_takes_what_its_entry_says(kind: str) -> None:
    entry = SOURCES[kind]
    module, _, name = entry.open.partition(":")
    made = getattr(__import__(module, fromlist=[name]), name)
    taken = made.__init__.__annotations__
    assert taken["options"] is entry.options
    assert ("place" in taken) == entry.reaches
    assert all(hasattr(made, word) for word in ("read", "listen", "has_sound", "close"))
