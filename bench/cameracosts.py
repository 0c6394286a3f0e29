"""What a frame of the default camera costs at 720p30 (camera 10), in CPU time, so that a busy machine does not decide."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median

import httpx

from bench import processes
from bench.figure import Figure, at_most
from bench.running import running
from triptych.camera.control import NORMAL
from triptych.camera.eye import Glimpse
from triptych.camera.faces import Cadence, Detector, Gaze, open_detector
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.pilots.follow import Follower
from triptych.camera.record import Recording
from triptych.camera.records import Archive
from triptych.camera.shots import encode_jpeg
from triptych.camera.stream import QUALITY, View, render
from triptych.camera.taken import Taken
from triptych.camera.track import Lock, Tracker
from triptych.camera.wheel import Owner, Wheel
from triptych.camera.witness import Witness
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import FPS, SceneSource
from triptych.media.sources.sim import VirtualClock

BUDGET, RECORDING, VIEWER = 35.0, 40.0, 5.0
FRAMES = 600
WIDE = 1280
VIEWERS, LOOK_S, WARM_S = 6, 6.0, 2.0


def figures() -> Iterator[Figure]:
    """Measure a frame with each runtime that is installed, recording on top, and a further viewer."""
    for fast in [True, False] if find_spec("ai_edge_litert") else [False]:
        detector = open_detector(fast=fast)
        cost = Loop(detector).run()
        note = ", ".join(f"{part} {share:.1f}" for part, share in cost.items())
        yield Figure(name=f"a frame with {detector.name}", value=sum(cost.values()), unit="% of a core", target=at_most(BUDGET), note=note)
    yield Figure(name="recording on top", value=_recording(), unit="% of a core", target=at_most(RECORDING))
    yield Figure(name="each further viewer", value=asyncio.run(_viewer()), unit="% of a core", target=at_most(VIEWER), note="MJPEG, 720p")


class Loop:
    """The default camera at work on the virtual clock as the frame loop works, its CPU time noted by part."""

    def __init__(self, detector: Detector) -> None:
        self._clock = VirtualClock()
        self._detector, self._cadence, self._gaze = detector, Cadence(fps=FPS), Gaze()
        self._source = SceneSource(SceneOptions(), self._clock, wait=self._clock.wait)
        self._head = CropHead(CropOptions(), self._clock)
        lens = CropOptions().lens(self._source.size)
        self._tracker, self._witness, self._wheel = Tracker(lens), Witness(lens), Wheel(self._head)
        self._pilot = Follower(Lock(), NORMAL, self._head.limits)
        self.glimpse: Glimpse | None = None

    def run(self) -> Mapping[str, float]:
        """Return by part the share of a core, in percent, at 30 frames a second; the first half settles caches and cadence."""
        frames = [self.frame(number) for number in range(2 * FRAMES)][FRAMES:]
        shares = {part: 100 * FPS * median(frame[part] for frame in frames) for part in ("capture", "draw", "jpeg")}
        followed = 100 * FPS * mean(frame["follow"] for frame in frames)
        searched = [frame["detect"] for frame in frames if frame["detect"] > 0]
        return {**shares, "follow": followed, f"detect every {self._cadence.every}": 100 * FPS * mean(searched) / self._cadence.every}

    def frame(self, number: int) -> Mapping[str, float]:
        """Do all that is done for a frame; return the CPU seconds by part."""
        marks = [time.thread_time()]
        view = self._head.view(self._source.read())
        marks.append(time.thread_time())
        due, target = self._cadence.due(number), self.glimpse and self.glimpse.target
        faces = self._gaze.find(self._detector, view, target or None, self._cadence.every) if due else None
        marks.append(time.thread_time())
        pose = self._head.at(view.captured)
        tracks = self._tracker.update(view.captured, faces, pose)
        target = self._pilot.watch(view, pose, tracks)
        command = self._pilot.steer(self._clock.monotonic(), self._head.pose())
        self._wheel.steer(Owner.TRACK, command)
        self._witness.note(view, pose, tracks, command)
        self.glimpse = Glimpse(frame=view, pose=pose, tracks=tracks, target=target)
        marks.append(time.thread_time())
        picture = render(View(frame=view, objects=self.glimpse.marked()), "rotating_arcs", WIDE)
        marks.append(time.thread_time())
        encode_jpeg(picture, QUALITY)
        marks.append(time.thread_time())
        capture, detect, follow, draw, jpeg = (later - earlier for earlier, later in itertools.pairwise(marks))
        self._cadence.note(view.captured, capture + follow + draw + jpeg, detect if due else 0.0)
        return {"capture": capture, "detect": detect if due else 0.0, "follow": follow, "draw": draw, "jpeg": jpeg}


def _recording() -> float:
    """Return the share of a core, in percent, that writing the same frames to a file takes."""
    loop, spent_s = Loop(open_detector()), 0.0
    with tempfile.TemporaryDirectory(prefix="triptych-bench-") as folder:
        entry = Archive(Path(folder)).begin("bench", "mp4", datetime.now(UTC), audio="silence")
        recording = Recording(entry, CropOptions().size, FPS, {})
        for number in range(FRAMES):
            loop.frame(number)
            assert loop.glimpse is not None
            taken = Taken(frame=loop.glimpse.frame, pose=loop.glimpse.pose, objects=tuple(loop.glimpse.objects()))
            begun_s = time.process_time()
            recording.write(taken)
            spent_s += time.process_time() - begun_s
        recording.close()
    return 100 * FPS * spent_s / FRAMES


async def _viewer() -> float:
    """Return the share of a core, in percent, that the whole system spends more for each viewer after the first."""
    async with running() as (server, _), AsyncExitStack() as views:
        client = await views.enter_async_context(httpx.AsyncClient(base_url=server.url, timeout=None))
        one = await _share(views, client, server.pid, 1)
        many = await _share(views, client, server.pid, VIEWERS - 1)
    return (many - one) / (VIEWERS - 1)


async def _share(views: AsyncExitStack, client: httpx.AsyncClient, pid: int, more: int) -> float:
    for _ in range(more):
        view = await views.enter_async_context(client.stream("GET", "/api/stream?type=preview"))
        view.raise_for_status()
        drain = asyncio.create_task(_drain(view))
        views.callback(drain.cancel)
    await asyncio.sleep(WARM_S)
    before = processes.cpu_s(processes.tree(pid))
    await asyncio.sleep(LOOK_S)
    return 100 * (processes.cpu_s(processes.tree(pid)) - before) / LOOK_S


async def _drain(view: httpx.Response) -> None:
    async for _ in view.aiter_raw():
        pass
