"""camera 6, S6: where live streams go, over HTTP; the camera's process is a worker that does as the test says."""

import asyncio
import json

import pytest

from panels.door import request
from panels.system import running_system
from triptych.errors import NotFound
from triptych.messages import Answer, Ask, Refused
from triptych.panels.camera import PANEL

KEY = "k-77f0"
SITE = {"name": "Tube", "url": "https://tube.example", "server": "rtmp://127.0.0.1:9/live", "marks": True}
PATH = "/api/live_stream"


@pytest.fixture
async def system(tmp_path):
    async with running_system(tmp_path, (PANEL,)) as system:
        await system.worker.announce(slots={"camera": 8})
        yield system


@pytest.fixture
def call(system):
    async def call(method, query="", body=None):
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = await system.door.ask(method, f"{PATH}{query}", content)
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        answer = json.loads(reply.body)
        if answer["status"] == "ERROR":
            assert set(answer) == {"status", "message"}
            assert 0 < len(answer["message"]) <= 200
            return answer["message"]
        return answer.get("data", "OK")

    return call


@pytest.fixture
async def site(call):
    return (await call("POST", "", SITE))["id"]


async def listed(call):
    return await call("GET", "?cause=list")


async def test_a_site_is_kept_changed_and_forgotten(call):
    site_id = (await call("POST", "", SITE))["id"]
    shown = {"id": site_id, **SITE, "to_be_used": False, "stream_ids": []}
    assert await listed(call) == [shown] == await call("GET")
    assert await call("PUT", f"?id={site_id}", {"marks": False, "url": ""}) == "OK"
    assert await listed(call) == [shown | {"marks": False, "url": ""}]
    assert await call("DELETE", f"?id={site_id}") == "OK"
    assert await listed(call) == []


async def test_keys_are_never_told_and_lie_in_a_file_of_their_own(call, site, tmp_path):
    """camera S6: write-only, mode 0600."""
    assert await call("POST", f"?id={site}", {"account_name": "main", "key": KEY}) == "OK"
    assert (await listed(call))[0]["stream_ids"] == [{"account_name": "main", "key": "****", "is_active": True}]
    path = tmp_path / "live-keys.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert KEY in path.read_text()
    others = [one.read_bytes() for one in tmp_path.rglob("*") if one.is_file() and one != path]
    assert not any(KEY.encode() in data for data in others)
    assert await call("PUT", f"?id={site}&account_name=main", {"account_name": "other"}) == "OK"
    assert json.loads(path.read_text()) == {f"{site}/other": KEY}
    assert await call("PUT", f"?id={site}&account_name=other", {"key": "new"}) == "OK"
    assert json.loads(path.read_text()) == {f"{site}/other": "new"}
    assert await call("DELETE", f"?id={site}&account_name=other") == "OK"
    assert json.loads(path.read_text()) == {}
    assert (await listed(call))[0]["stream_ids"] == []


async def test_a_site_takes_its_keys_with_it(call, site, tmp_path):
    await call("POST", f"?id={site}", {"account_name": "main", "key": KEY})
    await call("DELETE", f"?id={site}")
    assert KEY not in (tmp_path / "live-keys.json").read_text()


async def test_sites_and_accounts_are_used_or_not(call, site):
    await call("POST", f"?id={site}", {"account_name": "main", "key": KEY})
    for word, flag in (("true", True), ("False", False), ("1", True), ("0", False)):
        assert await call("PATCH", f"?cause=website&in_use={word}&id={site}") == "OK"
        assert await call("PATCH", f"?cause=stream_id&in_use={word}&id={site}&account_name=main") == "OK"
        (shown,) = await listed(call)
        assert (shown["to_be_used"], shown["stream_ids"][0]["is_active"]) == (flag, flag)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (("GET", "?cause=foo", None), "cause"),
        (("GET", "?cause=list&cause=list", None), "cause"),
        (("GET", "?camera=none", None), "camera"),
        (("POST", "", b"{"), "JSON"),
        (("POST", "", []), "body"),
        (("POST", "", {}), "name"),
        (("POST", "", {"name": "A"}), "server"),
        (("POST", "", {**SITE, "foo": 1}), "name, url, server, marks"),
        (("POST", "", {**SITE, "name": 5}), "name"),
        (("POST", "", {**SITE, "name": ""}), "name"),
        (("POST", "", {**SITE, "marks": "yes"}), "marks must be true or false"),
        (("POST", "", {**SITE, "url": "javascript:x"}), "url"),
        (("POST", "", {**SITE, "server": "http://a"}), "server"),
        (("POST", "", {**SITE, "server": "file:../x"}), "server"),
        (("POST", "?id=SITE", {"account_name": "a"}), "key"),
        (("POST", "?id=SITE", {"key": "a"}), "account_name"),
        (("POST", "?id=SITE", {"account_name": "a", "key": ""}), "key"),
        (("POST", "?id=SITE", {"account_name": "a", "key": "a\nb"}), "key"),
        (("POST", "?id=SITE", SITE), "account_name, key"),
        (("POST", "?id=none", {"account_name": "a", "key": "b"}), "id"),
        (("PUT", "", {"name": "B"}), "id"),
        (("PUT", "?id=SITE&account_name=none", {"key": "b"}), "account_name"),
        (("PATCH", "?cause=website&in_use=maybe&id=SITE", None), "in_use"),
        (("PATCH", "?cause=website&id=SITE", None), "in_use"),
        (("PATCH", "?cause=foo&in_use=true&id=SITE", None), "cause"),
        (("PATCH", "?in_use=true&id=SITE", None), "cause"),
        (("PATCH", "?cause=stream_id&in_use=true&id=SITE", None), "account_name"),
        (("DELETE", "", None), "id"),
        (("DELETE", "?id=SITE&account_name=none", None), "account_name"),
    ],
)
async def test_bad_input_names_the_field_and_changes_nothing(call, site, asked, named):
    """camera W3."""
    before = await listed(call)
    method, query, body = asked
    said = await call(method, query.replace("SITE", site), body)
    assert isinstance(said, str)
    assert named in said
    assert await listed(call) == before


async def test_sites_belong_to_a_camera(system, call, site):
    await system.door.app.service.catalog.put("cameras", "attic", {"name": "Attic"})
    assert await call("GET", "?camera=attic") == []
    assert len(await listed(call)) == 1


async def test_a_live_stream_gets_its_targets_with_their_keys(system, call, site):
    """camera row 29: a target without a key is an ERROR before anything starts."""
    seen = []
    system.worker.bus._served.clear()

    async def answer(asked):
        if isinstance(asked, Ask):
            seen.append((asked.verb, asked.data))
            return Answer()
        return await system.worker.answer(asked)

    await system.worker.bus.serve(system.worker.id, answer)
    await call("PATCH", f"?cause=website&in_use=true&id={site}")
    reply = await system.door.ask("PUT", "/api/job?cause=live_stream", b"")
    assert json.loads(reply.body)["message"] == "Tube: the site has no active account with a key."
    assert seen == []
    await call("POST", f"?id={site}", {"account_name": "main", "key": KEY})
    reply = await system.door.ask("PUT", "/api/job?cause=live_stream", b"")
    assert json.loads(reply.body) == {"status": "OK"}
    target = {"site_id": site, "site": "Tube", "account": "main", "server": SITE["server"], "key": KEY, "marks": True}
    assert seen == [("live_stream", {"targets": [target]})]


async def test_availability_is_whether_an_enabled_target_takes_tcp(call):
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        site = (await call("POST", "", SITE | {"server": f"rtmp://127.0.0.1:{port}/live"}))["id"]
        await call("POST", f"?id={site}", {"account_name": "main", "key": KEY})
        assert await call("GET", "?cause=availability") is False
        await call("PATCH", f"?cause=website&in_use=true&id={site}")
        assert await call("GET", "?cause=availability") is True
    assert await call("GET", "?cause=availability") is False
    disk = (await call("POST", "", {"name": "Disk", "server": "file:show"}))["id"]
    await call("PATCH", f"?cause=website&in_use=true&id={disk}")
    assert await call("GET", "?cause=availability") is True


async def test_the_live_stream_is_404_while_it_is_off_and_ends_with_it(system):
    answers = [Answer(data={"data": part, "cursor": 1, "ended": not part}) for part in (b"head", b"more", b"")]
    off = NotFound("There is no live stream.", code="live_off")
    system.worker.bus._served.clear()

    async def answer(_):
        return answers.pop(0) if answers else Refused(code=off.code, message=off.message)

    await system.worker.bus.serve(system.worker.id, answer)
    async with system.door.line() as line:
        await line.send(request("GET", "/api/stream/live.mp4"))
        reply = await line.reply()
        assert (reply.status, reply.headers["content-type"]) == (200, "video/mp4")
        assert [await line.chunk() for _ in range(3)] == [b"head", b"more", b""]
    assert (await system.door.ask("GET", "/api/stream/live.mp4")).status == 404
