"""Where media may come from, against a system started as a user starts it: the path and SSRF set, and bad inputs by their answers."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from media.webserver import WebServer, moved, page
from triptych.media.sample import write_sample

PATIENCE_S = 60
SHOTS = "SHOT_CHANGE_DETECTION"
HOST_REFUSED = "inputUri host is not allowed"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("up")
    (folder / "media" / "news").mkdir(parents=True)
    write_sample(folder / "media" / "news" / "item.mp4")
    (folder / "media" / "cpl.xml").write_text("<CompositionPlaylist/>")
    return folder


@pytest.fixture(scope="module")
def web(folder):
    pages = {
        "/item.mp4": page((folder / "media" / "news" / "item.mp4").read_bytes()),
        "/gone.mp4": page(b"", 404),
        "/away.mp4": moved("http://elsewhere.example/"),
        "/inwards.mp4": moved("http://169.254.169.254/latest"),
    }
    with WebServer(pages) as server:
        yield server


@pytest.fixture(scope="module")
def client(folder, web):
    config = folder / "triptych.toml"
    config.write_text(
        f'media_roots = ["media"]\n[inputs.buckets.news]\npath = "media/news"\n[inputs.buckets.leak]\npath = "."\n'
        f'[inputs.http]\nallow = ["127.0.0.1", "localhost"]\nallow_private = ["127.0.0.1"]\nports = [{web.port}]\n'
    )
    config.chmod(0o600)
    command = [sys.executable, "-m", "triptych.cli", "up", "--port", "0", "--data", str(folder / "data"), "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as program:
        try:
            address = next(found[0] for line in program.stdout if (found := re.search(r"http://\S+", line)))
            with httpx.Client(base_url=address, timeout=PATIENCE_S, trust_env=False) as client:
                yield client
        finally:
            program.send_signal(signal.SIGTERM)
            program.stdout.read()


def _asked(client, uri: str) -> httpx.Response:
    return client.post("/api/ai/jobs", content=json.dumps({"inputUri": uri, "features": [SHOTS]}))


def _ended(client, uri: str) -> dict:
    answer = _asked(client, uri)
    assert answer.status_code == 200, answer.text
    name = answer.json()["name"]
    while True:
        client.get(f"/api/v1/jobs/{name}", params={"wait_s": 10})
        view = client.get(f"/api/ai/jobs/{name}").json()
        if view.get("done"):
            return view


@pytest.mark.parametrize("form", ["gs://news/item.mp4", "http://127.0.0.1:{port}/item.mp4", "file://news/item.mp4"])
def test_a_bucket_a_host_and_a_file_give_the_same_result(client, web, folder, form) -> None:
    """media 2.6, 11.4 row 7: answers echo the client's string."""
    uri = form.format(port=web.port)
    view = _ended(client, uri)
    assert (view["status"], view["response"]["inputUri"]) == ("done", uri)
    assert [shot["startTimeOffset"] for shot in view["response"]["shotAnnotations"]][1:] == [
        "2.000000s",
        "3.600000s",
        "4.600000s",
        "6.000000s",
    ]
    assert str(folder) not in json.dumps(view)


@pytest.mark.parametrize(
    ("uri", "status", "message"),
    [
        ("gs://other/item.mp4", 400, "inputUri bucket 'other' is not known here"),
        ("gs://news/*.mp4", 400, "inputUri must name one object, without wildcards"),
        ("gs://news/gone.mp4", 404, "input not found"),
        ("gs://news/../cpl.xml", 400, "inputUri is outside the media roots"),
        ("gs://leak/triptych.toml", 400, "inputUri is outside the media roots"),
        ("http://elsewhere.example/a.mp4", 400, HOST_REFUSED),
        ("http://127.0.0.1:22/", 400, HOST_REFUSED),
        ("http://u:p@127.0.0.1/", 400, HOST_REFUSED),
        ("http://169.254.169.254/latest/meta-data", 400, HOST_REFUSED),
        ("http://[::ffff:127.0.0.1]/", 400, HOST_REFUSED),
        ("http://0x7f000001/", 400, HOST_REFUSED),
        ("https://127.0.0.1.elsewhere.example/", 400, HOST_REFUSED),
        ("ftp://127.0.0.1/a.mp4", 400, "inputUri scheme 'ftp' is not allowed here"),
        ("srt://127.0.0.1:9", 400, "inputUri scheme 'srt' is not allowed here"),
    ],
)
def test_what_is_refused_at_submit(client, folder, uri, status, message) -> None:
    """media 2.5, 2.6, U3, 11.4 row 7."""
    answer = _asked(client, uri)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)
    assert str(folder) not in answer.text


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        ("http://127.0.0.1:{port}/gone.mp4", 5, "input not found"),
        ("http://127.0.0.1:{port}/away.mp4", 3, HOST_REFUSED),
        ("http://127.0.0.1:{port}/inwards.mp4", 3, HOST_REFUSED),
        ("http://localhost:{port}/item.mp4", 3, HOST_REFUSED),
        ("cpl.xml", 3, "input refers to media outside the file"),
    ],
)
def test_what_is_found_by_the_job(client, web, form, code, message) -> None:
    """media U0, U3, 9, 11.4 rows 7 and 16: a name that leads to loopback is refused like a host that is not listed."""
    view = _ended(client, form.format(port=web.port))
    assert (view["status"], view["error"]) == ("failed", {"code": code, "message": message})


def test_the_server_tells_how_well_decoding_is_caged(client) -> None:
    """media S1."""
    assert client.get("/healthz").json()["sandbox"] in {"full", "partial"}
