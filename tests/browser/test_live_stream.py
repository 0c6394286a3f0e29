"""camera 6: live.mp4 plays in a real Chromium."""

import httpx
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLAYED = """seconds => {
  const video = document.querySelector("video");
  if (!video || video.readyState < 3) return false;
  window.begun ??= video.currentTime;
  return video.currentTime > window.begun + seconds && video.videoWidth;
}"""


async def test_live_mp4_plays_on_and_begins_late(browser, server):
    """camera row 29: live.mp4 plays."""
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        assert (await client.put("/api/job?cause=live_stream")).json() == {"status": "OK"}
        context = await browser.new_context(base_url=server.url)
        try:
            for _ in range(2):
                page = await context.new_page()
                await page.goto("/api/stream/live.mp4", wait_until="commit")
                await page.wait_for_selector("video", state="attached")
                await page.evaluate("document.querySelector('video').muted = true, document.querySelector('video').play(), 0")
                played = await page.wait_for_function(PLAYED, arg=1.5, timeout=20_000)
                assert await played.json_value() == 1280
                await page.close()
        finally:
            await context.close()
            assert (await client.delete("/api/job?cause=live_stream")).json() == {"status": "OK"}
