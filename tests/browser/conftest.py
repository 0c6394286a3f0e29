"""One running server and one Chromium for the tests of the pages."""

import shutil

import httpx
import pytest_asyncio
from playwright.async_api import async_playwright

from triptych.cli.demo.server import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--no-sandbox", "--disable-gpu", "--mute-audio")
"""What Chromium needs as root and without a display."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory):
    async with Server(tmp_path_factory.mktemp("browser") / "data") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    assert CHROMIUM, "the browser tests need Chromium: apt-get install chromium"
    async with async_playwright() as driver:
        opened = await driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser, server):
    """A page of the default camera that shows pictures; what a script of it throws, or asks of others, fails the test."""
    context = await browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 800})
    opened = await context.new_page()
    faults = []
    opened.on("pageerror", lambda fault: faults.append(str(fault)))
    opened.on("request", lambda asked: None if asked.url.startswith((server.url, "blob:")) else faults.append(asked.url))
    await opened.goto("/cameras/default")
    await opened.wait_for_selector("#screen[data-state=live]")
    yield opened
    await context.close()
    await rest(server)
    assert not faults


async def rest(server):
    """Let the camera be idle again."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        for cause in ("track", "record"):
            await client.delete("/api/job", params={"cause": cause})
