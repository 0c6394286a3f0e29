"""engine.md 7, camera 10 and S4: the pages as they are served; tests/browser shows that they work."""

import json
import re

import pytest

from panels.onlooker import watching
from panels.test_watching import AUTH_ON
from triptych.panels.cameras import DEFINITIONS
from triptych.tokens import Role


@pytest.fixture
async def door(tmp_path):
    async with watching(tmp_path) as (system, _, _):
        await system.door.app.service.catalog.put(DEFINITIONS, "yard", {"name": 'The <b>"yard"</b>'})
        yield system.door


@pytest.fixture
async def guarded(tmp_path):
    async with watching(tmp_path, **AUTH_ON) as (system, _, opened):
        yield system.door, opened


async def test_every_camera_has_a_page(door):
    listed = (await door.ask("GET", "/cameras")).body.decode()
    assert re.findall(r'href="(/cameras/[^"]+)"', listed) == ["/cameras/default", "/cameras/yard"]
    page = await door.ask("GET", "/cameras/yard")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b'data-camera="yard"' in page.body
    assert b"<b>" not in page.body
    missing = await door.ask("GET", "/cameras/none")
    assert (missing.status, b"No camera has this id." in missing.body) == (404, True)


async def test_pages_ask_nothing_of_other_hosts_and_run_nothing_inline(door):
    """camera S8: self-only content policy, no-referrer, nosniff."""
    for path in ("/cameras", "/cameras/default", "/sign-in", "/cameras/none"):
        page = await door.ask("GET", path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert (page.headers["referrer-policy"], page.headers["x-content-type-options"]) == ("no-referrer", "nosniff")
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(rb"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|https?://", page.body)


async def test_what_pages_are_made_of_is_served_and_known_again(door):
    names = set(re.findall(r'"/pages/([\w.-]+)"', (await door.ask("GET", "/cameras/default")).body.decode()))
    for name in names:
        part = await door.ask("GET", f"/pages/{name}")
        assert part.status == 200
        names_in = set(re.findall(r'from "/pages/([\w.-]+)"', part.body.decode()))
        assert {(await door.ask("GET", f"/pages/{one}")).status for one in names_in} <= {200}
        again = await door.ask("GET", f"/pages/{name}", if_none_match=part.headers["etag"])
        assert (again.status, again.body) == (304, b"")
    assert names >= {"page.css", "camera.js", "icon.svg"}
    assert (await door.ask("GET", "/pages/..%2fpages.py")).status == 404


async def sign_in(door, spelled):
    return await door.ask("POST", "/sign-in", json.dumps({"token": spelled}).encode(), origin="https://127.0.0.1")


async def test_with_auth_on_a_browser_signs_in_and_brings_its_pages_token(guarded):
    """camera S4: cookie-carried writes need a token too; S3: nothing is open off loopback without a credential."""
    door, opened = guarded
    tokens = door.app.service.tokens
    _, spelled = await tokens.create(name="t", role=Role.OPERATOR, by="test")
    away = await door.ask("GET", "/cameras/default")
    assert (away.status, away.headers["location"]) == (303, "/sign-in?next=/cameras/default")
    assert [(await sign_in(door, wrong)).status for wrong in ("", "x")] == [401, 401]
    begun = await sign_in(door, spelled)
    cookie = begun.headers["set-cookie"]
    assert (begun.status, spelled in cookie) == (204, False)
    assert {"HttpOnly", "SameSite=strict", "Secure"} <= set(cookie.split("; "))
    carried = cookie.partition(";")[0]
    page = (await door.ask("GET", "/cameras/default", cookie=carried)).body.decode()
    (page_token,) = re.findall(r'name="page-token" content="([^"]+)"', page)
    assert page_token not in cookie

    async def put(**headers):
        return json.loads((await door.ask("PUT", "/api/job?cause=take_shots", cookie=carried, **headers)).body)

    assert await put() == {"status": "ERROR", "message": "not allowed"}
    assert await put(x_page_token="x") == {"status": "ERROR", "message": "not allowed"}
    assert await put(x_page_token=page_token) == {"status": "OK"}
    with pytest.raises(Exception, match="403"):
        async with opened(additional_headers={"Cookie": carried}):
            pass
    async with opened(additional_headers={"Cookie": carried}, subprotocols=["triptych", f"token.{page_token}"]) as client:
        await client.event("state")
        assert client.line.subprotocol == "triptych"
    ended = await door.ask("DELETE", "/sign-in", cookie=carried, x_page_token=page_token)
    assert ended.status == 204
    assert (await door.ask("GET", "/cameras", cookie=carried)).status == 303


async def test_a_visit_ends_with_its_token_and_does_not_open_other_panels(guarded):
    door, _ = guarded
    tokens = door.app.service.tokens
    token, spelled = await tokens.create(name="t", role=Role.ADMIN, by="test")
    carried = (await sign_in(door, spelled)).headers["set-cookie"].partition(";")[0]
    assert (await door.ask("GET", "/cameras", cookie=carried)).status == 200
    await tokens.revoke(token.id)
    assert (await door.ask("GET", "/cameras", cookie=carried)).status == 303


async def test_too_many_wrong_tokens_are_refused(guarded):
    """camera 2.7."""
    door, _ = guarded
    assert [(await sign_in(door, "x")).status for _ in range(11)] == [401] * 10 + [429]
