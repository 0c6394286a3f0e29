"""engine.md 7 and camera 10: the live page in a real Chromium against a real server."""

import asyncio

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

WCAG_AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PIXELS = """() => {
  const canvas = document.getElementById("picture");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 7;
  for (let i = 0; i < data.length; i += 97) sum = (sum * 31 + data[i]) % 1000003;
  return sum;
}"""


async def state(server):
    async with httpx.AsyncClient(base_url=server.url) as client:
        return (await client.get("/api/job?cause=state")).json()["data"]


async def until(server, condition):
    async with asyncio.timeout(15):
        while not condition(found := await state(server)):
            await asyncio.sleep(0.02)
    return found


async def test_a_page_shows_pictures_that_change_and_says_how_fresh_they_are(page):
    """camera 10: state as text, detector cadence, picture age."""
    before = await page.evaluate(PIXELS)
    async with asyncio.timeout(10):
        while await page.evaluate(PIXELS) == before:
            await page.wait_for_timeout(20)
    await expect(page.locator("[role=status]")).to_have_text("Idle. Nothing is running.")
    await expect(page.locator("#age")).to_contain_text("ms")
    await expect(page.locator("#detector")).to_contain_text("frame")
    await expect(page.locator("#live")).to_have_text("Live")
    await expect(page.locator("#head")).to_contain_text("°")


async def test_keys_do_what_the_page_says(page, server):
    """camera 10: space pause or resume, S shot, R record, arrows drive, Esc emergency stop."""
    said = []
    page.on("request", lambda asked: said.append(f"{asked.method} {asked.url.partition(server.url)[2]}"))
    await page.keyboard.press("s")
    await expect(page.locator("#records")).to_contain_text("Shot")
    await page.keyboard.press("r")
    await until(server, lambda found: found["record"]["state"] == "on")
    await expect(page.locator("[role=status]")).to_contain_text("Record on")
    await page.keyboard.press("Space")
    await until(server, lambda found: found["state"] == "paused")
    await expect(page.locator("[role=status]")).to_contain_text("Paused.")
    await page.keyboard.press("Space")
    await until(server, lambda found: found["state"] == "active")
    await page.keyboard.press("r")
    await until(server, lambda found: found["record"]["state"] == "off")
    await expect(page.locator("#records")).to_contain_text("Recording, 0:")
    await page.keyboard.press("Escape")
    async with asyncio.timeout(5):
        while not any(one.startswith("DELETE /api/move") for one in said):
            await page.wait_for_timeout(20)


async def test_arrows_drive_while_they_are_held(browser, server):
    """camera 6: drive is said again and again, and zero when the key is let go."""
    context = await browser.new_context(base_url=server.url)
    page = await context.new_page()
    said = []
    page.on("websocket", lambda line: line.on("framesent", lambda sent: said.append(str(sent))))
    await page.goto("/cameras/default")
    await page.wait_for_selector("#screen[data-state=live]")
    await page.keyboard.down("ArrowRight")
    await page.wait_for_timeout(700)
    await page.keyboard.up("ArrowRight")
    await page.wait_for_timeout(100)
    drives = [sent for sent in said if "drive" in sent]
    assert len(drives) >= 4
    assert '"pan":20' in drives[0]
    assert '"pan":0' in drives[-1]
    await context.close()


async def test_buttons_start_pause_resume_and_stop(page, server):
    """camera 3.1, by the buttons of an activity; the lock takes a moment."""
    await page.get_by_role("button", name="Start track").click()
    await until(server, lambda found: found["track"]["state"] == "locked")
    await expect(page.locator("[role=status]")).to_contain_text("locked on face")
    await page.get_by_role("button", name="Pause track").click()
    await until(server, lambda found: found["track"]["state"] == "paused")
    await page.get_by_role("button", name="Resume track").click()
    await until(server, lambda found: found["track"]["state"] not in {"paused", "off"})
    await page.get_by_role("button", name="Stop track").click()
    await until(server, lambda found: found["track"]["state"] == "off")
    await page.locator("#mark").select_option("rotating_arcs")
    await until(server, lambda found: found["mark"] == "rotating_arcs")


async def test_what_cannot_be_done_is_said(page):
    await page.get_by_role("button", name="Start mission").click()
    await expect(page.get_by_role("alert")).to_be_visible()


async def test_with_ten_tabs_open_the_eleventh_loads(browser, server):
    """camera 10: one WebSocket a page, with 10 tabs open the 11th loads."""
    context = await browser.new_context(base_url=server.url)
    for _ in range(11):
        page = await context.new_page()
        lines = []
        page.on("websocket", lambda line, lines=lines: lines.append(line))
        await page.goto("/cameras/default")
        await page.wait_for_selector("#screen[data-state=live]", timeout=10_000)
        assert len(lines) == 1
    await context.close()


async def test_a_lost_connection_is_said_and_mended(browser, server):
    """camera 10: stale since n s; engine.md 7: honest when stale."""
    context = await browser.new_context(base_url=server.url)
    page = await context.new_page()
    held = []

    async def carry(line):
        line.connect_to_server()
        held.append(line)

    await page.route_web_socket("**/api/stream/ws**", carry)
    await page.goto("/cameras/default")
    await page.wait_for_selector("#screen[data-state=live]")
    await held[0].close(code=1001)
    await page.wait_for_selector("#screen:not([data-state=live])")
    await page.wait_for_selector("#screen[data-state=live]")
    assert len(held) == 2
    await expect(page.locator("#link")).to_have_text("Connected")
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/cameras", "/cameras/default", "/sign-in"])
async def test_pages_keep_wcag_aa_and_fit_360_pixels(browser, server, scheme, path):
    """engine.md 7: WCAG AA, light and dark, works at 360 px."""
    context = await browser.new_context(base_url=server.url, color_scheme=scheme, viewport={"width": 360, "height": 740})
    page = await context.new_page()
    await page.goto(path)
    await page.wait_for_load_state("load")
    if path == "/cameras/default":
        await page.wait_for_selector("#screen[data-state=live]")
    found = await Axe().run(page, options=WCAG_AA)
    assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await context.close()
