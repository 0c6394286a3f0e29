"""What recording costs on top of tracking, in CPU time of its own thread, and how long a pre-roll takes to catch up."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.figure import Figure, at_most
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.record import Recording
from triptych.camera.records import Archive
from triptych.camera.taken import Taken, pack
from triptych.contracts import Pose
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import FPS, SceneSource
from triptych.media.sources.sim import VirtualClock

FRAMES = 300
SIZE = (1280, 720)
PRE_ROLL_FRAMES = 150


def figures() -> list[Figure]:
    """Record ten seconds of the scene at 720p."""
    takens = list(_takens(FRAMES))
    packed = [pack(taken) for taken in takens[:PRE_ROLL_FRAMES]]
    jpeg_mb = sum(taken.size_bytes for taken in packed) / 1e6
    return [
        Figure(name="recording on top, 720p", value=_share(takens, hurried=False), unit="% of a core", target=at_most(40)),
        Figure(name="recording in a hurry, 720p", value=_share(takens, hurried=True), unit="% of a core"),
        Figure(name="keeping a pre-roll, 720p", value=_packing(takens), unit="% of a core"),
        Figure(name="5 s of pre-roll, 720p", value=jpeg_mb, unit="MB", target=at_most(32)),
        Figure(name="encoding 5 s of pre-roll", value=_share(packed, hurried=True) * len(packed) / FPS / 100, unit="s"),
    ]


def _takens(count: int) -> Iterator[Taken]:
    clock = VirtualClock()
    source = SceneSource(SceneOptions(), clock, wait=clock.wait)
    head = CropHead(CropOptions(size=SIZE), clock)
    for _ in range(count):
        frame = head.view(source.read())
        kept = replace(frame, image=frame.image.copy())
        yield Taken(frame=kept, pose=Pose(at=kept.captured, pan_deg=0.0, tilt_deg=0.0))


def _share(takens: list[Taken], *, hurried: bool) -> float:
    """Return the CPU time of a median frame as a percentage of the time between two."""
    with tempfile.TemporaryDirectory() as folder:
        entry = Archive(Path(folder)).begin("default", "mp4", datetime.now(UTC), audio="silence")
        recording = Recording(entry, SIZE, FPS, {})
        costs = [_cost(recording, taken, hurried=hurried) for taken in takens]
        recording.close()
    return 100 * FPS * median(costs)


def _cost(recording: Recording, taken: Taken, *, hurried: bool) -> float:
    begun_s = time.thread_time()
    recording.write(taken, hurried=hurried)
    return time.thread_time() - begun_s


def _packing(takens: list[Taken]) -> float:
    begun_s = time.thread_time()
    for taken in takens:
        pack(taken)
    return 100 * FPS * (time.thread_time() - begun_s) / len(takens)
