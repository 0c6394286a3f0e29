import gzip
import json
from dataclasses import replace

import pytest
from starlette.types import Message, Scope
from structlog.testing import capture_logs

from panels.door import Open
from panels.sample import FIRST, SECOND
from triptych.panels.app import App


async def test_a_route_answers_with_safe_headers(open_door: Open) -> None:
    door = await open_door(FIRST, SECOND)
    reply = await door.ask("POST", "/start", b"hello")
    assert (reply.status, json.loads(reply.body)["body"]) == (200, "hello")
    wanted = {"content-type": "application/json", "x-content-type-options": "nosniff", "cache-control": "no-store"}
    assert wanted.items() <= reply.headers.items()
    assert "server" not in reply.headers


@pytest.mark.parametrize(
    ("path", "allow", "panel"),
    [
        ("/start", "OPTIONS, POST", "first"),
        ("/api/job", "DELETE, GET, HEAD, OPTIONS, POST", "second"),
        ("/api/items/7", "GET, HEAD, OPTIONS", "second"),
    ],
)
async def test_another_method_is_405_with_allow_in_the_panels_words(open_door: Open, path: str, allow: str, panel: str) -> None:
    door = await open_door(FIRST, SECOND)
    reply = await door.ask("PATCH", path)
    assert reply.status == 405
    assert reply.headers["allow"] == allow
    assert json.loads(reply.body) == {panel: "method not allowed", "code": "method_not_allowed"}


async def test_options_tells_what_is_allowed(open_door: Open) -> None:
    """Workers W5, camera W4."""
    door = await open_door(FIRST, SECOND)
    reply = await door.ask("OPTIONS", "/start")
    assert (reply.status, reply.body, reply.headers["allow"]) == (200, b"", "OPTIONS, POST")


async def test_head_is_get_without_the_body(open_door: Open) -> None:
    """Media G7, camera W4."""
    door = await open_door(FIRST, SECOND)
    async with door.line() as line:
        for path in ("/api/job", "/api/tick", "/api/job"):
            await line.send(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert (await line.reply(head=True)).status == 200
    assert (await door.ask("HEAD", "/start")).status == 405


async def test_a_page_of_a_listed_origin_may_call_and_read(open_door: Open) -> None:
    """media G2: what is listed may call; any other origin is refused."""
    door = await open_door(FIRST, replace(SECOND, cross_origin=True), allowed_origins=("https://qc.example",))
    reply = await door.ask("GET", "/api/job", origin="https://qc.example", sec_fetch_site="cross-site")
    assert (reply.status, reply.headers["access-control-allow-origin"], reply.headers["vary"]) == (200, "https://qc.example", "origin")
    lost = await door.ask("GET", "/api/nothing", origin="https://qc.example")
    assert (lost.status, lost.headers["access-control-allow-origin"]) == (418, "https://qc.example")
    foreign = await door.ask("GET", "/api/job", origin="https://other.example")
    assert (foreign.status, json.loads(foreign.body)["code"]) == (418, "cross_site")
    assert "access-control-allow-origin" not in foreign.headers
    plain = await door.ask("GET", "/api/job")
    closed = await door.ask("POST", "/start", origin="https://qc.example")
    assert [reply.status for reply in (plain, closed)] == [200, 200]
    assert not [name for reply in (plain, closed) for name in reply.headers if name.startswith("access-control")]


async def test_a_listed_page_asks_first_without_a_credential(open_door: Open) -> None:
    """media G2: a browser asks so before it sends a DELETE, a token or an Idempotency-Key."""
    door = await open_door(FIRST, replace(SECOND, cross_origin=True), allowed_origins=("https://qc.example",))
    asks = {"access_control_request_method": "DELETE", "x_forwarded_for": "10.0.0.1"}
    reply = await door.ask("OPTIONS", "/api/job", origin="https://qc.example", **asks)
    assert (reply.status, reply.headers["access-control-allow-methods"]) == (204, "DELETE, GET, HEAD, OPTIONS, POST")
    assert "idempotency-key" in reply.headers["access-control-allow-headers"]
    for origin in ({"origin": "https://other.example"}, {}):
        assert (await door.ask("OPTIONS", "/api/job", **origin, **asks)).status == 418


async def test_a_trailing_slash_redirects_or_changes_nothing_as_the_panel_says(open_door: Open) -> None:
    """Workers W5, media G1."""
    door = await open_door(FIRST, SECOND)
    moved = await door.ask("POST", "/start/?a=b")
    assert (moved.status, moved.headers["location"]) == (307, "/start?a=b")
    assert (await door.ask("GET", "/api/job/")).status == 200
    assert b'"id":"7"' in (await door.ask("GET", "/api/items/7/")).body


@pytest.mark.parametrize(
    ("path", "panel"),
    [
        ("/start/x", "first"),
        ("/api/job/x", "second"),
        ("/api/items", "second"),
        ("/api/items/1/no", "second"),
        ("/nowhere", "second"),
        ("/", "second"),
    ],
)
async def test_an_unknown_path_is_told_by_the_panel_above_it(open_door: Open, path: str, panel: str) -> None:
    door = await open_door(FIRST, SECOND)
    assert json.loads((await door.ask("GET", path)).body) == {panel: "no such route", "code": "route_not_found"}


async def test_a_parameter_may_hold_an_escaped_slash(open_door: Open) -> None:
    door = await open_door(SECOND)
    assert b'"id":"a/b c\xc3\xbc"' in (await door.ask("GET", "/api/items/a%2Fb%20c%C3%BC")).body


async def test_a_refusal_is_said_in_the_panels_words(open_door: Open) -> None:
    door = await open_door(FIRST, SECOND)
    assert json.loads((await door.ask("GET", "/api/refuse")).body) == {"second": "not like this", "code": "wrong"}


async def test_a_fault_of_ours_is_logged_and_hidden(open_door: Open) -> None:
    door = await open_door(FIRST, SECOND)
    with capture_logs() as logs:
        reply = await door.ask("GET", "/fail")
    assert json.loads(reply.body) == {"first": "internal error", "code": "internal"}
    assert [(entry["event"], entry["path"], entry["log_level"]) for entry in logs] == [("request failed", "/fail", "error")]


@pytest.mark.parametrize(
    ("accepts", "packed"),
    [("gzip, br", True), ("br;q=1, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False), ("x-gzip-no", False)],
)
async def test_large_json_is_packed_for_who_accepts_it(open_door: Open, accepts: str, packed: bool) -> None:  # noqa: FBT001 - a parameter
    door = await open_door(SECOND)
    reply = await door.ask("GET", "/api/big", accept_encoding=accepts)
    assert (reply.headers.get("content-encoding") == "gzip", reply.headers["vary"]) == (packed, "accept-encoding")
    assert len(json.loads(gzip.decompress(reply.body) if packed else reply.body)["text"]) == 5000
    small = await door.ask("GET", "/api/job", accept_encoding="gzip")
    assert "content-encoding" not in small.headers


async def test_traffic_is_counted_by_route(open_door: Open) -> None:
    door = await open_door(FIRST, SECOND)
    for path in ("/api/items/1", "/api/items/2", "/nowhere", "/elsewhere"):
        await door.ask("GET", path)
    assert door.app.traffic == {("second", "GET", "/api/items/{id}", 200): 2, ("second", "other", "other", 418): 2}


async def test_a_web_socket_that_finds_nothing_is_refused_in_the_panels_words(open_door: Open) -> None:
    door = await open_door(SECOND)
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec_websocket_version": "13",
    }
    with capture_logs() as logs:
        reply = await door.ask("GET", "/api/job", **upgrade)
    assert (reply.status, json.loads(reply.body)["code"]) == (418, "route_not_found")
    assert not logs


async def test_a_server_with_a_lifespan_is_followed(open_door: Open) -> None:
    app: App = (await open_door(SECOND)).app
    asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    told: list[Message] = []

    async def receive() -> Message:
        return next(asked)

    async def send(message: Message) -> None:
        told.append(message)

    scope: Scope = {"type": "lifespan"}
    await app(scope, receive, send)
    assert [message["type"] for message in told] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
