"""Row 50 of the acceptance checklist (camera.md 13): rubbish on every camera route does no harm."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from triptych.panels.camera import PANEL

BOUND_S = 30
CALLS = 1_000
NAMES = [
    *("cause", "pause", "mark", "camera", "id", "db", "action", "a_type", "root", "type", "quantity", "expand", "date", "part", "image"),
    *("protected", "fps", "width", "marks", "in_use", "account_name", "target", "export", "download"),
]
WORDS = [
    *("", "null", "None", "foo", "../x", "../../etc/passwd", "1e9", "NaN", "-1", "999999999999999999999", "%00", "\x00", "\ud7ff", "true"),
    *("joint", "axis", "head", "pan", "home9", "scenario", "01_01_2026", "99_99_9999", "a" * 5000, "' OR 1=1 --", "{}", "💥", "missions"),
]
BODIES = [
    *(b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"a":NaN}', b'{"a":1e999}', b"[" * 50, b"\xff\xfe\x00", b"{" * 21 + b"}" * 21),
    *(b'{"name":5}', b'{"name":"../x","positions":{}}', b'{"face_name":"x","photos":[{"name":"a.jpg","base_sf":"AAAA"}]}', b"x" * 70_000),
    *(
        b'{"source":{"kind":"url","url":"file:///etc/passwd"}}',
        b"type=joint&id=99&quantity=1e9",
        b"type=head&id=pan&quantity=NaN",
        b"name=%2e%2e%2f",
    ),
]
TYPES = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
ENDLESS = {"/api/events", "/api/stream"}
BYTES = {"/api/stream", "/api/stream/frame.jpg", "/api/stream/live.mp4", "/api/stream/ws", "/api/record", "/api/face_encoding"}


@pytest.fixture
def url(tmp_path):
    command = [sys.executable, "-m", "triptych.cli", "up", "--port", "0", "--data", str(tmp_path / "data"), "--json"]
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE) as server:
        try:
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()
            server.wait(BOUND_S)
    assert server.returncode == 0


def rubbish(chance, path, method):
    """Return the query, body and content type of a call that asks for nothing sensible."""
    query = [(chance.choice(NAMES), chance.choice(WORDS)) for _ in range(chance.randrange(4))]
    if path in ENDLESS and method == "GET":
        query = [(name, word) for name, word in query if name != "type"] + [("type", "rubbish")]
    return query, chance.choice(BODIES), chance.choice(TYPES)


def test_row_50_a_thousand_random_calls_on_every_route(url, tmp_path):
    """camera W3, W4, camera row 50: no 5xx, no motion, no file; one sentence each."""
    chance = random.Random(50)
    routes = sorted({(route.method, route.path) for route in PANEL.routes if route.path != "/api/events"})
    with httpx.Client(base_url=url, timeout=BOUND_S) as client:
        before = client.get("/api/move").json()
        for number in range(CALLS):
            method, path = routes[number % len(routes)]
            query, body, content_type = rubbish(chance, path, method)
            headers = {"content-type": content_type} if content_type else {}
            begun = time.monotonic()
            answer = client.request(method, path, params=query, content=body, headers=headers)
            asked = (method, path, query, body[:80], answer.status_code, answer.text[:200])
            assert answer.status_code < 500 or (path in BYTES and answer.status_code == 503), asked
            assert time.monotonic() - begun < 10, asked
            if answer.headers["content-type"] == "application/json" and answer.json()["status"] == "ERROR":
                message = answer.json()["message"]
                assert 0 < len(message) <= 200, asked
                assert str(tmp_path) not in message, asked
                assert "Traceback" not in message, asked
        assert client.get("/api/move").json() == before
        assert client.get("/api/record").json() == {"status": "OK", "data": []}
        assert client.get("/api/face_encoding").json()["data"] == []
        state = client.get("/api/job", params={"cause": "state"}).json()["data"]
        assert (state["state"], state["session"]) == ("idle", None)
    written = (
        [path for path in (tmp_path / "data" / "records").rglob("*") if path.is_file()] if (tmp_path / "data" / "records").is_dir() else []
    )
    assert [path for path in written if path.suffix in {".mp4", ".jpg"}] == []
