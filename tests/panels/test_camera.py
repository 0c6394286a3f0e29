"""camera 2: what a request may say, and how errors are said; the worker answers every ask with nothing."""

import json

import pytest

from panels.system import running_system
from triptych.panels.camera import PANEL

B = {
    "job_type": "track",
    "scenario": None,
    "predicted_mission": False,
    "recognized_persons": None,
    "non_moving_target": None,
    "ai": None,
}
JSON = "application/json; charset=UTF-8"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


@pytest.fixture
async def door(tmp_path):
    async with running_system(tmp_path, (PANEL,)) as system:
        yield system.door


async def said(door, method, query, body=b"", content_type=None):
    """Return OK, or the message of the error."""
    headers = {"content_type": content_type} if content_type else {}
    reply = await door.ask(method, f"/api/job{query}", body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    answer = json.loads(reply.body)
    if answer["status"] == "OK":
        assert answer == {"status": "OK"}
        return "OK"
    assert set(answer) == {"status", "message"}
    assert 0 < len(answer["message"]) <= 200
    return answer["message"]


async def test_the_documented_post_is_ok_with_and_without_a_mark(door):
    """camera W2: exactly OK, and nothing beside it."""
    document = b"""{
    "job_type": "track",
    "scenario": "scenario_1",
    "predicted_mission": False,
    "recognized_persons": None,
    "non_moving_target": None,
    "ai": None
}"""
    assert await said(door, "POST", "", document, JSON) == "OK"
    assert await said(door, "POST", "?mark=rotating_arcs&admin_id=x", document, JSON) == "OK"
    assert await said(door, "POST", "", document) == "OK", "an absent content type is read as JSON"


@pytest.mark.parametrize("mark", ["single_rect", "partial_rect", "rotating_arcs", "animation_1", "false", "False"])
async def test_a_mark_alone_is_set_by_a_form_or_an_empty_body(door, mark):
    for body, content_type in ((b"", FORM), (b"{}", FORM), (b"", None), (b"{}", JSON), (b"rubbish", FORM)):
        assert await said(door, "POST", f"?mark={mark}", body, content_type) == "OK"


@pytest.mark.parametrize(
    ("query", "body", "content_type", "names"),
    [
        ("", b"", JSON, "mark"),
        ("?mark=None", b"", None, "mark"),
        ("", b"", FORM, "mark"),
        ("", B, FORM, "form"),
        ("", b"{}", JSON, "job_type, scenario, predicted_mission"),
        ("", b'{"job_type": "tr', JSON, "JSON"),
        ("", b"[]", JSON, "object"),
        ("", b"null", JSON, "object"),
        ("", b"NaN", JSON, "JSON"),
        ("", b'{"job_type": 1e999}', JSON, "JSON"),
        ("", b"\xff\xfe", JSON, "UTF-8"),
        ("", b"[" * 30 + b"]" * 30, JSON, "JSON"),
        ("", B | {"foo": 1}, JSON, "foo"),
        ("?mark=bogus", b"", None, "mark"),
        ("?mark=animations", B, JSON, "mark"),
        ("?mark=rotating_arcs", B | {"ai": "x"}, JSON, "ai"),
        ("?mark=single_rect&mark=single_rect", b"", None, "mark"),
        ("?camera=attic&mark=single_rect", b"", None, "camera"),
    ],
)
async def test_a_bad_post_is_an_error_that_names_what_is_wrong(door, query, body, content_type, names):
    assert names in await said(door, "POST", query, body, content_type)


async def test_a_body_over_64_kib_is_refused_unread(door):
    """Camera W7, also where the body would be ignored."""
    for size in (64 * 1024 + 1, 2 * 1024 * 1024):
        assert "65536" in await said(door, "POST", "?mark=single_rect", b" " * size, FORM)


async def test_bodies_of_other_verbs_are_ignored(door):
    assert await said(door, "PUT", "?cause=track", b"{", JSON) == "OK"
    assert await said(door, "PATCH", "", b"\xff") == "OK"


@pytest.mark.parametrize("query", ["", "?cause=", "?cause=foo", "?cause=TRACK", "?cause=track&cause=track", "?cause=track&camera=x"])
async def test_a_bad_put_is_an_error(door, query):
    """Camera row 17."""
    assert await said(door, "PUT", query) != "OK"


async def test_unknown_parameters_are_ignored(door):
    assert await said(door, "PUT", "?cause=track&a=1&a=2") == "OK"


@pytest.mark.parametrize("query", ["", "?cause=foo", "?cause=take_shots", "?pause=None", "?pause=true&cause=foo", "?pause=false"])
async def test_a_bad_delete_is_an_error(door, query):
    """Camera row 21."""
    assert await said(door, "DELETE", query) != "OK"


@pytest.mark.parametrize(
    "query", ["?cause=mission", "?cause=live_stream", "?pause=1", "?pause=true&cause=record", "?pause=None&cause=track"]
)
async def test_a_documented_delete_is_ok(door, query):
    assert await said(door, "DELETE", query) == "OK"


@pytest.mark.parametrize("query", ["", "?cause=foo", "?cause=Mark", "?cause=mark&camera=x"])
async def test_a_bad_get_is_an_error(door, query):
    """Camera row 1."""
    assert await said(door, "GET", query) != "OK"


async def test_the_list_of_marks_is_the_documented_one(door):
    reply = await door.ask("GET", "/api/job?cause=mark&admin_id=x")
    assert reply.body == b'{"status":"OK","data":["single_rect","partial_rect","rotating_arcs",{"animations":["animation_1"]}]}'


async def test_del_is_delete_and_the_rest_is_405(door):
    """Camera W4, W6 and row 26."""
    assert await said(door, "DEL", "?cause=track") == "OK"
    refused = await door.ask("TRACE", "/api/job")
    assert refused.status == 405
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(refused.headers["allow"].replace(" ", "").split(","))
    assert (await door.ask("HEAD", "/api/job?cause=mark")).status == 200
    assert (await door.ask("OPTIONS", "/api/job")).headers["allow"] == refused.headers["allow"]


async def test_bytes_have_real_statuses(door):
    for path, status in (("/api/stream/live.mp4", 404), ("/api/stream?type=x", 400), ("/api/stream/frame.jpg?width=0", 400)):
        assert (await door.ask("GET", path)).status == status
    assert (await door.ask("DELETE", "/api/stream")).body == b'{"status":"OK"}'


async def test_strict_status_keeps_the_bodies_and_tells_by_status(tmp_path):
    """Camera W5."""
    async with running_system(tmp_path, (PANEL,)) as system:
        service = system.door.app.service
        object.__setattr__(service, "settings", type(service.settings)(data_dir=tmp_path, strict_status=True))
        for method, query, status in (
            ("PUT", "?cause=foo", 400),
            ("PUT", "?cause=track&camera=x", 404),
            ("POST", "", 400),
            ("PUT", "?cause=track", 200),
        ):
            reply = await system.door.ask(method, f"/api/job{query}")
            assert (reply.status, json.loads(reply.body)["status"]) == (status, "OK" if status == 200 else "ERROR")
