"""camera 6, 10 and 13: live pictures and events over HTTP, and who may have them, against a camera that the test plays."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from websockets.exceptions import InvalidStatus

from panels.door import request
from panels.onlooker import watching
from triptych.camera.parameters import Variant
from triptych.messages import Answer
from triptych.tokens import Role

AUTH_ON = {"tls_proxy": ("127.0.0.1",), "allowed_hosts": ("127.0.0.1",)}
STREAM = "/api/stream?type=preview"


@pytest.fixture
async def scene(tmp_path):
    async with watching(tmp_path) as found:
        yield found


@pytest.fixture
async def guarded(tmp_path):
    async with watching(tmp_path, **AUTH_ON) as (system, camera, opened):
        tokens = system.door.app.service.tokens
        spelled = {role: (await tokens.create(name="t", role=role, by="test"))[1] for role in (Role.VIEWER, Role.OPERATOR)}
        yield system, camera, opened, spelled


@asynccontextmanager
async def viewing(door, path=STREAM):
    async with door.line() as line:
        await line.send(request("GET", path))
        head = await line.reader.readuntil(b"\r\n\r\n")
        yield head, line


async def test_a_multipart_view_shows_each_picture_at_once(scene):
    """camera row 47: MJPEG; the boundary comes with the picture, so that a browser need not wait for the next one."""
    system, camera, _ = scene
    async with viewing(system.door) as (head, line):
        assert b"multipart/x-mixed-replace; boundary=frame" in head
        assert b"cache-control: no-store" in head.lower()
        assert await line.chunk() == b"--frame\r\n"
        await camera.watched()
        await camera.show(1, body=b"first")
        assert await line.chunk() == b"Content-Type: image/jpeg\r\nContent-Length: 5\r\n\r\nfirst\r\n--frame\r\n"


@pytest.mark.parametrize(("query", "ends"), [("", True), ("?type=preview", True), ("?type=monitoring", False), ("?type=foo", False)])
async def test_delete_ends_the_views_of_its_address_even_while_no_picture_comes(scene, query, ends):
    """camera 6: DELETE ?type ends this address's views, always OK."""
    system, camera, _ = scene
    async with viewing(system.door) as (_, line):
        await line.chunk()
        await camera.watched()
        assert json.loads((await system.door.ask("DELETE", f"/api/stream{query}")).body) == {"status": "OK"}
        if ends:
            async with asyncio.timeout(5):
                assert await line.chunk() == b""
        else:
            await camera.show(1)
            assert b"jpeg" in await line.chunk()


async def test_a_view_that_cannot_be_is_refused_by_its_status(scene):
    system, camera, _ = scene
    camera.refuse("view", "The camera gives no picture.")
    refused = await system.door.ask("GET", STREAM)
    assert (refused.status, json.loads(refused.body)["message"]) == (503, "The camera gives no picture.")
    for path, status in (
        ("/api/stream", 400),
        (f"{STREAM}&fps=0", 400),
        (f"{STREAM}&camera=none", 404),
        ("/api/stream/frame.jpg?width=x", 400),
        ("/api/stream/ws", 426),
        ("/api/events?camera=none", 404),
    ):
        assert (await system.door.ask("GET", path)).status == status


async def test_one_picture_is_the_newest(scene):
    """camera 6: frame.jpg; tests/camera proves its age."""
    system, camera, _ = scene
    camera.refusals["frame"] = Answer(data={"data": b"jpeg"})
    found = await system.door.ask("GET", "/api/stream/frame.jpg?fps=5&marks=0")
    assert (found.status, found.headers["content-type"], found.headers["cache-control"], found.body) == (
        *(200, "image/jpeg", "no-store"),
        b"jpeg",
    )
    assert camera.asks[-1] == ("frame", {"fps": 5, "width": 1280, "marks": False})


async def event(line):
    """Return the next server-sent event of a stream as its fields."""
    text = ""
    while "data: " not in text:
        text = (await line.chunk()).decode()
    return dict(field.split(": ", 1) for field in text.strip().split("\n"))


async def test_events_are_told_and_replayed(scene):
    """camera 6: SSE with Last-Event-ID: the same events as by web socket; camera row 31: a viewer may have them."""
    system, camera, opened = scene
    system.door.app.service.happenings.expect("default")
    async with viewing(system.door, "/api/events") as (head, line), opened() as client:
        assert b"text/event-stream" in head
        await client.event("state")
        await camera.tell("state", {"n": 1})
        first = await event(line)
        assert json.loads(first["data"]) == await client.event("state")
        assert (first["event"], first["id"]) == ("state", json.loads(first["data"])["id"])
        await camera.tell("alarm", {"n": 2})
        assert (await event(line))["event"] == "alarm"
    async with system.door.line() as line:
        await line.send(request("GET", "/api/events?camera=*", last_event_id=first["id"]))
        await line.reader.readuntil(b"\r\n\r\n")
        assert json.loads((await event(line))["data"])["data"] == {"n": 2}
    async with system.door.line() as line:
        await line.send(request("GET", "/api/events", last_event_id="other-7"))
        await line.reader.readuntil(b"\r\n\r\n")
        assert [json.loads((await event(line))["data"])["data"] for _ in range(2)] == [{"n": 1}, {"n": 2}]


async def refusal(opened, query="", **headers):
    """Return the status and the body that a handshake is refused with."""
    with pytest.raises(InvalidStatus) as refused:
        async with opened(query, additional_headers=headers):
            pass
    return refused.value.response.status_code, json.loads(refused.value.response.body)


NOT_ALLOWED = {"status": "ERROR", "message": "not allowed"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_foreign_page_gets_no_web_socket(scene, headers):
    """camera S4: Origin, Sec-Fetch-Site and Host are checked; camera 2.7: refused before it is accepted, by the status."""
    _, _, opened = scene
    assert await refusal(opened, **headers) == (403, NOT_ALLOWED)


async def test_a_foreign_host_gets_no_web_socket(scene):
    """camera S4."""
    system, _, _ = scene
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec_websocket_version": "13",
    }
    reply = await system.door.ask("GET", "/api/stream/ws", host="evil.example", **upgrade)
    assert (reply.status, json.loads(reply.body)) == (403, NOT_ALLOWED)


async def test_our_own_page_gets_one(scene):
    system, _, opened = scene
    async with opened(origin=f"http://127.0.0.1:{system.door.port}", subprotocols=["triptych"]) as client:
        assert client.line.subprotocol == "triptych"
        await client.event("state")


async def test_an_unknown_camera_has_no_web_socket(scene):
    _, _, opened = scene
    status, body = await refusal(opened, "?camera=none")
    assert (status, body["message"]) == (404, "camera must be the id of a camera.")


async def test_with_auth_on_streams_ask_for_a_credential(guarded):
    """camera rows 31 and 32: none: 401; admin_id, a bearer header, and admin_id=false with one: good; two that differ: refused."""
    system, camera, opened, spelled = guarded
    viewer, operator = spelled[Role.VIEWER], spelled[Role.OPERATOR]
    camera.refusals["frame"] = Answer(data={"data": b"jpeg"})
    frame = "/api/stream/frame.jpg"
    assert (await system.door.ask("GET", frame)).status == 401
    assert (await system.door.ask("GET", f"{frame}?admin_id={viewer}")).status == 200
    assert (await system.door.ask("GET", f"{frame}?admin_id=false", authorization=f"Bearer {viewer}")).status == 200
    assert (await system.door.ask("GET", f"{frame}?admin_id={viewer}", authorization=f"Bearer {operator}")).status == 400
    for path in (STREAM, "/api/events"):
        assert (await system.door.ask("GET", path)).status == 401
        async with viewing(system.door, f"{path}{'&' if '?' in path else '?'}admin_id={viewer}") as (head, _):
            assert head.startswith(b"HTTP/1.1 200")
    assert await refusal(opened) == (401, NOT_ALLOWED)
    assert await refusal(opened, "?admin_id=wrong") == (401, NOT_ALLOWED)
    for query, headers in ((f"?admin_id={viewer}", {}), ("", {"Authorization": f"Bearer {viewer}"})):
        async with opened(query, additional_headers=headers) as client:
            await client.event("state")


async def test_with_auth_on_job_calls_answer_200(guarded):
    """camera row 31: GET with none, viewer: ERROR, OK; PUT with viewer, operator: ERROR, OK; all HTTP 200."""
    system, _, _, spelled = guarded
    said = []
    for method, query, role in (
        ("GET", "mark", None),
        ("GET", "mark", Role.VIEWER),
        ("PUT", "take_shots", Role.VIEWER),
        ("PUT", "take_shots", Role.OPERATOR),
    ):
        credential = f"&admin_id={spelled[role]}" if role else ""
        reply = await system.door.ask(method, f"/api/job?cause={query}{credential}")
        assert reply.status == 200
        said.append(json.loads(reply.body)["status"])
    assert said == ["ERROR", "OK", "ERROR", "OK"]


async def test_a_viewer_may_not_drive(guarded):
    """camera 2.7: moves are an operator's."""
    _, camera, opened, spelled = guarded
    async with opened(f"?admin_id={spelled[Role.VIEWER]}") as client:
        await client.say(drive={"pan": 5})
        assert (await client.event("error"))["data"] == {"message": "not allowed"}
    async with opened(f"?admin_id={spelled[Role.OPERATOR]}") as client:
        await client.say(drive={"pan": 5})
        assert len(await camera.asked("drive")) == 1


async def test_a_revoked_token_ends_its_web_socket(guarded):
    system, camera, opened, spelled = guarded
    service = system.door.app.service
    async with opened(f"?admin_id={spelled[Role.VIEWER]}") as client:
        await client.say(want={})
        await camera.watched()
        await service.tokens.revoke(service.tokens.find(spelled[Role.VIEWER]).id)
        await camera.show(1)
        assert await client.closed() == 1008


async def test_after_ten_failures_an_address_is_refused(guarded):
    """camera 2.7: after 10 failures a minute from one address all are refused; another address behind the proxy is not."""
    system, camera, _, spelled = guarded
    camera.refusals["frame"] = Answer(data={"data": b"jpeg"})

    async def status(credential, hop):
        return (await system.door.ask("GET", f"/api/stream/frame.jpg?admin_id={credential}", x_forwarded_for=hop)).status

    assert [await status("wrong", "10.0.0.1") for _ in range(10)] == [401] * 10
    assert await status(spelled[Role.VIEWER], "10.0.0.1") == 403
    assert await status(spelled[Role.VIEWER], "10.0.0.2") == 200


async def test_a_credential_is_in_no_log_and_no_event(guarded, caplog):
    """camera row 32: no trace of it."""
    system, camera, opened, spelled = guarded
    secret = spelled[Role.VIEWER]
    async with opened(f"?admin_id={secret}") as client:
        told = [await client.event("state")]
        await client.line.send("nonsense")
        told.append(await client.event("error"))
    refused = await system.door.ask("PUT", f"/api/job?cause=foo&admin_id={secret}")
    audit = (system.door.app.service.settings.data_dir / "audit.jsonl").read_text()
    seen = [
        *(json.dumps(one) for one in told),
        refused.body.decode(),
        audit,
        str(camera.asks),
        *(one.getMessage() for one in caplog.records if one.levelname != "INFO"),
    ]
    assert not [text for text in seen if secret in text]


async def test_the_variant_says_what_is_looked_at(scene):
    system, camera, _ = scene
    async with viewing(system.door, f"{STREAM}&fps=5&width=320&marks=0") as (_, line):
        await line.chunk()
        await camera.watched(Variant(fps=5, width=320, marks=False))
