"""How old a live picture is as a JPEG and as pixels in a browser, and what a viewer costs: `python -m bench.watching`."""

import asyncio
import itertools
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import mean, median, quantiles

from playwright.async_api import async_playwright
from websockets.asyncio.client import ClientConnection, connect

from bench.__main__ import main
from bench.figure import Figure, at_most
from bench.running import running
from triptych.camera.eye import Eye
from triptych.camera.faces import open_detector
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.parameters import Variant
from triptych.camera.pictures import read_head
from triptych.camera.stream import Views
from triptych.clock import SystemClock
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import FPS, SceneSource

FRAMES = 240
WARM_UP = 30
MORE_VIEWERS = 6
WATCHED_S = 5.0
REGION = (420, 300)
SCRIPT = Path(__file__).with_suffix(".js")


def figures() -> list[Figure]:
    """Return every figure of camera 10 that is about watching, on this machine as it is."""
    return [*_to_jpeg(), *asyncio.run(_served())]


def _to_jpeg() -> list[Figure]:
    """Run the frame loop in real time with a viewer of marks; note how long after its capture each picture is ready."""
    clock = SystemClock()
    ages: list[float] = []
    used_s: list[float] = []

    def show(_topic: str, picture: bytes) -> None:
        ages.append(time.time() * 1000 - read_head(picture).captured_us / 1000)
        used_s.append(time.thread_time())

    views = Views("bench", show, clock)
    options = CropOptions()
    source = SceneSource(SceneOptions(), clock)
    eye = Eye(
        source,
        CropHead(options, clock),
        lens=options.lens(source.size),
        clock=clock,
        views=views,
        budget=0.35,
        notice=lambda _glimpse: None,
        blind=lambda _message: None,
    )
    eye.mark, eye.detector = "single_rect", open_detector()
    deadline = time.monotonic() + 30
    while len(ages) < FRAMES and time.monotonic() < deadline:
        views.want(Variant(), clock.monotonic())
        eye.wait(lambda glimpse: glimpse.frame.captured > clock.monotonic(), timedelta(seconds=0.5))
    eye.close()
    costs_ms = [1000 * (after - before) for before, after in itertools.pairwise(used_s[WARM_UP:])]
    share = Figure(name="a frame with one JPEG", value=mean(costs_ms) * FPS / 10, unit="% of a core", target=at_most(35))
    typical = Figure(name="the same in CPU time, p50", value=median(costs_ms), unit="ms", note=f"detects 1 in {eye.cadence.every}")
    return [*_ages("frame to JPEG", ages[WARM_UP:], 10, 40), share, typical]


def _ages(name: str, ages: Sequence[float], most: float, most_p95: float | None = None) -> list[Figure]:
    tail = quantiles(ages, n=20)[-1]
    found = [
        Figure(name=f"{name}, p50", value=median(ages), unit="ms", target=at_most(most), note=f"{len(ages)} pictures, p95 {tail:.1f} ms")
    ]
    return found if most_p95 is None else [*found, Figure(name=f"{name}, p95", value=tail, unit="ms", target=at_most(most_p95))]


async def _served() -> list[Figure]:
    async with running() as (server, _):
        url = server.url.replace("http", "ws") + "/api/stream/ws"
        idle, busy = await _first(url), await _first(url)
        cost = await _viewer_cost(url, server.pid)
        by_socket, multipart = await _in_browser(server.url)
    return [
        Figure(name="first picture, source idle", value=idle, unit="s", target=at_most(1.0)),
        Figure(name="first picture, source running", value=busy, unit="s", target=at_most(0.2)),
        Figure(name="each further viewer", value=cost, unit="% of a core", target=at_most(5)),
        *_ages("frame to pixels by web socket", by_socket, 20),
        *_ages("frame to pixels by multipart", multipart, 70),
    ]


async def _first(url: str) -> float:
    begun = time.perf_counter()
    async with _watching(url) as line:
        while not isinstance(await line.recv(), bytes):
            pass
    return time.perf_counter() - begun


@asynccontextmanager
async def _watching(url: str) -> AsyncIterator[ClientConnection]:
    async with connect(url, compression=None) as line:
        await line.send(json.dumps({"want": {}}))
        yield line


async def _viewer_cost(url: str, pid: int) -> float:
    """Return what each of several more viewers adds to the server, in percent of a core."""
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(_watching(url))]
        alone = await _load(lines, pid)
        lines += [await stack.enter_async_context(_watching(url)) for _ in range(MORE_VIEWERS)]
        together = await _load(lines, pid)
    return (together - alone) / MORE_VIEWERS


async def _load(lines: Sequence[ClientConnection], pid: int) -> float:
    reading = [asyncio.create_task(_read(line)) for line in lines]
    await asyncio.sleep(1)
    before = _cpu_s(pid)
    await asyncio.sleep(WATCHED_S)
    used_s = _cpu_s(pid) - before
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    return 100 * used_s / WATCHED_S


async def _read(line: ClientConnection) -> None:
    async for message in line:
        if isinstance(message, bytes):
            await line.send(json.dumps({"ack": read_head(message).sequence}))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _in_browser(url: str) -> tuple[list[float], list[float]]:
    """Return the ages in a headless Chromium on this machine, whose clock is the camera's."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        await page.goto(f"{url}/sign-in")
        found = await page.evaluate(SCRIPT.read_text(), {"count": FRAMES, "region": REGION})
        await browser.close()
    return found["socket"][WARM_UP:], found["multipart"]


if __name__ == "__main__":
    sys.argv[1:] = ["watching"]
    main()
