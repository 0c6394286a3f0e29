"""camera 6, W1-W5, S5: what people may say about recordings; tests/camera/test_shelf.py proves what is done then."""

import json
from urllib.parse import quote, urlencode

import pytest

from panels.system import running_system
from triptych.panels.camera import PANEL

WHERE = "/api/record?id=5e0b7c50-0000-4000-8000-000000000000"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


@pytest.fixture
async def door(tmp_path):
    async with running_system(tmp_path, (PANEL,)) as system:
        yield system.door


async def said(door, method, path, body=b""):
    """Return OK, or the message of the error."""
    reply = await door.ask(method, path, body, content_type=FORM)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    answer = json.loads(reply.body)
    if answer["status"] == "OK":
        assert answer == {"status": "OK"}
        return "OK"
    assert 0 < len(answer["message"]) <= 200
    return answer["message"]


def form(**fields):
    return urlencode(fields).encode()


@pytest.mark.parametrize("name", ["Cat", "Grüße aus 東京", "a" * 80, "+1 & more=less"])
async def test_a_name_is_any_visible_text(door, name):
    assert await said(door, "PUT", WHERE, form(name=name)) == "OK"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        form(name=""),
        form(name=" "),
        form(name="a" * 81),
        form(name="../x"),
        form(name="a/b"),
        form(name="a\\b"),
        form(name="a\nb"),
        form(name="a\0b"),
        form(other="x"),
        b"name=%ff",
        "name=ü".encode(),
        b"&".join(b"a=1" for _ in range(50)),
        b'{"name": "Cat"}',
    ],
)
async def test_a_bad_name_is_an_error_that_names_it(door, body):
    """camera S5: separators and control characters are refused."""
    assert "name" in await said(door, "PUT", WHERE, body)


async def test_a_form_over_64_kib_is_refused(door):
    assert "65536" in await said(door, "PUT", WHERE, b"name=" + b"a" * 65536)


@pytest.mark.parametrize("word", ["true", "false", "True", "False"])
async def test_protection_is_a_yes_or_a_no(door, word):
    assert await said(door, "PATCH", f"{WHERE}&protected={word}") == "OK"


@pytest.mark.parametrize("query", ["", "&protected=", "&protected=1", "&protected=yes", "&protected=true&protected=true"])
async def test_other_protection_is_an_error(door, query):
    assert "protected" in await said(door, "PATCH", WHERE + query)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(("query", "names"), [("", "id"), ("?id=", "id"), ("?id=a&id=b", "id"), ("?id=a&camera=x", "camera")])
async def test_what_is_meant_must_be_said_once(door, method, query, names):
    mark = "&" if query else "?"
    assert names in await said(door, method, f"/api/record{query}{mark}protected=true", form(name="x"))


async def test_delete_is_ok_and_its_body_is_ignored(door):
    """camera W7."""
    assert await said(door, "DELETE", WHERE, b"{") == "OK"


async def test_no_text_makes_a_server_error(door):
    """camera W4."""
    for text in ("\x00", "'\"; DROP", "%", "a" * 5000, "☃", "../../etc/passwd"):
        for method in ("PUT", "PATCH", "DELETE"):
            await said(door, method, f"/api/record?id={quote(text)}&protected={quote(text)}", form(name=text))
