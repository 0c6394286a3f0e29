"""Every head keeps the one contract."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from triptych.camera.heads import HEADS, CropOptions, NoneOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.heads.none import NoneHead
from triptych.contracts import Frame, Head
from triptych.media.sources.sim import VirtualClock


def crop(clock: VirtualClock) -> Head:
    return CropHead(CropOptions(), clock)


def none(clock: VirtualClock) -> Head:
    return NoneHead(NoneOptions(), clock)


@pytest.fixture(params=[crop, none], ids=lambda build: build.__name__)
def clock_and_head(request: pytest.FixtureRequest) -> Iterator[tuple[VirtualClock, Head]]:
    clock = VirtualClock()
    head = request.param(clock)
    yield clock, head
    head.close()


def drive(clock: VirtualClock, head: Head, pan_deg: float, tilt_deg: float, seconds: float) -> None:
    for _ in range(round(seconds * 30)):
        head.move(pan_deg, tilt_deg, 120.0)
        clock.wait(1 / 30)


def test_a_head_starts_at_home(clock_and_head: tuple[VirtualClock, Head]) -> None:
    _, head = clock_and_head
    assert (head.pose().pan_deg, head.pose().tilt_deg) == (0.0, 0.0)


def test_a_head_never_leaves_its_limits(clock_and_head: tuple[VirtualClock, Head]) -> None:
    clock, head = clock_and_head
    drive(clock, head, 500.0, -500.0, 2.0)
    pose = head.pose()
    assert pose.pan_deg == pytest.approx(head.limits.pan_deg[1], abs=0.11)
    assert pose.tilt_deg == pytest.approx(head.limits.tilt_deg[0], abs=0.11)


def test_without_a_fresh_command_a_head_stops_within_300_ms(clock_and_head: tuple[VirtualClock, Head]) -> None:
    """Camera L9."""
    clock, head = clock_and_head
    head.move(head.limits.pan_deg[1], 0.0, 20.0)
    clock.wait(0.32)
    stopped = head.pose().pan_deg
    clock.wait(2.0)
    assert head.pose().pan_deg == stopped


def test_stop_stands_still_at_once(clock_and_head: tuple[VirtualClock, Head]) -> None:
    clock, head = clock_and_head
    drive(clock, head, head.limits.pan_deg[1], 0.0, 0.25)
    head.stop()
    stopped = head.pose()
    clock.wait(0.2)
    assert (head.pose().pan_deg, head.pose().tilt_deg) == (stopped.pan_deg, stopped.tilt_deg)


def test_a_pose_tells_its_moment(clock_and_head: tuple[VirtualClock, Head]) -> None:
    clock, head = clock_and_head
    clock.wait(5.0)
    assert head.pose().at == timedelta(seconds=5)


def test_a_view_is_not_touched_by_the_source_afterwards(clock_and_head: tuple[VirtualClock, Head]) -> None:
    clock, head = clock_and_head
    canvas = np.full((1080, 3840, 3), 7, np.uint8)
    seen = head.view(Frame(number=0, captured=clock.monotonic(), image=canvas[:]))
    canvas[:] = 9
    assert seen.image.max() == 7
    assert seen.number == 0


@pytest.mark.parametrize("kind", HEADS)
def test_every_registered_head_opens_by_its_name_and_knows_its_lens(kind: str) -> None:
    entry = HEADS[kind]
    module, _, name = entry.open.partition(":")
    options = entry.options()
    head = getattr(__import__(module, fromlist=[name]), name)(options, VirtualClock())
    assert options.lens((1280, 720)).view_deg[0] == 60.0
    head.close()
