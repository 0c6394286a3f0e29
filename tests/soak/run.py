"""A whole system that tracks and records, and what of its camera process grows."""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import av
import httpx

from triptych.stores.sql import SqlStore

SRC = Path(__file__).parents[2] / "src"
WARM = 0.2
"""The part of the time after which growth counts, 5 minutes at most."""
MOST_WARM_S = 300.0
SAMPLES = 40
BOUND_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What came of it; `growth_bytes` from the end of the warm-up to the last tenth of the time."""

    seconds: float
    growth_bytes: float
    frames: int
    dropped: int
    file_frames: int
    file_s: float

    @property
    def drops(self) -> float:
        """The part of the frames that was dropped."""
        return self.dropped / max(1, self.frames)


def soak(folder: Path, seconds: float, size: tuple[int, int] = (1280, 720)) -> Soaked:
    """Track and record for so long, in pictures of `size`; the source gives 30 frames a second."""
    asyncio.run(_define(folder, size))
    command = [sys.executable, "-m", "triptych.cli", "up", "--port", "0", "--data", str(folder), "--json"]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(SRC)}, stdout=subprocess.PIPE) as server:
        try:
            with httpx.Client(base_url=json.loads(server.stdout.readline())["url"], timeout=BOUND_S) as client:
                return _soak(client, folder, seconds)
        finally:
            server.terminate()
            server.wait(BOUND_S)


async def _define(folder: Path, size: tuple[int, int]) -> None:
    async with SqlStore(f"sqlite:///{folder / 'triptych.db'}") as store:
        await store.put("cameras", "default", {"head": {"kind": "crop", "size": size}})


def _soak(client: httpx.Client, folder: Path, seconds: float) -> Soaked:
    for cause in ("track", "record"):
        answer = client.put(f"/api/job?cause={cause}").json()
        assert answer == {"status": "OK"}, answer
    process = _writer(next(folder.rglob("*.mp4")))
    samples, state = _sample(client, process, seconds)
    client.delete("/api/job?cause=record")
    client.delete("/api/job?cause=track")
    record = state["record"]
    data = client.get(f"/api/record?id={record['id']}&part=marks").text
    file_frames, file_s = _played(next(folder.rglob("*.mp4")))
    assert data.count('"objects"') == file_frames
    warm = [size for at, size in samples if at <= _warm_s(seconds)][-3:]
    last = [size for at, size in samples if at >= 0.9 * seconds]
    return Soaked(
        seconds=seconds,
        growth_bytes=median(last) - median(warm),
        frames=file_frames + record["dropped"],
        dropped=record["dropped"],
        file_frames=file_frames,
        file_s=file_s,
    )


def _sample(client: httpx.Client, process: int, seconds: float) -> tuple[list[tuple[float, int]], dict]:
    begun, samples = time.monotonic(), []
    while (at := time.monotonic() - begun) < seconds:
        samples.append((at, _resident_bytes(process)))
        time.sleep(min(seconds / SAMPLES, seconds - at))
        state = client.get("/api/job?cause=state").json()["data"]
        assert (state["record"]["state"], state["track"]["state"] == "failed") == ("on", False), state
    samples.append((seconds, _resident_bytes(process)))
    return samples, state


def _warm_s(seconds: float) -> float:
    return min(MOST_WARM_S, max(WARM * seconds, 3 * seconds / SAMPLES))


def _resident_bytes(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise AssertionError(process)


def _writer(path: Path) -> int:
    """Return the process that has a file open."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(link.resolve() == path for link in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue
    raise AssertionError(path)


def _played(path: Path) -> tuple[int, float]:
    """Return how many frames a file has, and its length in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sum(1 for packet in container.demux(stream) if packet.size), float(stream.duration * stream.time_base)
